"""Heeding: what people answer to text messages. STOP ends them for a number, START lets them go on.

STOP holds for the number itself, as a keyed hash, so it outlives erasing, imports and whoever has
the number next; and it is the word of those whose number it is on the topics they had agreed to.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from ..conf import conf
from ..content.phone import normalize, number_of
from ..models import Consent, Contact, PendingConsent, Suppression, Topic
from ..models.consent import lift_stop, suppress
from ..models.signups import take
from .ending import lock
from .leaving import leave_topic
from .retrying import on_deadlock

STOP_WORDS = ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT")
START_WORDS = ("START", "UNSTOP")
STOP, START = "stop", "start"
SOURCE = "answered STOP"
TAIL = 7  # last digits that are compared before numbers are understood
# A provider's call is heard once, whoever sends it again.
HEARD = timedelta(days=3650)
_ALIKE = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه"})


def meant(text: str) -> str:
    """STOP, START or "": whether the whole answer is such a word, however it is written."""
    word = _folded(text)
    if word in {_folded(one) for one in (*STOP_WORDS, *conf.SMS_STOP_WORDS)} - {""}:
        return STOP
    return START if word in {_folded(one) for one in START_WORDS} else ""


def _folded(text: str) -> str:
    """Letters and digits alone, without case, accents and what keyboards differ in."""
    plain = unicodedata.normalize("NFKD", text[:200]).casefold().translate(_ALIKE)
    return "".join(char for char in plain if char.isalnum())


@on_deadlock
def heed(wish: str, number: str, *, at: datetime, key: str = "") -> bool:
    """Do as the number's owner wishes. False where nothing changed, or `key` was heard before.

    `key`: names the provider's call. Raises ValueError where it is no number.
    """
    number = normalize(number)
    with transaction.atomic():
        people = contacts_of(number) if wish == STOP else []
        lock(*(person.pk for person in people))
        if key and not take(f"heard:{key}", most=1, per=HEARD, now=at):
            return False
        if wish == START:
            return lift_stop(number)
        changed = suppress(number, reason=Suppression.Reason.UNSUBSCRIBED, at=at)
        topics = list(Topic.objects.filter(channel=Topic.Channel.SMS).order_by("pk"))
        for person in people:
            changed = _withdraw(person, topics, at) or changed
        return changed


def _withdraw(person: Contact, topics: list[Topic], at: datetime) -> bool:
    granted = Consent.objects.filter(contact=person, state=Consent.State.GRANTED, topic__in=topics)
    theirs = set(granted.values_list("topic_id", flat=True))
    for topic in topics:
        if topic.pk in theirs:
            leave_topic(person, topic, at=at, source=SOURCE)
    PendingConsent.objects.filter(contact=person, topic__in=topics).delete()
    return bool(theirs)


def contacts_of(number: str) -> list[Contact]:
    """Those with this number who have agreed, or are about to agree, to text messages.

    Numbers stand in attributes as people wrote them, so all of these are read; one query.
    """
    asked = {"contact": OuterRef("pk"), "topic__channel": Topic.Channel.SMS}
    granted = Consent.objects.filter(**asked, state=Consent.State.GRANTED)
    willing = Contact.objects.filter(
        Exists(granted) | Exists(PendingConsent.objects.filter(**asked)), erased_at=None
    )
    rows = willing.order_by("pk").values_list("pk", "attributes").iterator()
    found = [pk for pk, attributes in rows if _has(attributes, number)]
    return list(Contact.objects.filter(pk__in=found).order_by("pk"))


def _has(attributes: dict, number: str) -> bool:
    digits = [unicodedata.decimal(c, None) for c in str(attributes.get(conf.SMS_ATTRIBUTE) or "")]
    written = "".join(str(digit) for digit in digits if digit is not None)
    return written.endswith(number[-TAIL:]) and number_of(attributes) == number
