"""Handling: what editors do with people by hand, one or many. Each says for how many it counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from ..models import Campaign, Contact, Enrollment, Suppression, Tagging, Topic
from ..models.consent import suppressed
from ..models.granting import grant_all
from ..models.tags import Tag, tag_all
from . import leaving
from .reconsidering import reconsider
from .recording import record
from .retrying import on_deadlock


def take_out(people: Sequence[Contact], campaign: Campaign, *, at: datetime) -> int:
    """Take them out of the campaign; who isn't in it doesn't count."""
    reason = Enrollment.Reason.EDITOR
    return sum(leaving.leave_campaign(one, campaign, reason=reason, at=at) for one in people)


def note(
    people: Sequence[Contact], name: str, *, at: datetime, data: Mapping[str, Any], now: datetime
) -> int:
    """Something happened to them, or they did it, and somebody tells. Raises ValueError as
    recording does."""
    return sum(record(name, contact=one, at=at, data=data, now=now) is not None for one in people)


@on_deadlock
def tag(people: Sequence[Contact], tags: Collection[Tag], *, at: datetime) -> int:
    ids = [one.pk for one in people]
    with transaction.atomic():
        changed = tag_all(ids, tags, at=at)
        reconsider(ids, at)
        return changed


@on_deadlock
def untag(people: Sequence[Contact], tags: Collection[Tag], *, at: datetime) -> int:
    rows = Tagging.objects.filter(contact__in=list(people), tag__in=list(tags))
    with transaction.atomic():
        count = rows.values("contact").distinct().count()
        rows.delete()
        reconsider([one.pk for one in people], at)
        return count


@on_deadlock
def subscribe(
    people: Sequence[Contact],
    topic: Topic,
    *,
    at: datetime,
    source: str,
    wording: str = "",
    now: datetime,
) -> int:
    """They agreed to the topic, says whoever does this; who is suppressed or left since doesn't
    count."""
    with transaction.atomic():
        rows = Contact.objects.filter(pk__in=[one.pk for one in people], erased_at=None)
        emails = dict(rows.order_by("pk").select_for_update().values_list("pk", "email"))
        blocked = suppressed(emails.values(), transactional=False)
        free = [pk for pk, email in emails.items() if email not in blocked]
        changed = grant_all(free, topic, at=at, source=source, wording=wording)
        reconsider(free, now)
        return changed


def unsubscribe(
    people: Sequence[Contact], topic: Topic | None, *, at: datetime, source: str
) -> int:
    """They want no more of the topic, or of all marketing: their word, told to somebody here."""
    for one in people:
        if topic is None:
            leaving.leave_all(one, at=at, source=source)
        else:
            leaving.leave_topic(one, topic, at=at, source=source)
    return len(people)


def shut_out(people: Sequence[Contact], *, scope: str, at: datetime) -> int:
    """Their addresses get no more mail within `scope`."""
    reason = Suppression.Reason.MANUAL
    return sum(leaving.shut_out(one.email, reason=reason, scope=scope, at=at) for one in people)
