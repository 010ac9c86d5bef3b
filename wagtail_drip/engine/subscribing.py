"""Subscribing: somebody chooses a topic by their own word, which is kept with its proof."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ..conf import conf
from ..flow.triggers import SUBSCRIBED
from ..models import Contact
from ..models.consent import grant
from ..models.signups import Choice
from .ending import lock
from .recording import record
from .retrying import on_deadlock


@on_deadlock
def subscribe(
    contact: Contact, choice: Choice, *, at: datetime, source: str, ip: str | None = None
) -> bool:
    """`contact` wants the topic, and it is their own word. False where it stood already.

    Its campaigns that start on subscribing begin. Lifts no suppression. A number that came with it
    becomes theirs.
    """
    with transaction.atomic():
        topic = choice.topic
        keep_number(contact, choice.number)
        if not grant(
            contact,
            topic,
            at=at,
            source=source,
            wording=choice.wording,
            wording_version=choice.version,
            ip=ip,
            number=choice.number,
        ):
            return False
        data = {"topic": topic.slug, "name": topic.name}
        record(SUBSCRIBED, contact=contact, data=data, at=at, now=at)
        return True


def keep_number(contact: Contact, number: str) -> None:
    """Where their text messages go from now on; "": where they go already.

    Call it in a transaction: it takes the contact's lock.
    """
    if not number:
        return
    lock(contact.pk)
    row = Contact.objects.only("attributes").get(pk=contact.pk)
    if row.attributes.get(conf.SMS_ATTRIBUTE) != number:
        row.attributes[conf.SMS_ATTRIBUTE] = number
        Contact.objects.filter(pk=contact.pk).update(attributes=row.attributes)
        contact.attributes = row.attributes
