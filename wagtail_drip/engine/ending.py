"""Ending: somebody's way through campaigns stops, with the mails that wait on it."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from ..models import Contact, Delivery, Enrollment


def lock(*contact_ids: int) -> None:
    """The first lock of the order; whoever changes a person's way through campaigns takes it."""
    no_key = connection.features.has_select_for_no_key_update  # recording need not wait
    rows = Contact.objects.filter(pk__in=contact_ids).order_by("pk")
    list(rows.select_for_update(no_key=no_key).values_list("pk"))


def take_out(enrollments: QuerySet[Enrollment], *, reason: str, at: datetime) -> int:
    """End the active ones among these, with their waiting deliveries. Returns how many.

    Call it in a transaction that holds the contacts' locks. `enrollments` must not join other
    tables: a lock would take their rows too.
    """
    active = enrollments.filter(state=Enrollment.State.ACTIVE).order_by("pk")
    ids = list(active.select_for_update().values_list("pk", flat=True))
    if not ids:
        return 0
    Enrollment.objects.filter(pk__in=ids).update(
        state=Enrollment.State.LEFT, reason=reason, ended_at=at, due_at=None
    )
    waiting = Delivery.objects.filter(enrollment_id__in=ids, state=Delivery.State.WAITING)
    due = list(waiting.order_by("pk").select_for_update().values_list("pk", flat=True))
    Delivery.objects.filter(pk__in=due).update(
        state=Delivery.State.SKIPPED, reason=reason, settled_at=at, claim=""
    )
    return len(ids)
