"""Loading: what sending must know of deliveries and their people, read in one query.

As plain rows: each slice is read twice or more, and making three model instances for each delivery
would take longer than all that is done with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ..models import Delivery
from ..models.among import among


@dataclass(slots=True)
class Person:
    """Of a Contact."""

    email: str
    language: str
    erased_at: datetime | None
    paused_until: datetime | None = None
    most_per_week: int | None = None
    uuid: UUID | None = None
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
    reason: str
    data: Mapping[str, Any] = field(default_factory=dict)


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
