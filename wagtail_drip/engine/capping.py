"""Capping: of what may go, what would be one message too many for its person, or out of turn.

Decided in the transaction that sets `sending`, with the people locked by the claim: whoever decides
on the same person next sees these messages. What was sent, is being sent or may have been sent
counts; transactional messages neither count nor wait.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from .. import registry
from ..conf import conf
from ..flow import capping
from ..flow.capping import WEEK, Holder, Limit, Message
from ..flow.reasons import because
from ..models import Campaign, Cap, Delivery, Enrollment, Segment
from ..models.among import among
from ..models.sending_times import calendars
from .asking import for_all
from .checking import Go, Hold, Skip, Verdict
from .loading import Due
from .reconsidering import ask_again
from .retrying import is_outage
from .walking import zone_of

logger = logging.getLogger("wagtail_drip")

LOOK_AGAIN = timedelta(hours=1)  # so often, at least, at what waits for another campaign
State = Delivery.State
# Campaign.transactional, as a query, is what this is not.
_COUNTS = Q(campaign__topic__isnull=False) | Q(campaign__transactional_reason="")


def concerned(
    rows: Iterable[Due], verdicts: Mapping[int, Verdict], holding: Collection[Campaign]
) -> list[Due]:
    """Those that may go so far and to whose people a limit may apply. No query.

    `holding`: the campaigns that let others wait.
    """
    uncounted = _uncounted()
    return [
        row
        for row in rows
        if isinstance(go := verdicts.get(row.pk), Go)
        and not go.campaign.transactional
        and row.channel not in uncounted
        and (holding or is_capped(go.campaign) or row.contact.most_per_week)
    ]


def _uncounted() -> list[str]:
    """The channels by which people get nothing: a task for the staff, a call to another system."""
    return [slug for slug, channel in registry.channels().items() if not channel.counts]


def is_capped(campaign: Campaign) -> bool:
    """Whether its site has caps, as `checking` has asked with the campaign."""
    return bool(getattr(campaign, "capped", False))


def cap(
    rows: Sequence[Due],
    verdicts: Mapping[int, Verdict],
    holding: Collection[Campaign],
    now: datetime,
) -> dict[int, Verdict]:
    """Other verdicts on those of the deliveries, of `concerned`, that must wait or be left out.

    At most one delivery a person. Four queries, and one for each segment that a cap is for.
    """
    campaigns = {row.pk: go.campaign for row in rows if isinstance(go := verdicts[row.pk], Go)}
    held = _held(rows, campaigns, holding, now)
    return held | _too_many([row for row in rows if row.pk not in held], campaigns, now)


def _held(
    rows: Sequence[Due],
    campaigns: Mapping[int, Campaign],
    holding: Collection[Campaign],
    now: datetime,
) -> dict[int, Verdict]:
    """Those whose people are inside a campaign that goes first. One query, or none."""
    if not holding:
        return {}
    holders = _holders([row.enrollment.contact_id for row in rows], holding)
    found: dict[int, Verdict] = {}
    for row in rows:
        inside = holders.get(row.enrollment.contact_id, {}).values()
        campaign = campaigns[row.pk]
        if first := capping.holder_of(campaign.pk, campaign.priority, inside):
            reason = because("elsewhere_first", campaign=first.name)
            found[row.pk] = Hold(reason, _looks_again(first.due_at, now))
    return found


def _holders(
    people: Collection[int], holding: Iterable[Campaign]
) -> Mapping[int, Mapping[int, Holder]]:
    """By contact and campaign, those of the campaigns that they are inside."""
    by_id = {campaign.pk: campaign for campaign in holding}
    inside = Enrollment.objects.filter(
        among("contact_id", people), campaign__in=by_id, state=Enrollment.State.ACTIVE
    ).order_by("-entered_at", "-pk")
    found: dict[int, dict[int, Holder]] = defaultdict(dict)
    for contact, pk, entered_at, due_at in inside.values_list(
        "contact_id", "campaign_id", "entered_at", "due_at"
    ):
        campaign = by_id[pk]
        found[contact][pk] = Holder(pk, campaign.name, campaign.priority, entered_at, due_at)
    return found


def _looks_again(due_at: datetime | None, now: datetime) -> datetime:
    """Before `due_at` they hardly leave; but a goal or a person's hand may end it at any time."""
    earliest = now + timedelta(minutes=conf.HOLD_MINUTES)
    return min(max(due_at or earliest, earliest), max(earliest, now + LOOK_AGAIN))


def _too_many(
    rows: Sequence[Due], campaigns: Mapping[int, Campaign], now: datetime
) -> dict[int, Verdict]:
    """Those that their people may not get, or not yet."""
    limits = _limits(rows, campaigns, now)
    people = {row.enrollment.contact_id for row in rows if limits[row.pk]}
    if not people:
        return {}
    longest = max(limit.window for some in limits.values() for limit in some)
    messages = _messages(people, now - longest)
    times = calendars({one.pk: one for one in campaigns.values()}.values())
    found: dict[int, Verdict] = {}
    for row in rows:
        campaign = campaigns[row.pk]
        zone = zone_of(row.contact.time_zone, campaign.time_zone)
        known = messages[row.enrollment.contact_id]
        match capping.decide(limits[row.pk], known, now, zone, times[campaign.pk]):
            case capping.NotBefore(at=at, because=reason):
                found[row.pk] = Hold(reason, at, zone=zone)
            case capping.Skip(because=reason):
                found[row.pk] = Skip(Delivery.Reason.CAP, ends=False, because=reason)
    return found


def _limits(
    rows: Iterable[Due], campaigns: Mapping[int, Campaign], now: datetime
) -> dict[int, list[Limit]]:
    """By delivery: the caps that hold for its person, and what they wished themselves."""
    limits: dict[int, list[Limit]] = {}
    by_site: dict[int, dict[int, int]] = defaultdict(dict)  # delivery → contact
    for row in rows:
        own = row.contact.most_per_week
        limits[row.pk] = [Limit(own, WEEK)] if own else []
        if is_capped(campaigns[row.pk]):
            by_site[campaigns[row.pk].site_id][row.pk] = row.enrollment.contact_id
    if not by_site:
        return limits
    everybody = {contact for some in by_site.values() for contact in some.values()}
    caps = list(Cap.objects.filter(site__in=by_site).select_related("segment"))
    segments = {cap.segment_id: cap.segment for cap in caps if cap.segment}
    members = {pk: _members(segment, everybody, now) for pk, segment in segments.items()}
    for one in caps:
        inside = members[one.segment_id] if one.segment_id else everybody
        for pk, contact in by_site[one.site_id].items():
            if contact in inside:
                limits[pk].append(one.limit())
    return limits


def _members(segment: Segment, people: Collection[int], now: datetime) -> set[int]:
    """Those of the people who are in it now. One query.

    Who can't be asked counts as in it: a mail less does less harm than a mail too many, and
    keeping all mails back would do more than either.
    """
    try:
        members = segment.members(now)
    except Exception as error:
        if is_outage(error):
            raise
        logger.error("Everybody counts as in the segment %s: %s", segment.slug, error)
        return set(people)

    def inside(some: Collection[int]) -> dict[int, bool]:
        found = members.filter(among("pk", some))
        return dict.fromkeys(found.order_by().values_list("pk", flat=True), True)

    found, faults = for_all(inside, people)
    return {*found, *faults}


def _messages(people: Collection[int], since: datetime) -> dict[int, list[Message]]:
    """What they got since then or are just getting, by contact. One query."""
    got = Q(state__in=Delivery.GOT, settled_at__gt=since) | Q(state=State.SENDING)
    rows = Delivery.objects.filter(among("contact_id", people), got, _COUNTS)
    if uncounted := _uncounted():
        rows = rows.exclude(channel__in=uncounted)
    messages = defaultdict(list)
    for contact, site, state, at in rows.values_list(
        "contact_id", "campaign__site_id", "state", "settled_at"
    ):
        messages[contact].append(Message(site, None if state == State.SENDING else at))
    return messages


def longest_days() -> int:
    """So many days of what went a decision may ask for. One query."""
    return max(WEEK, Cap.objects.aggregate(longest=Max("days"))["longest"] or 0)


def _caps_changed(sender: type[Cap], instance: Cap, **kwargs: Any) -> None:
    """Another cap, or none: what the site's campaigns put off may go sooner now."""
    if not kwargs.get("raw"):
        ask_again(Delivery.objects.filter(campaign__site=instance.site_id), timezone.now())


def connect() -> None:
    """Connect the receivers; called once, when apps are ready."""
    for signal in (post_save, post_delete):
        signal.connect(_caps_changed, sender=Cap, dispatch_uid="wagtail_drip.caps_changed")
