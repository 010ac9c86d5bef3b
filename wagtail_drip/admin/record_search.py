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

MOST = 1000  # people looked at, the newest: more are no finding
TOKEN = re.compile(r"[0-9a-f]{32}")


def found(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Those of the rows (contacts, or what belongs to one) that `text` means."""
    text = text.replace("\0", "").strip()
    if not text:
        return rows
    if rows.model is Contact:
        return rows.filter(pk__in=_people(text))
    named = rows.filter(_own(rows.model, text))
    return named if named.exists() else rows.filter(contact__in=_people(text))


def _people(text: str) -> list[int]:
    """Ids: read here once, for a page asks its rows twice."""
    contacts = Contact.objects.order_by("-created_at", "-pk").values_list("pk", flat=True)
    try:
        return list(contacts.filter(email_digest=digest(normalize(text))))
    except ValueError:
        return list(contacts.filter(reduce(and_, map(_word, text.split()[:5])))[:MOST])


def _word(word: str) -> Q:
    # Addresses are kept in lower case: comparing them as they are costs a third.
    names = Q(first_name__icontains=word) | Q(last_name__icontains=word)
    return names | Q(email__contains=word.lower())


def _own(model: Any, text: str) -> Q:
    """By what the record itself is called elsewhere, to the letter."""
    if model is Event:
        return Q(key_digest__in=[digest(f"{name}\0{text}") for name in registry.triggers()])
    if model is Delivery:
        token = TOKEN.search(text.lower())
        return Q(token=token[0]) if token else Q(provider_id=text)
    return Q(pk__in=[])
