"""Listening: people whom an event concerns are armed, asked and woken, and none misses it.

Arming commits a Watch. In a later transaction the node is looked at once more, and only then does
its time-out become the next moment. An event that was committed before that look is seen by it;
one that comes after it finds the Watch in enrolling, and wakes its person.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Subquery, When

from ..models import Enrollment, Event, Watch
from ..models.questions import EventHappened
from ..models.quietly import delete
from .loading import Carried
from .reconsidering import ask_caps_again, may_end_early


def armed(enrollments: Sequence[Carried]) -> dict[int, str]:
    """By enrollment: the node at which they wait for an event. One query."""
    rows = Watch.objects.filter(enrollment__in=[row.pk for row in enrollments])
    return dict(rows.values_list("enrollment_id", "node"))


def arm(names: Mapping[int, str], enrollments: Sequence[Carried]) -> None:
    """From the next commit on, an event of this name wakes them. `names` by enrollment."""
    if not names:
        return
    disarm(names)
    Watch.objects.bulk_create(
        Watch(enrollment_id=row.pk, contact_id=row.contact_id, name=names[row.pk], node=row.node)
        for row in enrollments
    )


def disarm(enrollment_ids: Collection[int]) -> None:
    """They wait no longer."""
    if enrollment_ids:
        delete(Watch.objects.filter(enrollment__in=list(enrollment_ids)))


def firsts(
    event: Mapping[str, Any], enrollment_ids: Collection[int], now: datetime
) -> dict[int, datetime | None]:
    """When such an event first came to each since they arrived where they stand. One query."""
    args = {**event, "since": "arriving"}
    events = EventHappened().events(args, Enrollment, now).order_by("at", "pk")
    rows = Enrollment.objects.filter(pk__in=list(enrollment_ids))
    # Whoever came here in a pause has an arrival ahead since it ended: it puts their time-out off,
    # and what comes until then counts.
    ahead = When(arrived_at__gt=now, campaign__resumed_at__lte=now, then=F("campaign__resumed_at"))
    rows = rows.annotate(listens_since=Case(ahead, default=F("arrived_at")))
    rows = rows.annotate(first_at=Subquery(events.values("at")[:1]))
    return dict(rows.order_by().values_list("pk", "first_at"))


def wake(events: Sequence[Event], now: datetime) -> int:
    """Whoever waits for one of these events, or may have reached a goal by it, is due at once.

    Returns how many. No condition on the moment they were due: where advancing has them locked,
    the UPDATE waits for it and comes after the time-out it sets. What a cap for some people has
    put off for them is asked again.
    """
    people = {event.contact_id for event in events}
    woken = 0
    if due := _waiting_for(events) | _may_end_early(people):
        active = Enrollment.objects.filter(pk__in=sorted(due), state=Enrollment.State.ACTIVE)
        woken = active.update(due_at=now)
    ask_caps_again(people, now)  # deliveries are locked after enrollments, as everywhere
    return woken


def _waiting_for(events: Sequence[Event]) -> set[int]:
    told = {(event.contact_id, event.name) for event in events}
    watches = Watch.objects.filter(
        contact__in={contact for contact, _name in told}, name__in={name for _contact, name in told}
    )
    rows = watches.values_list("enrollment_id", "contact_id", "name")
    return {pk for pk, contact, name in rows if (contact, name) in told}


def _may_end_early(contact_ids: Collection[int]) -> set[int]:
    """A goal may hang on more than events; but it is mostly by one that it is reached."""
    campaigns = may_end_early()
    inside = Enrollment.objects.filter(
        contact__in=list(contact_ids), campaign__in=campaigns, state=Enrollment.State.ACTIVE
    )
    return set(inside.values_list("pk", flat=True)) if campaigns else set()
