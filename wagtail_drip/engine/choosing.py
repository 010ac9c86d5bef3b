"""Choosing: what somebody says on their own page of topics, language and pace, done at once.

One transaction under the contact's lock. Who comes here holds a link out of their mailbox, so a
topic needs no further confirmation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from ..models import Consent, Contact, Delivery, Farewell, PendingConsent, Topic
from ..models.consent import lift_unsubscribed
from ..models.signups import Choice
from .ending import lock
from .leaving import leave_topic
from .reconsidering import ask_again, reconsider
from .retrying import on_deadlock
from .subscribing import keep_number, subscribe

PAUSE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the page said. `offered`: the topics on it; others stay as they are."""

    offered: Sequence[Choice]
    chosen: frozenset[int]  # of them, by primary key
    language: str = ""
    most_per_week: int | None = None  # None: as many as there are
    pause: bool = False
    number: str = ""  # where text messages are to go; "": where they go already
    may_see: Mapping[str, bool] = field(default_factory=dict)  # by names in TRACKED


@on_deadlock
def choose(contact: Contact, wishes: Wishes, *, at: datetime, source: str, ip: str | None) -> None:
    """Set all of it. Whoever chooses a topic takes back their having left everything."""
    with transaction.atomic():
        lock(contact.pk)
        keep_number(contact, wishes.number)
        granted = granted_topics(contact)
        new = [c for c in wishes.offered if c.topic.pk in wishes.chosen - granted]
        for choice in new:
            subscribe(contact, choice, at=at, source=source, ip=ip)
        for choice in wishes.offered:
            if choice.topic.pk in granted - wishes.chosen:
                leave_topic(contact, choice.topic, at=at, source=source, ip=ip)
        if new:
            lift_unsubscribed(contact.email)
            PendingConsent.objects.filter(
                contact=contact, topic__in=[c.topic for c in new]
            ).delete()
        before = Contact.objects.values_list("most_per_week", flat=True).get(pk=contact.pk)
        Contact.objects.filter(pk=contact.pk).update(
            language=wishes.language, most_per_week=wishes.most_per_week, **wishes.may_see
        )
        reconsider([contact.pk], at)
        if before and before != wishes.most_per_week:
            ask_again(Delivery.objects.filter(contact=contact), at)
        _pause(contact, wishes.pause, at)


@on_deadlock
def pause(contact: Contact, *, at: datetime) -> datetime:
    """No mail but transactional for PAUSE from now. Returns when it ends."""
    with transaction.atomic():
        lock(contact.pk)
        Contact.objects.filter(pk=contact.pk).update(paused_until=at + PAUSE)
        return at + PAUSE


def granted_topics(contact: Contact) -> set[int]:
    consents = Consent.objects.filter(contact=contact, state=Consent.State.GRANTED)
    return set(consents.values_list("topic_id", flat=True))


def offered_topics(contact: Contact, site_id: int | None) -> list[Topic]:
    """The site's topics that are for everybody, and whatever this person ever chose."""
    mine = Consent.objects.filter(contact=contact).values_list("topic_id", flat=True)
    shown = Q(pk__in=list(mine)) | Q(public=True, **({"site_id": site_id} if site_id else {}))
    return list(Topic.objects.filter(shown).order_by("name", "pk"))


@on_deadlock
def tell_why(contact: Contact, topic: Topic | None, *, why: str, words: str, at: datetime) -> None:
    """Keep why somebody left the topic (None: everything). What they say later replaces it."""
    said = {"why": why, "words": words, "at": at}
    with transaction.atomic():
        lock(contact.pk)
        rows = Farewell.objects.filter(contact=contact, topic=topic)
        if not rows.update(**said):
            Farewell.objects.create(contact=contact, topic=topic, **said)


def _pause(contact: Contact, wanted: bool, at: datetime) -> None:
    """Begin a pause, let one go on, or end it and send for what it held back."""
    until = Contact.objects.values_list("paused_until", flat=True).get(pk=contact.pk)
    if wanted and not (until and until > at):
        Contact.objects.filter(pk=contact.pk).update(paused_until=at + PAUSE)
    elif until and not wanted:
        Contact.objects.filter(pk=contact.pk).update(paused_until=None)
        _wake(contact, until, at)


def _wake(contact: Contact, until: datetime, at: datetime) -> None:
    """What checking put off to the pause's end is due now."""
    held = Delivery.objects.filter(contact=contact, state=Delivery.State.WAITING, due_at=until)
    ids = list(held.order_by("pk").select_for_update().values_list("pk", flat=True))
    Delivery.objects.filter(pk__in=ids).update(due_at=at, reason="")
