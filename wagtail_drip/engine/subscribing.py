"""Subscribing: somebody chooses a topic by their own word, which is kept with its proof."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ..flow.triggers import SUBSCRIBED
from ..models import Contact
from ..models.consent import grant
from ..models.signups import Choice
from .recording import record
from .retrying import on_deadlock


@on_deadlock
def subscribe(
    contact: Contact, choice: Choice, *, at: datetime, source: str, ip: str | None = None
) -> bool:
    """`contact` wants the topic, and it is their own word. False where it stood already.

    Its campaigns that start on subscribing begin. Lifts no suppression.
    """
    with transaction.atomic():
        topic = choice.topic
        if not grant(
            contact,
            topic,
            at=at,
            source=source,
            wording=choice.wording,
            wording_version=choice.version,
            ip=ip,
        ):
            return False
        data = {"topic": topic.slug, "name": topic.name}
        record(SUBSCRIBED, contact=contact, data=data, at=at, now=at)
        return True
