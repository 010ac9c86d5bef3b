"""Answering: what a server's answer, or a mail that could not be made, makes of a delivery."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from .. import registry
from ..channels.base import Again, Outcome, Refused, Sent, Uncertain
from ..conf import conf
from ..content.personalizing import Fault, Hold
from ..flow.reasons import because
from ..models import Delivery
from .claiming import Claimed
from .loading import Due
from .resting import jittered
from .settling import Change

State = Delivery.State

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
# A server that says "try again" to one message for so long, and so often, never means it.
GIVE_UP_AFTER = timedelta(days=3)
GIVE_UP_TRIES = 10

UNTOUCHED = Change(State.WAITING, refund=True)
# How the journal names what a server answered.
VERBS: dict[type, str] = {Sent: "ok", Refused: "refused", Again: "again", Uncertain: "doubt"}


def change_of(outcome: Outcome, claimed: Claimed, now: datetime) -> Change:
    """What one answer makes of its delivery; an outage is its slice's matter."""
    delivery, step_id = claimed.delivery, claimed.go.step.pk
    match outcome:
        case Sent():
            return Change(
                State.SENT,
                step_id=step_id,
                provider_id=outcome.provider_id,
                size=(outcome.characters, outcome.segments) if outcome.segments else None,
            )
        case Refused():
            return Change(
                State.FAILED, outcome.reason, step_id=step_id, opted_out=outcome.opted_out
            )
        case Uncertain():
            return doubt(outcome.reason, delivery, step_id=step_id)
    tried_long = delivery.created_at and now - delivery.created_at > GIVE_UP_AFTER
    if tried_long and delivery.attempts >= GIVE_UP_TRIES:
        return Change(State.FAILED, outcome.reason, step_id=step_id)
    return Change(State.WAITING, outcome.reason, due_at=now + _retry_delay(delivery.attempts))


def doubt(reason: str, delivery: Due, *, step_id: int | None = None) -> Change:
    """Nobody knows whether it went. Where its channel takes one message once, it is tried again."""
    return in_doubt(reason, delivery.channel, delivery.attempts, step_id)


def in_doubt(reason: str, channel: str, attempts: int, step_id: int | None = None) -> Change:
    known = registry.channels().get(channel)
    if known is not None and known.repeatable and attempts < GIVE_UP_TRIES:
        return Change(State.WAITING, reason)
    return Change(State.UNCERTAIN, reason, step_id=step_id)


def words(outcome: Outcome) -> str:
    return outcome.provider_id if isinstance(outcome, Sent) else outcome.reason


def change_of_obstacle(delivery: Due, obstacle: Hold | Fault, now: datetime) -> Change:
    """What becomes of a delivery whose mail was not made."""
    if isinstance(obstacle, Hold):
        later = now + timedelta(minutes=conf.HOLD_MINUTES)
        why = because("held", until=later, reason=obstacle.reason)
        return Change(State.WAITING, obstacle.reason, due_at=later, refund=True, because=why)
    if delivery.attempts >= conf.MAX_ATTEMPTS:
        return Change(State.FAILED, obstacle.reason)
    # Long enough for somebody to mend what a careless deploy has broken for everybody.
    later = now + jittered(timedelta(minutes=conf.HOLD_MINUTES) * 4 ** (delivery.attempts - 1))
    return Change(State.WAITING, obstacle.reason, due_at=later)


def suspect(attempts: int, *, alone: bool) -> Change:
    """Its worker came to grief before any message went out: this one may have been the reason.

    A suspect is made alone from then on, so that it harms no other; after its tries it is given up.
    """
    if alone and attempts >= conf.MAX_ATTEMPTS:
        return Change(State.FAILED, _("Each worker that was to make this mail came to grief."))
    return Change(State.WAITING, suspect=True)


def replace_try(change: Change) -> Change:
    """The same, with the try given back that the claim has counted."""
    return Change(change.state, change.reason, change.due_at, refund=True, ends=change.ends)


def _retry_delay(attempts: int) -> timedelta:
    return jittered(min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(attempts - 1, 10)))
