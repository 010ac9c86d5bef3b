"""Loading: what the line must know of people and deliveries, read in one query.

As plain rows: everybody is read several times on their way, and making two or three model instances
each time would take longer than all that is done with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ..models import Contact, Delivery, Enrollment
from ..models.among import among


@dataclass(slots=True)
class Person:
    """Of a Contact."""

    email: str
    language: str
    erased_at: datetime | None
    paused_until: datetime | None = None
    most_per_week: int | None = None
    uuid: Any = None  # a UUID
    first_name: str = ""
    last_name: str = ""
    time_zone: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    user_id: Any = None
    track_clicks: bool = True
    track_opens: bool = True


@dataclass(slots=True)
class Journey:
    """Of an Enrollment."""

    pk: int
    campaign_id: int
    contact_id: int
    contact: Person
    entered_at: datetime
    state: str
    reason: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    # What carrying on asks besides, and writes back.
    version_id: int = 0
    node: str = ""
    visit: int = 1
    arrived_at: Any = None  # a datetime
    due_at: datetime | None = None
    hops: int = 0


Carried = Enrollment | Journey  # somebody on their way through a campaign


@dataclass(slots=True)
class Due:
    """Of a Delivery, as it was when it was read."""

    pk: int
    campaign_id: int
    step_key: UUID
    channel: str
    due_at: datetime
    enrollment: Journey
    contact: Person
    node: str = ""
    visit: int = 1
    created_at: datetime | None = None
    attempts: int = 0
    token: str = ""
    message_id: str = ""
    version_id: int | None = None


_TO_CHECK = (
    "pk", "campaign_id", "step_key", "channel", "due_at", "enrollment_id", "contact_id",
    "enrollment__entered_at", "enrollment__state", "enrollment__reason",
    "contact__email", "contact__language", "contact__erased_at", "contact__paused_until",
    "contact__time_zone",
)  # fmt: skip
_TO_MAKE = (
    "node", "visit", "created_at", "attempts", "token", "message_id", "enrollment__data",
    "contact__first_name", "contact__last_name", "contact__attributes", "contact__user_id",
    "contact__uuid", "contact__track_clicks", "contact__track_opens", "contact__most_per_week",
    "version_id",
)  # fmt: skip


_OF_PEOPLE = ("email", "language", "erased_at", "uuid", "time_zone")
_TO_CARRY = (
    "id", "campaign_id", "contact_id", "entered_at", "state", "version_id", "node", "visit",
    "arrived_at", "hops",
)  # fmt: skip
COLUMNS_TO_CARRY = (*_TO_CARRY, *(f"contact__{name}" for name in _OF_PEOPLE))


def load_to_carry(rows: QuerySet[Enrollment]) -> list[Journey]:
    """`rows` select their contacts, and COLUMNS_TO_CARRY of both.

    From the query that locks them: Django locks joined tables for model instances only, and makes
    them of these very tuples.
    """
    compiler = rows.query.get_compiler(using=rows.db)
    found = list(compiler.results_iter())
    places = {
        (column.target.model, column.target.attname): number
        for number, (column, _sql, _alias) in enumerate(compiler.select)
    }
    of_journey = itemgetter(*(places[Enrollment, name] for name in _TO_CARRY))
    of_person = itemgetter(*(places[Contact, name] for name in _OF_PEOPLE))
    return [_to_carry(*of_journey(row), *of_person(row)) for row in found]


def _to_carry(
    pk: int,
    campaign_id: int,
    contact_id: int,
    entered_at: datetime,
    state: str,
    version_id: int,
    node: str,
    visit: int,
    arrived_at: datetime,
    hops: int,
    email: str,
    language: str,
    erased_at: datetime | None,
    uuid: UUID,
    time_zone: str,
) -> Journey:
    person = Person(email, language, erased_at, uuid=uuid, time_zone=time_zone)
    return Journey(
        pk, campaign_id, contact_id, person, entered_at, state, "", {},
        version_id, node, visit, arrived_at, None, hops,
    )  # fmt: skip


def load_to_make(ids: Sequence[int]) -> list[Due]:
    """Those of the deliveries that still wait, with all that a mail is made of."""
    rows = Delivery.objects.filter(among("pk", ids), state=Delivery.State.WAITING)
    found = {}
    for pk, *values in rows.values_list(*_TO_CHECK, *_TO_MAKE):
        due = _to_check(pk, *values[: len(_TO_CHECK) - 1])
        person = due.contact
        (
            due.node, due.visit, due.created_at, due.attempts, due.token, due.message_id,
            due.enrollment.data, person.first_name, person.last_name, person.attributes,
            person.user_id, person.uuid, person.track_clicks, person.track_opens,
            person.most_per_week, due.version_id,
        ) = values[len(_TO_CHECK) - 1 :]  # fmt: skip
        found[pk] = due
    return [found[pk] for pk in ids if pk in found]


def load_to_check(ids: Sequence[int], token: str) -> list[Due]:
    """Those of the deliveries that are still claimed by `token`, with what may keep them back."""
    rows = Delivery.objects.filter(among("pk", ids), state=Delivery.State.SENDING, claim=token)
    return [_to_check(*values) for values in rows.values_list(*_TO_CHECK)]


def _to_check(
    pk: int,
    campaign_id: int,
    step_key: UUID,
    channel: str,
    due_at: datetime,
    enrollment_id: int,
    contact_id: int,
    entered_at: datetime,
    state: str,
    reason: str,
    email: str,
    language: str,
    erased_at: datetime | None,
    paused_until: datetime | None,
    time_zone: str,
) -> Due:
    person = Person(email, language, erased_at, paused_until, time_zone=time_zone)
    journey = Journey(enrollment_id, campaign_id, contact_id, person, entered_at, state, reason)
    return Due(pk, campaign_id, step_key, channel, due_at, journey, person)
