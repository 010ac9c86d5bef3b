"""Erasing: nothing is left that names the person; what was counted stays counted."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import CASCADE, QuerySet
from django.utils.translation import gettext as _
from wagtail.models import ModelLogEntry

from ..content.phone import number_of
from ..flow.triggers import FORM_SUBMITTED
from ..models import Contact, Conversion, Decision, Delivery, EarlyFact, Enrollment, Suppression
from ..models.addresses import digest, keyed_hashes
from ..models.consent import suppress
from ..models.contacts import relations
from ..models.imports import forget_rows
from .ending import lock, take_out
from .retrying import on_deadlock

ERASED = Enrollment.Reason.ERASED
# What is counted of people and names nobody, though it would be deleted with them.
COUNTED = (Conversion,)


@on_deadlock
def erase(contact: Contact, *, now: datetime) -> bool:
    """Forget the person. False where that was done before.

    Deliveries and enrollments stay, without a trace of whose they were. All else that belongs to
    the contact (whatever is deleted with it, a site's own models too) is deleted. The address is
    suppressed for marketing as a keyed hash, so that no import brings them back; they themselves
    may come back, by a confirmed sign-up.
    """
    with transaction.atomic():
        lock(contact.pk)
        found = Contact.objects.filter(pk=contact.pk, erased_at=None).first()
        if found is None:
            return False
        addresses = [found.email, *found.aliases.values_list("email", flat=True)]
        enrollments = Enrollment.objects.filter(contact=contact)
        take_out(enrollments, reason=ERASED, at=now)
        _skip_waiting(contact, now)
        enrollments.update(data={}, event=None)
        Decision.objects.filter(enrollment__contact=contact).delete()  # it tells what was seen
        _forget_words(contact)
        _forget_logs(found)
        _forget_forms(found, addresses)
        _delete_all_else(contact)
        forget_rows(addresses)
        _forget_early_facts(addresses)
        for address in addresses:
            reason, scope = Suppression.Reason.ERASED, Suppression.Scope.MARKETING
            suppress(address, reason=reason, scope=scope, at=now)
        _forget_notes([*addresses, number_of(found.attributes)])
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


def _forget_logs(contact: Contact) -> None:
    """Wagtail's log keeps what each row was called then: an address, for ours."""
    nobody = _("Erased contact %s") % contact.pk
    for rows in (
        Contact.objects.filter(pk=contact.pk),
        contact.events.all(),
        contact.enrollments.all(),
        contact.deliveries.all(),
    ):
        log_of(rows).update(label=nobody, data={})


def _forget_forms(contact: Contact, addresses: list[str]) -> None:
    """What they sent in by forms of the site, as Wagtail keeps it.

    Our event's key names the row, and anybody who may record events may have written one: so the
    row must name the person.
    """
    sent: dict[str, list[str]] = defaultdict(list)
    keys = contact.events.filter(name=FORM_SUBMITTED).values_list("key", flat=True)
    for label, _colon, pk in (key.partition(":") for key in keys):
        if pk.isdecimal():
            sent[label].append(pk)
    for label, model in _submissions().items() if sent else ():
        for row in model._base_manager.filter(pk__in=sent[label]):
            told = str(row.form_data).casefold()
            if any(address in told for address in addresses):
                row.delete()


def _submissions() -> dict[str, Any]:
    """The models by which Wagtail keeps what forms were sent in with; by label."""
    if not apps.is_installed("wagtail.contrib.forms"):
        return {}
    from wagtail.contrib.forms.models import AbstractFormSubmission  # only where it is installed

    models = (one for one in apps.get_models() if issubclass(one, AbstractFormSubmission))
    return {one._meta.label_lower: one for one in models}


def log_of(rows: QuerySet[Any]) -> QuerySet[ModelLogEntry]:
    """What Wagtail's log keeps of these rows: who did what by hand."""
    kind = ContentType.objects.get_for_model(rows.model)
    ids = [str(pk) for pk in rows.values_list("pk", flat=True)]
    return ModelLogEntry.objects.filter(content_type=kind, object_id__in=ids)


def _forget_early_facts(addresses: list[str]) -> None:
    """What a provider told of late and nobody has found the mail for; an hour's worth at most."""
    for fact in EarlyFact.objects.all():
        told = str(fact.told).casefold()
        if any(address in told for address in addresses):
            fact.delete()


def _forget_notes(addresses: list[str]) -> None:
    """What people wrote beside a suppression; that it stands, and why, names nobody."""
    hashes = [value for address in addresses if address for value in keyed_hashes(address)]
    Suppression.objects.filter(address_hash__in=hashes).exclude(note="").update(note="")


def _delete_all_else(contact: Contact) -> None:
    for relation in relations():
        if relation.related_model in COUNTED:
            continue
        if relation.on_delete is CASCADE:
            rows = relation.related_model._base_manager
            rows.filter(**{relation.field.name: contact.pk}).delete()


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
