"""Expelling: who must go no further, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ..flow.conditions import group
from ..flow.program import Answer
from ..flow.reasons import Reason as Told
from ..flow.reasons import because
from ..models import Campaign, Contact, Enrollment, matching
from ..models.consent import granting, grants, suppressed
from .asking import ask, ask_why

Reason = Enrollment.Reason


class Inside(Protocol):
    """Somebody in a campaign: an Enrollment, or what sending has loaded of one."""

    pk: Any
    campaign_id: Any
    contact_id: Any
    contact: Any
    entered_at: Any


@dataclass(frozen=True, slots=True)
class Leaving:
    """Of those who must leave: `reasons` (Enrollment.Reason) by primary key, and `seen`: what was
    seen of it, where that says more. `faults`: why some can't be asked."""

    reasons: dict[int, str] = field(default_factory=dict)
    seen: Mapping[int, Told] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)

    def told(self, pk: int) -> Told:
        """Why somebody leaves, for the record of decisions."""
        return because("left", reason=self.seen.get(pk) or self.reasons[pk])


def reasons_to_leave(
    enrollments: Sequence[Inside], campaigns: Mapping[int, Campaign], now: datetime
) -> Leaving:
    """Who must leave, and why.

    One query for each campaign with goals, one for each whose people must stay its audience and
    one more where some no longer are, one for all consents, at most two for suppressions.
    """
    leaving: dict[int, str] = {}
    for row in enrollments:
        if row.contact.erased_at:
            leaving[row.pk] = Reason.ERASED
        elif _stopped(row, campaigns[row.campaign_id]):
            leaving[row.pk] = Reason.STOPPED
    reached, faults = _goals(_without(enrollments, leaving), campaigns, now)
    leaving |= dict.fromkeys(reached, Reason.GOAL)
    seen = {pk: answer.because for pk, answer in reached.items()}
    strangers, cannot_tell = _strangers(_without(enrollments, leaving, faults), campaigns, now)
    leaving |= dict.fromkeys(strangers, Reason.AUDIENCE)
    seen |= {pk: one.because for pk, one in strangers.items() if one and not one.holds}
    faults |= cannot_tell
    leaving |= _unsubscribed(_without(enrollments, leaving, faults), campaigns, now)
    leaving |= _suppressed(_without(enrollments, leaving, faults), campaigns)
    return Leaving(leaving, seen, faults)


def _without(enrollments: Iterable[Inside], *sets: Mapping[int, str]) -> list[Inside]:
    gone = set().union(*sets)
    return [row for row in enrollments if row.pk not in gone] if gone else list(enrollments)


def _stopped(row: Inside, campaign: Campaign) -> bool:
    """A campaign that went live again takes nobody along who was inside when it was stopped."""
    return not campaign.live or bool(campaign.started_at and row.entered_at < campaign.started_at)


def _goals(
    enrollments: Iterable[Inside], campaigns: Mapping[int, Campaign], now: datetime
) -> tuple[dict[int, Answer], dict[int, str]]:
    inside = defaultdict(list)
    for row in enrollments:
        inside[row.campaign_id].append(row.pk)
    reached: dict[int, Answer] = {}
    faults: dict[int, str] = {}
    for campaign_id, ids in inside.items():
        if conditions := matching.raw_conditions(campaigns[campaign_id].goals):
            met, unknown = ask_why(group("any", conditions), Enrollment, ids, now, "goal")
            reached |= met
            # Not to know whether somebody has bought is no reason to go on selling to them.
            faults.update(unknown)
    return reached, faults


def _strangers(
    enrollments: Iterable[Inside], campaigns: Mapping[int, Campaign], now: datetime
) -> tuple[dict[int, Answer | None], dict[int, str]]:
    """Those in campaigns that only some people may stay in, and who are not of those any more,
    with what was seen of them."""
    inside = defaultdict(list)
    for row in enrollments:
        if campaigns[row.campaign_id].leave_audience:
            inside[row.campaign_id].append(row)
    gone: dict[int, Answer | None] = {}
    faults: dict[int, str] = {}
    for campaign_id, rows in inside.items():
        if conditions := matching.raw_conditions(campaigns[campaign_id].audience):
            people, audience = {row.contact_id for row in rows}, group("all", conditions)
            answers = ask(audience, Contact, people, now)
            strangers = people - answers.met - answers.faults.keys()
            why, _cannot_tell = ask_why(audience, Contact, strangers, now, code_not="audience")
            gone |= {row.pk: why.get(row.contact_id) for row in rows if row.contact_id in strangers}
            faults |= {
                row.pk: answers.faults[row.contact_id]
                for row in rows
                if row.contact_id in answers.faults
            }
    return gone, faults


def _unsubscribed(
    enrollments: Iterable[Inside], campaigns: Mapping[int, Campaign], now: datetime
) -> dict[int, str]:
    topics = {pk: topic for pk, campaign in campaigns.items() if (topic := campaign.entry_topic)}
    asked = [(row, topic) for row in enrollments if (topic := topics.get(row.campaign_id))]
    if not asked:
        return {}
    contacts = {row.contact_id for row, _topic in asked}
    asked_of = {topic.pk for _row, topic in asked}
    # Of each topic whose consent ends: whoever granted it before this has to be asked anew.
    ends = {topic.pk: topic.ends_before(now) for topic in topics.values()}
    if not any(ends.values()):
        willing = granting(contacts, asked_of)
        gone = [row.pk for row, topic in asked if (row.contact_id, topic.pk) not in willing]
        return dict.fromkeys(gone, Reason.UNSUBSCRIBED)
    since = grants(contacts, asked_of)
    leaving: dict[int, str] = {}
    for row, topic in asked:
        at, end = since.get((row.contact_id, topic.pk)), ends[topic.pk]
        if at is None:
            leaving[row.pk] = Reason.UNSUBSCRIBED
        elif end and at < end:
            leaving[row.pk] = Reason.EXPIRED
    return leaving


def _suppressed(enrollments: Iterable[Inside], campaigns: Mapping[int, Campaign]) -> dict[int, str]:
    by_kind = defaultdict(list)
    for row in enrollments:
        by_kind[campaigns[row.campaign_id].transactional].append(row)
    leaving: dict[int, str] = {}
    for transactional, rows in by_kind.items():
        blocked = suppressed({row.contact.email for row in rows}, transactional=transactional)
        gone = [row.pk for row in rows if row.contact.email in blocked]
        leaving |= dict.fromkeys(gone, Reason.SUPPRESSED)
    return leaving
