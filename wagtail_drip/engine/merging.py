"""Merging: two contacts turn out to be one person.

All that belongs to the one moves to the other, and the address of the one goes on meaning the
other (Alias): what is recorded under it later comes to the same person.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from ..models import (
    Alias,
    Campaign,
    Consent,
    Contact,
    Delivery,
    Enrollment,
    Suppression,
    Tagging,
)
from ..models.addresses import keyed_hashes
from ..models.consent import suppress
from ..models.contacts import TRACKED, relations
from .ending import take_out
from .retrying import on_deadlock

# What somebody said, or was said of them, whatever their address. A bounce is the address's own.
OF_THE_PERSON = (
    Suppression.Reason.UNSUBSCRIBED,
    Suppression.Reason.COMPLAINED,
    Suppression.Reason.MANUAL,
)


@on_deadlock
def merge(kept: Contact, gone: Contact, *, now: datetime) -> Contact:
    """`gone` becomes `kept`, which keeps its address, and is returned as it is now.

    Names and attributes that `kept` lacks come from `gone`. Of two words on one topic the later
    one counts, and of two from one moment the stricter. What they wish of pace and of being seen
    has no date, so the stricter holds: the longer pause, the fewer mails, what is switched off.
    Whoever is in a campaign twice by that leaves it once. Suppressions of either address stay, and
    those of the person hold for both.
    Raises ValueError where the two are one already, or one of them is erased or not there.
    """
    with transaction.atomic():
        kept, gone = _locked(kept, gone)
        _merge_enrollments(kept, gone, now)
        _merge_consents(kept, gone)
        _merge_taggings(kept, gone)
        _move_rest(kept, gone)
        _keep_address(kept, gone, now)
        _fill_in(kept, gone)
    return kept


def _locked(kept: Contact, gone: Contact) -> tuple[Contact, Contact]:
    """Both as they are now, with their locks: in full, for one of them goes."""
    rows = Contact.objects.filter(pk__in=[kept.pk, gone.pk], erased_at=None).order_by("pk")
    found = {contact.pk: contact for contact in rows.select_for_update()}
    if len(found) != 2:
        raise ValueError(_("Merging takes two contacts, neither of them erased."))
    return found[kept.pk], found[gone.pk]


def _merge_enrollments(kept: Contact, gone: Contact, now: datetime) -> None:
    theirs = Enrollment.objects.filter(contact=gone)
    list(theirs.order_by("pk").select_for_update().values_list("pk"))
    once = Campaign.objects.exclude(entry_rule=Campaign.EntryRule.PER_EVENT)
    inside = Enrollment.objects.filter(contact=kept, state=Enrollment.State.ACTIVE)
    doubled = inside.filter(campaign_id__in=list(once.values_list("pk", flat=True)))
    campaigns = list(doubled.values_list("campaign_id", flat=True))
    take_out(theirs.filter(campaign_id__in=campaigns), reason=Enrollment.Reason.EDITOR, at=now)
    taken = set(Enrollment.objects.filter(contact=kept).values_list("campaign_id", "entry_key"))
    for pk, campaign_id, key in theirs.values_list("pk", "campaign_id", "entry_key"):
        if (campaign_id, key) in taken:
            Enrollment.objects.filter(pk=pk).update(entry_key=f"merged {pk}")
    Delivery.objects.filter(contact=gone).update(contact=kept)
    theirs.update(contact=kept)


def _merge_consents(kept: Contact, gone: Contact) -> None:
    own = {consent.topic_id: consent for consent in Consent.objects.filter(contact=kept)}
    for theirs in Consent.objects.filter(contact=gone):
        mine = own.get(theirs.topic_id)
        if mine is None:
            Consent.objects.filter(pk=theirs.pk).update(contact=kept)
            continue
        if _weight(theirs) > _weight(mine):
            Consent.objects.filter(pk=mine.pk).update(
                **{name: getattr(theirs, name) for name in _fields(Consent)}
            )
        theirs.delete()


def _weight(consent: Consent) -> tuple[datetime, bool]:
    return consent.changed_at, consent.state != Consent.State.GRANTED


def _fields(model: type[Model]) -> list[str]:
    """All it says, apart from whose it is and of what."""
    return [
        field.attname
        for field in model._meta.concrete_fields
        if not field.primary_key and field.name not in ("contact", "topic")
    ]


def _merge_taggings(kept: Contact, gone: Contact) -> None:
    theirs = Tagging.objects.filter(contact=gone)
    theirs.filter(tag_id__in=list(kept.taggings.values_list("tag_id", flat=True))).delete()
    theirs.update(contact=kept)


def _move_rest(kept: Contact, gone: Contact) -> None:
    """Whatever else points to a contact, a site's own models too. A row that `kept` has already
    stays as `kept` has it."""
    for relation in relations():
        rows: Any = relation.related_model._base_manager
        name = relation.field.name
        try:
            with transaction.atomic():
                rows.filter(**{name: gone}).update(**{name: kept})
        except IntegrityError:
            for pk in list(rows.filter(**{name: gone}).values_list("pk", flat=True)):
                _move_one(rows.filter(pk=pk), name, kept)


def _move_one(row: Any, name: str, kept: Contact) -> None:
    try:
        with transaction.atomic():
            row.update(**{name: kept})
    except IntegrityError:
        row.delete()


def _keep_address(kept: Contact, gone: Contact, now: datetime) -> None:
    against = Suppression.objects.filter(address_hash__in=keyed_hashes(gone.email))
    for row in against.filter(reason__in=OF_THE_PERSON):
        suppress(kept.email, reason=row.reason, scope=row.scope, at=now)
    gone.delete()
    Alias.objects.filter(email_digest=gone.email_digest).delete()
    Alias.objects.create(
        contact=kept,
        uuid=gone.uuid,
        email=gone.email,
        email_digest=gone.email_digest,
        merged_at=now,
    )


def _fill_in(kept: Contact, gone: Contact) -> None:
    for name in ("first_name", "last_name", "language", "time_zone", "user_id"):
        if not getattr(kept, name):
            setattr(kept, name, getattr(gone, name))
    kept.attributes = {**gone.attributes, **kept.attributes}
    for name in TRACKED:
        setattr(kept, name, getattr(kept, name) and getattr(gone, name))
    kept.paused_until = max(filter(None, [kept.paused_until, gone.paused_until]), default=None)
    kept.most_per_week = min(filter(None, [kept.most_per_week, gone.most_per_week]), default=None)
    kept.created_at = min(kept.created_at, gone.created_at)
    kept.save()
