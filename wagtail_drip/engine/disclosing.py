"""Disclosing: all that is kept of one person, as JSON (docs/reference.md has its shape)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from .. import registry
from ..flow.reasons import Reason
from ..models import (
    Alias,
    Consent,
    ConsentRecord,
    Contact,
    Decision,
    Delivery,
    Enrollment,
    Event,
    Reaction,
    Refusal,
    Suppression,
    Tagging,
)
from ..models.addresses import keyed_hashes
from ..models.contacts import relations
from ..models.imports import rows_of
from .erasing import log_of

FORMAT = 1
# Of the contact itself: all but what only the database means by it.
INTERNAL = {
    "id",
    "email_digest",
    "key_digest",
    "erased_at",
    "contact_id",
    "claim",
    "lease_until",
    "address_hash",
}


def disclose(contact: Contact, *, now: datetime) -> dict[str, Any]:
    """Everything that names the contact or hangs on it. A fixed number of queries.

    What other models keep of them, a site's own too, stands under `other` by the model's name.
    Raises ValueError where the contact is erased: nothing is known of them any more.
    """
    if contact.erased_at:
        raise ValueError("An erased contact has nothing to disclose.")
    decisions = Decision.objects.filter(enrollment__contact=contact)
    known = registry.conditions()
    return {
        "format": FORMAT,
        "exported_at": now.isoformat(),
        "contact": {**_plain(contact), "account": str(contact.user) if contact.user else None},
        "former_addresses": _rows(contact.aliases.order_by("pk")),
        "tags": [
            {"tag": tagging.tag.name, "since": tagging.at.isoformat()}
            for tagging in contact.taggings.select_related("tag").order_by("pk")
        ],
        "consents": _rows(contact.consents.select_related("topic").order_by("pk")),
        "consent_records": _rows(contact.consent_records.select_related("topic").order_by("pk")),
        "suppressions": _rows(_against(contact)),
        "events": _rows(contact.events.order_by("at", "pk")),
        "campaigns": _rows(contact.enrollments.select_related("campaign").order_by("pk")),
        "mails": _rows(contact.deliveries.select_related("campaign", "step").order_by("pk")),
        "opens_and_clicks": _rows(
            Reaction.objects.filter(delivery__contact=contact).select_related("link").order_by("pk")
        ),
        "decisions": [
            {**_plain(row), "campaign": row.enrollment.campaign.slug, **_told(row.because, known)}
            for row in decisions.select_related("enrollment__campaign", "version").order_by("pk")
        ],
        "refused_entries": [
            {**_plain(row), **_told(row.because, known)}
            for row in contact.refusals.select_related("campaign").order_by("pk")
        ],
        "by_hand": [
            {"at": entry.timestamp.isoformat(), "action": entry.action, "data": entry.data}
            for entry in log_of(Contact.objects.filter(pk=contact.pk)).order_by("timestamp", "pk")
        ],
        "uploaded_rows": [
            {"file": job.file_name, "at": job.created_at.isoformat(), "row": row,
             "columns": job.header, "cells": cells}
            for job, row, cells in rows_of(_addresses(contact))
        ],
        "other": _other(contact),
    }  # fmt: skip


SHOWN: tuple[type[Model], ...] = (
    Alias, Consent, ConsentRecord, Delivery, Enrollment, Event, Refusal, Tagging,
)  # fmt: skip


def _told(reason: Reason, known: Any) -> dict[str, Any]:
    """In English, as all of the file."""
    return {"text": reason.as_dict(known)["text"]}


def _addresses(contact: Contact) -> list[str]:
    return [contact.email, *contact.aliases.values_list("email", flat=True)]


def _against(contact: Contact) -> QuerySet[Suppression]:
    hashes = [value for address in _addresses(contact) for value in keyed_hashes(address)]
    return Suppression.objects.filter(address_hash__in=hashes).order_by("pk")


def _other(contact: Contact) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for relation in relations():
        model: Any = relation.related_model
        if model in SHOWN:
            continue
        rows = _rows(model._base_manager.filter(**{relation.field.name: contact.pk}).order_by("pk"))
        if rows:
            found[model._meta.label_lower] = rows
    return found


def _rows(rows: Iterable[Model]) -> list[dict[str, Any]]:
    return [_plain(row) for row in rows]


def _plain(row: Model) -> dict[str, Any]:
    """A row by its fields: moments as ISO, a loaded relation by its name, JSON as it is."""
    plain: dict[str, Any] = {}
    fields: Any = row._meta.concrete_fields
    for field in fields:
        if field.attname in INTERNAL or (field.is_relation and field.name in ("contact", "user")):
            continue
        value = field.value_from_object(row)
        if field.is_relation and field.is_cached(row):
            related = field.get_cached_value(row)
            value = getattr(related, "slug", None) or (str(related) if related else None)
        plain[field.name] = value if isinstance(value, dict | list | bool | int) else _text(value)
    return plain


def _text(value: Any) -> str | float | None:
    if value is None or isinstance(value, float):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
