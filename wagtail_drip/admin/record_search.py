"""Finding records among millions: a whole address, key or message id by its index, words last.

Words are looked for in contacts alone, and their records found by the contact: a search through
the records of everybody would read them all.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Q, QuerySet

from .. import registry
from ..models import Contact, Delivery, Event
from ..models.addresses import digest, normalize

MOST_CONTACTS = 300  # more than these are no finding; the newest of them are looked at
TOKEN = re.compile(r"[0-9a-f]{32}")


def found(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Those of the rows (contacts, or what belongs to one) that `text` means."""
    text = text.replace("\0", "").strip()
    if not text:
        return rows
    if rows.model is Contact:
        return rows.filter(_contact(text))
    contacts = Contact.objects.filter(_contact(text)).order_by("-created_at", "-pk")
    ids = list(contacts.values_list("pk", flat=True)[:MOST_CONTACTS])
    return rows.filter(Q(contact__in=ids) | _own(rows.model, text))


def _contact(text: str) -> Q:
    try:
        return Q(email_digest=digest(normalize(text)))
    except ValueError:
        pass
    words = (
        Q(email__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        for word in text.split()[:5]
    )
    return reduce(and_, words)


def _own(model: Any, text: str) -> Q:
    """By what the record itself is called elsewhere, to the letter."""
    if model is Event:
        return Q(key_digest__in=[digest(f"{name}\0{text}") for name in registry.triggers()])
    if model is Delivery:
        token = TOKEN.search(text.lower())
        return Q(token=token[0]) if token else Q(provider_id=text)
    return Q(pk__in=[])
