"""Entering: the gate of a campaign, its entry rule, and the enrollment rows themselves."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db.models import Q

from ..flow import compiling
from ..flow.conditions import group
from ..flow.reasons import Reason, because
from ..models import Campaign, Contact, Enrollment, Event, matching
from ..models.addresses import digest
from ..models.among import among
from ..models.consent import grants, suppressed
from ..models.inserting import insert_values
from .asking import ask
from .ending import lock, take_out
from .explaining import keep_refusals

logger = logging.getLogger("wagtail_drip")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may enter, because of `event` or by hand."""

    contact: Contact
    at: datetime  # entered_at, from which the first wait counts
    data: Mapping[str, Any] = field(default_factory=dict)
    event: Event | None = None
    key: str = ""  # what tells one entry from another where there is no event
    hops: int = 0  # how many campaigns led on to this one


def admit(
    campaign: Campaign,
    candidates: Sequence[Candidate],
    *,
    now: datetime,
    audience: bool = True,
    named: bool = True,
) -> int:
    """Enroll those who may enter now. Returns how many did; the number of queries is fixed.

    `audience`: whether the campaign's "only for people who" is asked; by hand it is not. `named`:
    whether it is about these very people, so that it is kept why one of them did not enter.
    Who enters leaves the campaigns that this one takes over from. Call it in a transaction.
    """
    rows, refused = _entering(campaign, candidates, now, audience)
    taken = taken_over(campaign) if rows else []
    if taken:
        lock(*{row["contact_id"] for row in rows})
    collided = insert_values(Enrollment, rows, key="contact_id")  # entered another way meanwhile
    if taken:
        entered_now = {row["contact_id"] for row in rows if row not in collided}
        general = Enrollment.objects.filter(contact__in=entered_now, campaign__in=taken)
        take_out(general, reason=Enrollment.Reason.TAKEN_OVER, at=now)
    if named:
        entered = {row["contact_id"] for row in rows}
        again = {c.contact.pk for c in candidates} - entered - refused.keys()
        keep_refusals(campaign, refused | dict.fromkeys(again, because("entered_before")), now)
    return len(rows) - len(collided)


def would_enter(
    campaign: Campaign, candidates: Sequence[Candidate], *, now: datetime, audience: bool = True
) -> int:
    """How many `admit` would let in. Nothing is written."""
    return len(_entering(campaign, candidates, now, audience)[0])


def _entering(
    campaign: Campaign, candidates: Sequence[Candidate], now: datetime, audience: bool
) -> tuple[list[dict[str, Any]], dict[int, Reason]]:
    """The rows of those who may enter, and why others may not."""
    refused = refusals(campaign, [c.contact for c in candidates], now, audience)
    admitted = [candidate for candidate in candidates if candidate.contact.pk not in refused]
    return (_rows(campaign, admitted, now) if admitted else []), refused


def refusals(
    campaign: Campaign, contacts: Iterable[Contact], now: datetime, audience: bool = True
) -> dict[int, Reason]:
    """Why the gate lets some of them not in, by contact: consent, suppression, other campaigns,
    audience. Who isn't named may enter, by the gate; the entry rule is another matter.
    """
    waiting = {contact.pk: contact for contact in contacts}
    refused: dict[int, Reason] = {}

    def refuse(ids: Iterable[int], reason: Reason) -> None:
        for pk in list(ids):
            refused[pk] = reason
            waiting.pop(pk, None)

    refuse([pk for pk, one in waiting.items() if one.erased_at], because("erased"))
    if topic := campaign.entry_topic:
        end = topic.ends_before(now)
        since = {pk: at for (pk, _topic), at in grants(waiting, [topic.pk]).items()}
        refuse([pk for pk in waiting if pk not in since], because("no_consent", topic=topic.name))
        lapsed = [pk for pk in waiting if end and since[pk] < end]
        refuse(lapsed, because("expired", topic=topic.name))
    emails = {contact.email for contact in waiting.values()}
    blocked = suppressed(emails, transactional=campaign.transactional)
    refuse([pk for pk, one in waiting.items() if one.email in blocked], because("suppressed"))
    refuse(_elsewhere(campaign, waiting), because("elsewhere"))
    conditions = matching.raw_conditions(campaign.audience) if audience else []
    if conditions:
        answers = ask(group("all", conditions), Contact, set(waiting), now)
        for pk, fault in answers.faults.items():
            logger.error("%s does not enter %s: %s", pk, campaign.slug, fault)
            refuse([pk], because("fault", fault=fault))
        refuse([pk for pk in waiting if pk not in answers.met], because("not_audience"))
    return refused


def taken_over(campaign: Campaign) -> list[int]:
    """The more general campaigns that whoever enters this one leaves."""
    rows = Campaign.takes_over.through.objects.filter(from_campaign_id=campaign.pk)
    return list(rows.values_list("to_campaign_id", flat=True))


def _elsewhere(campaign: Campaign, contact_ids: Iterable[int]) -> set[int]:
    """Those who are now in a campaign during which nobody enters this one: it says so, or that
    one takes over from it."""
    others = Campaign.not_while.through.objects.filter(from_campaign_id=campaign.pk)
    specific = Campaign.takes_over.through.objects.filter(to_campaign_id=campaign.pk)
    inside = Enrollment.objects.filter(
        Q(campaign__in=others.values("to_campaign_id"))
        | Q(campaign__in=specific.values("from_campaign_id")),
        contact__in=list(contact_ids),
        state=Enrollment.State.ACTIVE,
    )
    return set(inside.values_list("contact_id", flat=True))


# The entry rule


@dataclass(slots=True)
class _Past:
    """Somebody's earlier enrollments in the campaign."""

    keys: set[str] = field(default_factory=set)
    entered_at: datetime | None = None
    active: bool = False

    def add(self, key: str, entered_at: datetime, active: bool) -> None:
        self.keys.add(key)
        self.entered_at = max(self.entered_at or entered_at, entered_at)
        self.active = self.active or active


def _rows(
    campaign: Campaign, candidates: Sequence[Candidate], now: datetime
) -> list[dict[str, Any]]:
    pasts = _pasts(campaign, {candidate.contact.pk for candidate in candidates})
    version = campaign.current_version
    if version is None:
        raise ValueError(f"{campaign.slug} has no version to go through")
    start = compiling.load(version.program).start
    rows = []
    for candidate in sorted(candidates, key=lambda c: (c.contact.pk, c.at)):
        past = pasts[candidate.contact.pk]
        key = _entry_key(campaign, candidate, past)
        if key is None or key in past.keys:
            continue
        past.add(key, candidate.at, active=True)
        rows.append(_row(campaign, candidate, key, start, now))
    return rows


def _pasts(campaign: Campaign, contact_ids: set[int]) -> dict[int, _Past]:
    pasts: dict[int, _Past] = defaultdict(_Past)
    earlier = Enrollment.objects.filter(among("contact_id", contact_ids), campaign=campaign)
    for contact_id, key, entered_at, state in earlier.values_list(
        "contact_id", "entry_key", "entered_at", "state"
    ):
        pasts[contact_id].add(key, entered_at, state == Enrollment.State.ACTIVE)
    return pasts


def _entry_key(campaign: Campaign, candidate: Candidate, past: _Past) -> str | None:
    """The key that the unique constraint holds the rule by; None: they may not enter (again)."""
    if campaign.entry_rule == Campaign.EntryRule.ONCE:
        return None if past.keys else ""
    if campaign.entry_rule == Campaign.EntryRule.AGAIN_AFTER:
        pause = timedelta(days=campaign.entry_days)
        if past.entered_at and candidate.at < past.entered_at + pause:
            return None
        return _free(past, "")
    if event := candidate.event:
        return event.key_digest or digest(f"event\0{event.pk}")
    if candidate.key:
        return candidate.key
    # By hand there is nothing to tell one time from another: not while they are inside.
    return None if past.active else _free(past, "hand ")


def _free(past: _Past, prefix: str) -> str:
    ordinals = (f"{prefix}{number}" for number in count(len(past.keys) + 1))
    return next(key for key in ordinals if key not in past.keys)


def _row(
    campaign: Campaign, candidate: Candidate, key: str, start: str, now: datetime
) -> dict[str, Any]:
    return {
        "contact_id": candidate.contact.pk,
        "campaign_id": campaign.pk,
        "version_id": campaign.current_version_id,
        "event_id": candidate.event.pk if candidate.event else None,
        "data": dict(candidate.data),
        "entry_key": key,
        "node": start,
        "arrived_at": candidate.at,
        "entered_at": candidate.at,
        "hops": candidate.hops,
        "due_at": now,
    }
