"""Transmitting: the mails of one claim go out, one after the other, each answer kept at once.

Between claim and settlement this worker alone answers for the slice, by its own monotonic clock:
it starts no message in the last third of the lease, and none on a check older than RECHECK.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.utils.translation import gettext as _

from .. import registry, signals
from ..channels.base import Again, Outcome, Refused, Sent, Session, Uncertain
from ..conf import conf
from ..content.personalizing import Fault, Hold, Mail
from ..models import Delivery
from . import resting
from .checking import Go, check
from .claiming import Claimed, changes_of
from .journal import Journal
from .loading import Due, load_to_check
from .settling import Change, settle

logger = logging.getLogger("wagtail_drip")

State = Delivery.State
Made = Mapping[int, Mail | Hold | Fault]

RECHECK = 0.5  # seconds
FEWEST_AHEAD = 100  # deliveries that a look ahead takes in at least
# So many answers in a row that leave it open whether the message was taken: stop and wait.
DOUBTS = 3
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
# A server that says "try again" to one message for so long, and so often, never means it.
GIVE_UP_AFTER = timedelta(days=3)
GIVE_UP_TRIES = 10


@dataclass(slots=True)
class Slice:
    """One claim on its way out."""

    token: str
    journal: Journal
    now: datetime
    clock: Callable[[], float]
    enough: Callable[[], bool]  # whether the worker is to begin no further message
    began: float  # before the lease was taken
    todo: dict[int, Claimed]  # in order, none of them started
    alone: bool = False  # one suspect
    checked: float = field(init=False)
    fresh: set[int] = field(init=False)  # those of `todo` that the last check looked at
    enrollments: dict[int, int] = field(init=False)  # by delivery
    changes: dict[int, Change] = field(default_factory=dict)  # known and not yet written
    in_flight: Claimed | None = None
    awake: bool = False  # the server has answered
    doubts: int = 0
    settled: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)  # by channel

    def __post_init__(self) -> None:
        self.checked, self.fresh = self.began, set(self.todo)
        self.enrollments = {pk: one.delivery.enrollment.pk for pk, one in self.todo.items()}

    def run(self, make: Callable[[], Made]) -> None:
        """Make and transmit what may still go, and settle every one, come what may."""
        try:
            mails = self._made(make)
            while self.todo and not self._is_over():
                if self._stale():
                    self._recheck()
                # However long that look took, one may go on it: else a slow database stops all.
                pk = next(iter(self.todo), None)
                if pk in self.fresh:
                    self._one(pk, mails)
        finally:
            self._finish()

    def _made(self, make: Callable[[], Made]) -> Made:
        self.journal.making(len(self.todo))
        if self.alone:
            self.journal.alone(next(iter(self.todo)))
        try:
            return make()
        except SystemExit:  # a task's time-out: one of these mails may take for ever to make
            for pk, claimed in self.todo.items():
                self.changes[pk] = suspect(claimed.delivery.attempts, alone=self.alone)
            self.todo.clear()
            raise

    def _is_over(self) -> bool:
        return self.clock() - self.began >= conf.LEASE_SECONDS * 2 / 3 or self.enough()

    def _stale(self) -> bool:
        return next(iter(self.todo)) not in self.fresh or self.clock() - self.checked > RECHECK

    def _one(self, pk: int, mails: Made) -> None:
        claimed = self.todo[pk]
        mail = mails.get(pk) or Fault(_("It was not made."))
        if isinstance(mail, Hold | Fault):
            self.changes[pk] = _not_made(claimed.delivery, mail, self.now)
            del self.todo[pk]
            return
        asked = self.clock()
        session = self._session(claimed.delivery.channel)
        if isinstance(session, Again):
            self._rest(session.reason)
            return
        if self.clock() - asked > RECHECK:
            return  # connecting took long, and much may have happened: look again first
        told = {"delivery_id": pk, "attempt": claimed.delivery.attempts}
        signals.pre_transmit.send_robust(None, **told)
        self.journal.start(pk, claimed.go.step.pk)
        self.in_flight = self.todo.pop(pk)
        self._note(claimed, _transmit(session, mail))
        signals.post_transmit.send_robust(None, **told)

    def _note(self, claimed: Claimed, outcome: Outcome) -> None:
        delivery = claimed.delivery
        self.changes[delivery.pk] = change_of(outcome, claimed, self.now)
        self.in_flight = None
        self.journal.answer(VERBS[type(outcome)], delivery.pk, _words(outcome))
        self.doubts = self.doubts + 1 if isinstance(outcome, Uncertain) else 0
        if isinstance(outcome, Again) and outcome.outage:
            self.changes[delivery.pk] = self._rest(outcome.reason)
        elif self.doubts >= DOUBTS:
            self._rest(_words(outcome))
        elif isinstance(outcome, Sent | Refused) and not self.awake:
            resting.wake()
            self.awake = True

    def _rest(self, reason: str) -> Change:
        """An outage: all that is left waits, and so do the other workers of this host."""
        later = Change(State.WAITING, reason, due_at=resting.rest(self.now), refund=True)
        self.changes.update(dict.fromkeys(self.todo, later))
        self.todo.clear()
        return later

    def _recheck(self) -> None:
        """Somebody may have unsubscribed, bought or paused since; write down what is known.

        Only as many are looked at as may go before the next look: twice what went since the last.
        """
        ahead = list(islice(self.todo, max(FEWEST_AHEAD, 2 * len(self.changes))))
        self._settle()
        self.checked = self.clock()
        verdicts = check(load_to_check(ahead, self.token), self.now)
        put_off = {pk: replace_try(change) for pk, change in changes_of(verdicts).items()}
        self.fresh = set(ahead)
        for pk in ahead:
            if isinstance(verdicts.get(pk), Go):
                continue
            del self.todo[pk]
            if pk in verdicts:  # else it is no longer ours
                self.changes[pk] = put_off.get(pk, UNTOUCHED)

    def _session(self, slug: str) -> Session | Again:
        """The channel's session, connected."""
        if slug not in self.sessions:
            opened = registry.channels()[slug].open()
            if isinstance(opened, Again):
                return opened
            self.sessions[slug] = opened
        return self.sessions[slug].ready() or self.sessions[slug]

    def _finish(self) -> None:
        if self.in_flight:
            reason = _("Its worker was interrupted between the message and the answer.")
            self.changes[self.in_flight.delivery.pk] = Change(State.UNCERTAIN, reason)
        self.changes.update(dict.fromkeys(self.todo, UNTOUCHED))
        self.todo.clear()
        try:
            self._settle()
        finally:
            for session in self.sessions.values():
                session.close()

    def _settle(self) -> None:
        enrollments = [self.enrollments[pk] for pk in self.changes]
        self.settled += settle(self.token, self.changes, self.now, enrollments)
        self.changes = {}


UNTOUCHED = Change(State.WAITING, refund=True)


def suspect(attempts: int, *, alone: bool) -> Change:
    """Its worker came to grief before any message went out: this one may have been the reason.

    A suspect is made alone from then on, so that it harms no other; after its tries it is given up.
    """
    if alone and attempts >= conf.MAX_ATTEMPTS:
        return Change(State.FAILED, _("Each worker that was to make this mail came to grief."))
    return Change(State.WAITING, suspect=True)


VERBS: dict[type, str] = {Sent: "ok", Refused: "refused", Again: "again", Uncertain: "doubt"}


def change_of(outcome: Outcome, claimed: Claimed, now: datetime) -> Change:
    """What one answer makes of its delivery; an outage is its slice's matter."""
    delivery, step_id = claimed.delivery, claimed.go.step.pk
    match outcome:
        case Sent():
            return Change(State.SENT, step_id=step_id, provider_id=outcome.provider_id)
        case Refused():
            return Change(State.FAILED, outcome.reason, step_id=step_id)
        case Uncertain():
            return Change(State.UNCERTAIN, outcome.reason, step_id=step_id)
    tried_long = delivery.created_at and now - delivery.created_at > GIVE_UP_AFTER
    if tried_long and delivery.attempts >= GIVE_UP_TRIES:
        return Change(State.FAILED, outcome.reason, step_id=step_id)
    return Change(State.WAITING, outcome.reason, due_at=now + _retry_delay(delivery.attempts))


def _not_made(delivery: Due, obstacle: Hold | Fault, now: datetime) -> Change:
    if isinstance(obstacle, Hold):
        later = now + timedelta(minutes=conf.HOLD_MINUTES)
        return Change(State.WAITING, obstacle.reason, due_at=later, refund=True)
    if delivery.attempts >= conf.MAX_ATTEMPTS:
        return Change(State.FAILED, obstacle.reason)
    # Long enough for somebody to mend what a careless deploy has broken for everybody.
    later = now + resting.jittered(
        timedelta(minutes=conf.HOLD_MINUTES) * 4 ** (delivery.attempts - 1)
    )
    return Change(State.WAITING, obstacle.reason, due_at=later)


def _retry_delay(attempts: int) -> timedelta:
    return resting.jittered(min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(attempts - 1, 10)))


def _transmit(session: Session, mail: Mail) -> Outcome:
    try:
        return session.transmit(mail)
    except Exception as error:  # a channel that breaks its contract: nobody knows how far it came
        logger.exception("The channel failed")
        return Uncertain(f"{type(error).__name__}: {error}")


def _words(outcome: Outcome) -> str:
    return outcome.provider_id if isinstance(outcome, Sent) else outcome.reason


def replace_try(change: Change) -> Change:
    """The same, with the try given back that the claim has counted."""
    return Change(change.state, change.reason, change.due_at, refund=True, ends=change.ends)
