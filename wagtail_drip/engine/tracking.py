"""Tracking: what the provider tells of a message becomes facts on its delivery.

Providers repeat themselves, come late and in any order; the first moment of each fact is kept.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from ..conf import conf
from ..content import phone
from ..content.phone import SMS
from ..models import Consent, Delivery, EarlyFact, Enrollment, Link, Reaction
from ..models.addresses import digest, normalize
from ..models.consent import Suppression, standing_against, suppress
from ..models.contacts import TRACKED
from ..models.inserting import insert
from . import ending, leaving, reacting
from .retrying import on_deadlock

logger = logging.getLogger(__name__)

DELIVERED = "delivered"
BOUNCED = "bounced"
COMPLAINED = "complained"
OPENED = "opened"
CLICKED = "clicked"
UNSUBSCRIBED = "unsubscribed"
TAKEN = "taken"  # the provider has it: no more than that it was sent
FACTS = (DELIVERED, BOUNCED, COMPLAINED, OPENED, CLICKED, UNSUBSCRIBED, TAKEN)

HARD, SOFT = "hard", "soft"
_BOUNCE_RANK = {"": 0, SOFT: 1, HARD: 2}

# How long a fact about an unknown message is kept: longer than any slice takes to be settled.
EARLY = timedelta(hours=1)
MOST_AGAIN = 500

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
    by: str = Reaction.By.PERSON,
) -> bool:
    """Note that `fact`, one of FACTS, happened `at` to the delivery with this token.

    `provider_id`: the provider's or the message's own id, for want of a token.
    `bounce_type`: "hard", "soft" or "" (unknown). `email`: whom the provider speaks of.
    `by`: who opened or clicked, a `Reaction.By`.
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
        if fact in (OPENED, CLICKED):
            if not reacting.may_see(found.contact, fact):
                delivery.save(update_fields=_WRITTEN)
                return True
            reacting.keep(delivery, fact, at, by=by, own=False)
            news = False
        else:
            news = _set(delivery, fact, at, bounce_type, detail)
        delivery.save(update_fields=_WRITTEN)
        if news and fact in _CONSEQUENCES:
            _CONSEQUENCES[fact](delivery, at, email)
    return True


@on_deadlock
def react(
    which: str | int,
    fact: str,
    at: datetime,
    *,
    by: str = Reaction.By.PERSON,
    link: Link | None = None,
    trap: bool = False,
) -> bool:
    """Note that a link or the pixel of this mail was called: OPENED or CLICKED, and nothing else.

    `which`: the delivery's token, or of a short link its primary key. `by`: who it was, by the
    request alone. False where there is no such delivery, or its person was erased, or wants nobody
    to see.
    """
    by_key = isinstance(which, int)
    ours = Delivery.objects.filter(**({"pk": which} if by_key else {"token": which}))
    found = ours.select_related("contact").defer("contact__attributes").first()
    if not found or found.contact.erased_at or not reacting.may_see(found.contact, fact):
        return False
    with transaction.atomic():
        delivery = ours.select_for_update().get()
        reacting.keep(delivery, fact, at, by=by, link=link, trap=trap)
        delivery.save(update_fields=reacting.FIELDS)
    return True


_WRITTEN = [
    "state", "reason", "settled_at", "bounce_type",
    "delivered_at", "bounced_at", "complained_at", "opened_at", "clicked_at",
]  # fmt: skip


def keep_for_later(provider_id: str, now: datetime, fact: str, at: datetime, **told: str) -> None:
    """Keep a fact that `note` found no delivery for: our own commit may be on its way.

    None that names somebody who was erased.
    """
    if _was_erased(told.get("email", "")):
        return
    arguments = {"fact": fact, "at": at.isoformat(), **told}
    text = json.dumps([provider_id, arguments], sort_keys=True)
    insert(
        EarlyFact(
            provider_id=provider_id[:255],
            told=arguments,
            told_digest=digest(text),
            received_at=now,
        )
    )


def _was_erased(address: str) -> bool:
    try:
        found = standing_against(address) if address else None
    except ValueError:
        return False
    return found is not None and found.reason == Suppression.Reason.ERASED


def hear_again(now: datetime) -> int:
    """Note the early facts whose messages are known by now. Returns how many there were."""
    waiting = EarlyFact.objects.filter(received_at__lte=now)
    ids = waiting.order_by("pk").values_list("provider_id", flat=True)[: MOST_AGAIN * 10]
    wanted = set(ids)
    if not wanted:
        return 0
    known = set(
        Delivery.objects.filter(provider_id__in=wanted).values_list("provider_id", flat=True)
    )
    heard = list(waiting.filter(provider_id__in=known).order_by("pk")[:MOST_AGAIN])
    for early in heard:
        told = dict(early.told)
        fact, at = told.pop("fact"), datetime.fromisoformat(told.pop("at"))
        note("", fact, at, provider_id=early.provider_id, **told)
        early.delete()
    EarlyFact.objects.filter(received_at__lt=now - EARLY).delete()
    return len(heard)


def _find(token: str, provider_id: str) -> Delivery | None:
    switches = [f"contact__{name}" for name in TRACKED]
    deliveries = Delivery.objects.select_related("contact").only(
        "pk", "contact", "enrollment_id", *switches
    )
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
    if fact == TAKEN:  # what `_settle` has written is all
        return False
    first = getattr(delivery, f"{fact}_at")
    setattr(delivery, f"{fact}_at", min(first, at) if first else at)
    if fact != BOUNCED:
        return first is None
    worse = _BOUNCE_RANK.get(bounce_type, 0) > _BOUNCE_RANK.get(delivery.bounce_type, 0)
    if worse:
        delivery.bounce_type = bounce_type
    news = worse or not delivery.reason
    # A provider's words often name the address: of somebody erased nothing more is written down.
    if detail and news and delivery.state == Delivery.State.SENT and not delivery.contact.erased_at:
        delivery.reason = detail[:500]
    return worse


def _after_bounce(delivery: Delivery, at: datetime, email: str) -> None:
    """The address gets nothing more, and its owner leaves what is under way.

    After a hard bounce, or a soft one that is the last of conf.SOFT_BOUNCES mails in a row.
    """
    contact = delivery.contact
    if delivery.channel == SMS:  # it tells of a number alone; their mails go on
        if delivery.bounce_type == HARD and (number := _number(email)):
            suppress(number, reason=Suppression.Reason.BOUNCED, at=at)
        return
    if delivery.bounce_type == SOFT and _bounced_in_a_row(delivery, email):
        logger.info("The address of contact %s is given up after soft bounces.", contact.pk)
    elif delivery.bounce_type != HARD:
        return
    address = _address(email) or ("" if contact.erased_at else contact.email)
    if address:
        scope = Suppression.Scope.ALL
        suppress(address, reason=Suppression.Reason.BOUNCED, scope=scope, at=at)
    if address == contact.email:  # else they have another address by now, and it may work
        enrollments = Enrollment.objects.filter(contact=contact)
        ending.take_out(enrollments, reason=Enrollment.Reason.SUPPRESSED, at=at)


def _bounced_in_a_row(delivery: Delivery, email: str) -> bool:
    """Whether the last mails that the provider told of all bounced softly, and none came through.

    Each mail counts once. Not of an address that isn't the contact's any more.
    """
    contact, most = delivery.contact, conf.SOFT_BOUNCES
    if email and _address(email) != contact.email:
        return False
    mails = Delivery.objects.filter(contact=contact, channel=delivery.channel)
    told = mails.filter(state=Delivery.State.SENT).exclude(bounced_at=None, delivered_at=None)
    last = told.order_by("-settled_at", "-pk").values_list(
        "bounce_type", "bounced_at", "delivered_at"
    )[:most]
    soft = [
        kind == SOFT and bounced is not None and (delivered is None or delivered < bounced)
        for kind, bounced, delivered in last
    ]
    return len(soft) == most and all(soft)


def _after_complaint(delivery: Delivery, at: datetime, email: str) -> None:
    reason = Suppression.Reason.COMPLAINED
    if delivery.contact.erased_at and (address := _address(email)):
        suppress(address, reason=reason, scope=Suppression.Scope.MARKETING, at=at)
    source = f"complaint about mail {delivery.pk}"
    leaving.leave_all(delivery.contact, at=at, source=source, suppression=reason)


def _after_unsubscribe(delivery: Delivery, at: datetime, email: str) -> None:
    """Leave the topic, or all of them; but what they chose since stays: this is an old story."""
    contact, topic = delivery.contact, delivery.campaign.topic
    source = f"unsubscribe at the provider, mail {delivery.pk}"
    granted = Consent.objects.filter(contact=contact, state=Consent.State.GRANTED)
    since = granted.filter(changed_at__gt=at)
    if topic is not None:
        if not since.filter(topic=topic).exists():
            leaving.leave_topic(contact, topic, at=at, source=source)
    elif not since.exists():
        leaving.leave_all(contact, at=at, source=source)
    else:
        for consent in granted.filter(changed_at__lte=at).select_related("topic").order_by("pk"):
            leaving.leave_topic(contact, consent.topic, at=at, source=source)


def _number(text: str) -> str:
    try:
        return phone.normalize(text) if text else ""
    except ValueError:
        return ""


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
