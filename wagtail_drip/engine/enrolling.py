"""Enrolling: new events meet the campaigns that start on them.

The inbox is worked off from whatever lies in it. There is no cursor: ids are given out before
commit, so a high-water mark would lose rows.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, QuerySet, When
from django.utils.translation import gettext as _

from .. import registry
from ..flow import compiling
from ..flow.program import FORMAT
from ..models import Campaign, Consent, Contact, Enrollment, Event, Inbox
from ..models.among import among
from .entering import Candidate, admit, would_enter
from .listening import wake
from .locking import skipping_locked
from .recording import announce
from .retrying import is_outage, on_deadlock
from .stopping import never

logger = logging.getLogger("wagtail_drip")

BATCH = 500
AUDIENCE_BATCH = 2000


@on_deadlock
def enroll_new(now: datetime, limit: int = BATCH) -> int:
    """Look at up to `limit` new events. Returns how many; 0 says the inbox is empty.

    Each event enrolls its person in the live and paused campaigns it starts, wakes them where
    they wait for it, and leaves the inbox in the same transaction. Several processes share the
    inbox without waiting. What starts a campaign whose flow a newer release compiled stays there
    for that release's workers.
    """
    if not Inbox.objects.exists():
        return 0
    newer = open_campaigns().filter(current_version__program__format__gt=FORMAT)
    not_ours = list(newer.values_list("trigger", flat=True))
    with transaction.atomic():
        readable = Inbox.objects.exclude(event__name__in=not_ours) if not_ours else Inbox.objects
        inbox = skipping_locked(readable.order_by("pk"))[:limit]
        taken = dict(inbox.values_list("pk", "event_id"))
        if not taken:
            return 0
        events = Event.objects.filter(among("pk", taken.values())).select_related("contact")
        happened = list(events.order_by("pk"))
        _match(happened, now)
        wake(happened, now)
        Inbox.objects.filter(among("pk", taken)).delete()
    return len(taken)


def enroll(
    campaign: Campaign,
    contacts: Iterable[Contact],
    *,
    now: datetime,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Enroll people by hand. Returns how many entered.

    Consent, suppression and the entry rule hold here too; the audience is not asked.
    Raises ValueError where the campaign is not live.
    """
    live = _open(campaign)
    people = list(contacts)
    entered = 0
    for first in range(0, len(people), BATCH):
        candidates = [Candidate(c, now, dict(data or {})) for c in people[first : first + BATCH]]
        entered += _enter(live, candidates, now, audience=False, named=True)
    return entered


def enroll_audience(
    campaign: Campaign,
    *,
    now: datetime,
    enough: Callable[[], bool] = never,
    key: str = "",
    dry_run: bool = False,
) -> int:
    """Enroll everybody who is in the campaign's audience now. Returns how many entered.

    `key`: where people may enter several times, they do once under this one. `dry_run`: only
    counted.

    Consent, suppression, audience and the entry rule decide as for anybody else. Each batch is a
    transaction of its own: whoever was stopped (`enough`, a kill) begins anew, and those inside
    are passed over. Raises ValueError where the campaign is not live.
    """
    live = _open(campaign)
    contacts = Contact.objects.filter(erased_at=None)
    if topic_id := live.entry_topic_id:
        chosen = Consent.objects.filter(
            contact=OuterRef("pk"), topic=topic_id, state=Consent.State.GRANTED
        )
        contacts = contacts.filter(Exists(chosen))
    inside = Enrollment.objects.filter(
        contact=OuterRef("pk"), campaign=live, state=Enrollment.State.ACTIVE
    )
    contacts = contacts.filter(~Exists(inside)).only("email", "erased_at").order_by("pk")
    entered = last = 0
    while not enough() and (people := list(contacts.filter(pk__gt=last)[:AUDIENCE_BATCH])):
        candidates = [Candidate(one, now, key=key) for one in people]
        if dry_run:
            entered += would_enter(live, candidates, now=now)
        else:
            entered += _enter(live, candidates, now, named=False)
        last = people[-1].pk
    return entered


def _open(campaign: Campaign) -> Campaign:
    live = open_campaigns().filter(pk=campaign.pk).first()
    if live is None:
        raise ValueError(_("“%s” is not live: nobody can enter.") % campaign)
    return live


def open_campaigns() -> QuerySet[Campaign]:
    """Campaigns people may enter: live ones, and paused ones, where they wait inside."""
    return Campaign.objects.filter(
        live=True, started_at__isnull=False, current_version__isnull=False
    ).select_related("current_version", "topic", "sms_topic")


@on_deadlock
def _enter(
    campaign: Campaign,
    candidates: Sequence[Candidate],
    now: datetime,
    *,
    audience: bool = True,
    named: bool,
) -> int:
    with transaction.atomic():
        entered = admit(campaign, candidates, now=now, audience=audience, named=named)
        if entered:
            announce()
    return entered


def _match(events: list[Event], now: datetime) -> None:
    by_name = defaultdict(list)
    for event in events:
        by_name[event.name].append(event)
    # Whoever may not enter while they are in another one comes after it.
    choosy = Campaign.not_while.through.objects.filter(from_campaign_id=OuterRef("pk"))
    general = Campaign.takes_over.through.objects.filter(to_campaign_id=OuterRef("pk"))
    started = open_campaigns().filter(trigger__in=list(by_name))
    started = started.annotate(choosy=Case(
        When(Exists(general), then=2), When(Exists(choosy), then=1), default=0
    ))  # fmt: skip
    for campaign in started.order_by("choosy", "pk"):
        # Events from before a campaign went live never start it.
        candidates = [
            Candidate(event.contact, event.at, event.data, event)
            for event in by_name[campaign.trigger]
            if campaign.started_at
            and event.at >= campaign.started_at
            and _concerns(campaign, event)
        ]
        if candidates:
            _try_to_admit(campaign, candidates, now)


def _concerns(campaign: Campaign, event: Event) -> bool:
    """What the trigger says; one that a site has removed since lets everything pass.

    One that fails starts nothing by this event: the others behind it must not wait for it.
    """
    trigger = registry.triggers().get(event.name)
    topic = campaign.entry_topic.slug if campaign.entry_topic else ""
    try:
        return trigger is None or trigger.concerns(
            event.data, site_id=campaign.site_id, topic=topic, campaign=campaign.slug
        )
    except Exception as error:
        if is_outage(error):
            raise
        logger.exception("Whether event %s starts %s can't be told", event.pk, campaign.slug)
        return False


def _try_to_admit(campaign: Campaign, candidates: list[Candidate], now: datetime) -> None:
    """Admit all at once; where that fails, each alone, so that one costs nobody else the entry."""
    try:
        with transaction.atomic():
            admit(campaign, candidates, now=now)
    except Exception as error:
        version = campaign.current_version
        published_since = version is not None and compiling.is_newer(version.program)
        if is_outage(error) or published_since:
            raise
        logger.exception("Enrolling in %s failed for %d events", campaign.slug, len(candidates))
        if len(candidates) > 1:
            for candidate in candidates:
                _try_to_admit(campaign, [candidate], now)
