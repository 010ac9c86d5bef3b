"""Signing up: on a page that anybody may fill in, somebody chooses topics for an address.

Nobody has proved yet whose address it is. So a topic with double opt-in waits for a word from the
mailbox (confirming), and who has left comes back by no other way, whatever the topic says. Whether
an address is known changes nothing that a visitor could see.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from wagtail.models import Site

from ..content.phone import number_of
from ..models import Consent, Contact, Topic
from ..models.consent import suppressed
from ..models.signups import Choice
from .confirming import ask
from .ending import lock
from .identifying import identify
from .retrying import on_deadlock
from .subscribing import subscribe


def choose(
    contact: Contact,
    choices: Sequence[Choice],
    *,
    site: Site,
    at: datetime,
    source: str,
    ip: str | None = None,
) -> list[Topic]:
    """Somebody who may be anybody chose these topics for `contact`. Returns those that go now.

    The others wait for the word of the mailbox's owner. Call it in a transaction.
    """
    lock(contact.pk)
    gone, number = _left(contact), _number(contact)
    now = [
        choice
        for choice in choices
        if choice.topic.opt_in == Topic.OptIn.SINGLE
        and choice.topic.pk not in gone
        and choice.number in ("", number or choice.number)
    ]
    later = [choice for choice in choices if choice not in now]
    for choice in now:
        subscribe(contact, choice, at=at, source=source, ip=ip)
    if later:
        ask(contact, later, site=site, at=at, source=source, ip=ip)
    return [choice.topic for choice in now]


@on_deadlock
def sign_up(
    email: str,
    choices: Sequence[Choice],
    *,
    site: Site,
    now: datetime,
    source: str,
    language: str = "",
    ip: str | None = None,
) -> None:
    """A visitor typed an address and chose topics. Says nothing of what is known of it.

    Raises ValueError where it is no address.
    """
    with transaction.atomic():
        contact = identify(email=email, now=now)
        if contact.created_at == now and language:
            # Theirs alone to say once we know them: a stranger changes nothing about anybody.
            Contact.objects.filter(pk=contact.pk, language="").update(language=language)
        choose(contact, choices, site=site, at=now, source=source, ip=ip)


def _left(contact: Contact) -> set[int]:
    """Topics that a stranger must not bring back: left ones, and all where a suppression stands."""
    if suppressed([contact.email], transactional=False):
        return set(Topic.objects.values_list("pk", flat=True))
    left = Consent.objects.filter(contact=contact, state=Consent.State.WITHDRAWN)
    return set(left.values_list("topic_id", flat=True))


def _number(contact: Contact) -> str:
    """Where their text messages go. A stranger must not let them go elsewhere."""
    return number_of(Contact.objects.values_list("attributes", flat=True).get(pk=contact.pk))
