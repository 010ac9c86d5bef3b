"""Tracking: what the provider tells of a message becomes facts on its delivery.

Providers repeat themselves, come late and in any order; the first moment of each fact is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from ..models import Consent, Delivery, Enrollment
from ..models.addresses import normalize
from ..models.consent import Suppression, suppress
from . import ending, leaving
from .retrying import on_deadlock

logger = logging.getLogger(__name__)

DELIVERED = "delivered"
BOUNCED = "bounced"
COMPLAINED = "complained"
OPENED = "opened"
CLICKED = "clicked"
UNSUBSCRIBED = "unsubscribed"
FACTS = (DELIVERED, BOUNCED, COMPLAINED, OPENED, CLICKED, UNSUBSCRIBED)

HARD = "hard"
_BOUNCE_RANK = {"": 0, "soft": 1, HARD: 2}

# Nobody knew whether it went, or it was about to be repeated: now somebody knows.
_PROVED_SENT = (Delivery.State.UNCERTAIN, Delivery.State.WAITING)


@on_deadlock
def note(
    token: str,
    fact: str,
    at: datetime,
    *,
    detail: str = "",
    bounce_type: str = "",
    email: str = "",
    provider_id: str = "",
) -> bool:
    """Note that `fact`, one of FACTS, happened `at` to the delivery with this token.

    `provider_id`: the provider's or the message's own id, for want of a token.
    `bounce_type`: "hard", "soft" or "" (unknown). `email`: whom the provider speaks of.
    False where no delivery is meant; nothing is raised for that, since providers tell of mail
    that others sent too.
    """
    found = _find(token, provider_id)
    if fact not in FACTS or found is None:
        logger.debug("nothing of ours: %s for %r", fact, token or provider_id)
        return False
    with transaction.atomic():
        delivery = _lock(found, wide=fact in _CONSEQUENCES)
        _settle(delivery, at)
        news = _set(delivery, fact, at, bounce_type, detail)
        delivery.save(update_fields=_WRITTEN)
        if news and fact in _CONSEQUENCES:
            _CONSEQUENCES[fact](delivery, at, email)
    return True


_WRITTEN = [
    "state", "reason", "settled_at", "bounce_type",
    "delivered_at", "bounced_at", "complained_at", "opened_at", "clicked_at",
]  # fmt: skip


def _find(token: str, provider_id: str) -> Delivery | None:
    deliveries = Delivery.objects.only("pk", "contact_id", "enrollment_id")
    if token and (found := deliveries.filter(token=token).first()):
        return found
    if not provider_id:
        return None
    # Our own Message-ID is `<token@domain>`, so the index on token finds it.
    local = provider_id.strip("<>").partition("@")[0]
    by_message = deliveries.filter(token=local).first() if len(local) == 32 else None
    return by_message or deliveries.filter(provider_id=provider_id[:255]).first()


def _lock(found: Delivery, *, wide: bool) -> Delivery:
    """The delivery as it is now, with the locks its fact needs, in the order of the package.

    `wide`: the contact may have to leave, so all that is under way for them is locked.
    """
    enrollments = Enrollment.objects.filter(pk=found.enrollment_id)
    deliveries = Delivery.objects.filter(pk=found.pk)
    if wide:
        ending.lock(found.contact_id)
        enrollments = Enrollment.objects.filter(contact_id=found.contact_id)
        waiting = Delivery.objects.filter(contact_id=found.contact_id, state=Delivery.State.WAITING)
        deliveries = deliveries | waiting
    list(enrollments.order_by("pk").select_for_update().values_list("pk"))
    locked = deliveries.order_by("pk").select_for_update()
    return next(delivery for delivery in locked if delivery.pk == found.pk)


def _settle(delivery: Delivery, at: datetime) -> None:
    """A message the provider speaks of was sent, whatever the line made of it."""
    if delivery.state not in _PROVED_SENT:
        return
    if delivery.state == Delivery.State.WAITING:
        delivery.settled_at = at
        # Its end lets the person go on, like any other end of a delivery.
        Enrollment.objects.filter(
            pk=delivery.enrollment_id,
            state=Enrollment.State.ACTIVE,
            node=delivery.node,
            visit=delivery.visit,
        ).update(arrived_at=at, due_at=at)
    delivery.state, delivery.reason = Delivery.State.SENT, ""


def _set(delivery: Delivery, fact: str, at: datetime, bounce_type: str, detail: str) -> bool:
    """Write the fact. Returns whether it is news that may have consequences."""
    if fact == UNSUBSCRIBED:  # kept as the withdrawn consent and its proof
        return True
    first = getattr(delivery, f"{fact}_at")
    setattr(delivery, f"{fact}_at", min(first, at) if first else at)
    if fact != BOUNCED:
        return first is None
    worse = _BOUNCE_RANK.get(bounce_type, 0) > _BOUNCE_RANK.get(delivery.bounce_type, 0)
    if worse:
        delivery.bounce_type = bounce_type
    if detail and delivery.state == Delivery.State.SENT and (worse or not delivery.reason):
        delivery.reason = detail[:500]
    return worse


def _after_bounce(delivery: Delivery, at: datetime, email: str) -> None:
    """A hard bounce: the address gets nothing more, and its owner leaves what is under way."""
    if delivery.bounce_type != HARD:
        return
    contact = delivery.contact
    address = _address(email) or ("" if contact.erased_at else contact.email)
    if address:
        scope = Suppression.Scope.ALL
        suppress(address, reason=Suppression.Reason.BOUNCED, scope=scope, at=at)
    if address == contact.email:  # else they have another address by now, and it may work
        enrollments = Enrollment.objects.filter(contact=contact)
        ending.take_out(enrollments, reason=Enrollment.Reason.SUPPRESSED, at=at)


def _after_complaint(delivery: Delivery, at: datetime, email: str) -> None:
    reason = Suppression.Reason.COMPLAINED
    source = f"complaint about mail {delivery.pk}"
    leaving.leave_all(delivery.contact, at=at, source=source, suppression=reason)


def _after_unsubscribe(delivery: Delivery, at: datetime, email: str) -> None:
    """Leave the topic, unless this is an old story: they chose it again since."""
    contact, topic = delivery.contact, delivery.campaign.topic
    source = f"unsubscribe at the provider, mail {delivery.pk}"
    if topic is None:
        leaving.leave_all(contact, at=at, source=source)
        return
    granted = Consent.objects.filter(contact=contact, topic=topic, state=Consent.State.GRANTED)
    if not granted.filter(changed_at__gt=at).exists():
        leaving.leave_topic(contact, topic, at=at, source=source)


def _address(email: str) -> str:
    try:
        return normalize(email) if email else ""
    except ValueError:
        return ""


_CONSEQUENCES: dict[str, Callable[[Delivery, datetime, str], None]] = {
    BOUNCED: _after_bounce,
    COMPLAINED: _after_complaint,
    UNSUBSCRIBED: _after_unsubscribe,
}
