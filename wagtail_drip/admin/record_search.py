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
from ..models.contacts import contact_of_address

MOST = 1000  # people looked at, the newest: more are no finding
NEWEST = 100_000  # people in whose names and addresses a word is found anywhere
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
    try:
        contact = contact_of_address(digest(normalize(text)))
    except ValueError:
        return _by_words(text.split()[:5])
    return [contact.pk] if contact else []


def _by_words(words: list[str]) -> list[int]:
    """By how names and addresses begin, which has indexes; by what is in them among the newest."""
    contacts = Contact.objects.order_by("-created_at", "-pk")
    begin = contacts.filter(reduce(and_, map(_begins, words)))
    ids = list(begin.values_list("pk", flat=True)[:MOST])
    if len(ids) < MOST:
        contain = contacts.filter(reduce(and_, map(_contains, words))).exclude(pk__in=ids)
        if older := contacts.values_list("created_at", flat=True)[NEWEST : NEWEST + 1].first():
            contain = contain.filter(created_at__gt=older)
        ids += contain.values_list("pk", flat=True)[: MOST - len(ids)]
    return ids


def _begins(word: str) -> Q:
    names = Q(first_name__istartswith=word) | Q(last_name__istartswith=word)
    return names | Q(email__istartswith=word)


def _contains(word: str) -> Q:
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
