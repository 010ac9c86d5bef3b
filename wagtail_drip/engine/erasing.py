"""Erasing: nothing is left that names the person; what was counted stays counted."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from django.db import transaction

from ..models import (
    Consent,
    ConsentRecord,
    Contact,
    Delivery,
    Enrollment,
    Event,
    Farewell,
    PendingConsent,
)
from ..models.addresses import digest
from .ending import lock, take_out
from .retrying import on_deadlock

ERASED = Enrollment.Reason.ERASED


@on_deadlock
def erase(contact: Contact, *, now: datetime) -> bool:
    """Forget the person. False where that was done before.

    Deliveries and enrollments stay, without a trace of whose they were. A suppression of the
    address stays too: it is a keyed hash, and keeps the next import from writing to them.
    """
    with transaction.atomic():
        lock(contact.pk)
        if not Contact.objects.filter(pk=contact.pk, erased_at=None).exists():
            return False
        enrollments = Enrollment.objects.filter(contact=contact)
        take_out(enrollments, reason=ERASED, at=now)
        _skip_waiting(contact, now)
        enrollments.update(data={}, event=None)
        _forget_words(contact)
        for model in (Event, Consent, ConsentRecord, PendingConsent, Farewell):
            model._default_manager.filter(contact=contact).delete()
        _anonymize(contact, now)
    return True


def _skip_waiting(contact: Contact, now: datetime) -> None:
    waiting = Delivery.objects.filter(contact=contact, state=Delivery.State.WAITING)
    waiting.update(state=Delivery.State.SKIPPED, reason=ERASED, settled_at=now, claim="")


def _forget_words(contact: Contact) -> None:
    """What mail servers answered and errors said: it often repeats an address, or data."""
    failed = Enrollment.objects.filter(contact=contact, state=Enrollment.State.FAILED)
    failed.update(reason="")
    told = Delivery.objects.filter(contact=contact).exclude(reason__in=Enrollment.Reason.values)
    told.update(reason="")


def _anonymize(contact: Contact, now: datetime) -> None:
    nobody = uuid4()
    Contact.objects.filter(pk=contact.pk).update(
        uuid=nobody,
        email=f"erased-{nobody.hex}@invalid",
        email_digest=digest(uuid4().hex),
        user=None,
        first_name="",
        last_name="",
        language="",
        time_zone="",
        attributes={},
        paused_until=None,
        most_per_week=None,
        erased_at=now,
    )
    contact.refresh_from_db()
