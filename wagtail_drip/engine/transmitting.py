"""Transmitting: the mails of one claim go out, each answer kept at once.

What came of them is written down at times meanwhile, and at the end by whoever ends the slice.
Between claim and settlement this worker alone answers for the slice, by its own monotonic clock:
it starts no message in the last third of the lease, and none on a look older than RECHECK.

A lane is one connection with one message in hand at most. The first lane is the thread that runs
the slice (the dispatcher's, or the worker's own). Where the server takes its time, threads take the
lanes over, up to conf.CONNECTIONS of them, and that thread, the only one of the slice's that meets
the database, looks ahead for them all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.db import connections as databases
from django.utils.translation import gettext as _

from .. import signals
from ..channels.base import Again, Outcome, Refused, Sent, Session, Uncertain
from ..conf import conf
from ..content.personalizing import Fault, Hold, Mail
from ..models import Delivery
from . import resting
from .answering import (
    UNTOUCHED,
    VERBS,
    change_of,
    change_of_obstacle,
    doubt,
    replace_try,
    suspect,
    words,
)
from .checking import Go, check
from .claiming import Claimed, changes_of
from .connecting import Connections
from .glancing import unchanged
from .journal import Journal
from .loading import load_to_check
from .settling import Change, settle

logger = logging.getLogger("wagtail_drip")

State = Delivery.State
Made = dict[int, Mail | Hold | Fault]

RECHECK = 0.8  # seconds
EXAMINE = 4.0  # seconds after which a glance is no longer enough, and all is asked again
SETTLE_EVERY = 8.0  # seconds; until then the journal alone knows
LOOK_AHEAD = 0.55  # seconds after which the next look begins, so that no lane has to wait for it
FEWEST_AHEAD = 100  # deliveries that a look ahead takes in at least
FIRST_PACE = 1000.0  # messages a second, as long as nothing is known
SPARE = 1.25  # of what is to go before the next look at the present pace
# So many answers in a row that leave it open whether the message was taken: stop and wait.
DOUBTS = 3
POLL = 0.05  # seconds between two looks at what the lanes have come to
LAST_CALL = 0.7  # seconds before its end that a slice says so


@dataclass(slots=True)
class Slice:
    """One claim on its way out. Each field is changed under `turn` alone."""

    token: str
    journal: Journal
    now: datetime  # of the claim; of its turn, if it was put aside
    clock: Callable[[], float]
    enough: Callable[[], bool]  # whether the worker is to begin no further message
    began: float  # before the lease was taken
    todo: dict[int, Claimed]  # in order, in nobody's hand
    connections: Connections
    heard: resting.Heard
    alone: bool = False  # one suspect
    mails: Made = field(default_factory=dict)
    aside: bool = False  # it waits while another one of this worker's goes out
    told: float = field(init=False)  # when it was `now`
    last_begin: float = field(init=False)  # by then the lease is too short for another message
    checked: float = field(init=False)  # when the last look, glance or check, began
    examined: float = field(init=False)  # when all were last checked in full
    written: float = field(init=False)  # when changes were last settled
    fresh: set[int] = field(init=False)  # those of `todo` that the last check looked at
    unused: bool = False  # nothing has gone on the last check yet
    gone: int = 0  # since the last check, or since its turn came
    counted: float = field(init=False)  # when that was
    enrollments: dict[int, int] = field(init=False)  # by delivery
    changes: dict[int, Change] = field(default_factory=dict)  # known and not yet written
    in_hand: dict[int, Claimed] = field(default_factory=dict)  # a lane has it and not begun it
    in_flight: dict[int, Claimed] = field(default_factory=dict)  # begun and not answered
    awake: set[str] = field(default_factory=set)  # channels whose server has answered
    doubts: dict[str, int] = field(default_factory=dict)  # in a row, by channel
    settled: int = 0
    over: bool = False  # no lane begins another message
    whole: bool = False  # it has come through, and `changes` tells of every one
    lanes: int = 1  # that can reach the server
    trouble: BaseException | None = None  # that ended a lane
    turn: threading.Condition = field(default_factory=threading.Condition)
    wanted: threading.Event = field(default_factory=threading.Event)  # to look, by a lane
    looking: threading.Lock = field(default_factory=threading.Lock)
    ending: threading.Event = field(default_factory=threading.Event)  # little is left

    def __post_init__(self) -> None:
        self.checked = self.examined = self.written = self.told = self.counted = self.began
        self.last_begin = self.began + conf.LEASE_SECONDS * 2 / 3
        self.fresh = set(self.todo)
        self.enrollments = {pk: one.delivery.enrollment.pk for pk, one in self.todo.items()}

    def make(self, make: Callable[[], Made]) -> None:
        """Make the mails, all that is done beforehand. Where that fails, all are settled."""
        try:
            self.mails = self._made(make)
        except BaseException:
            self.give_up()
            raise

    def put_aside(self) -> None:
        """Wait for its turn: whatever kills its worker meanwhile is none of these mails' doing."""
        self.journal.waiting()
        self.aside = True

    def look(self) -> None:
        """While it waits, by any thread: so that it can begin at once when its turn comes."""
        if self.clock() - self.checked > RECHECK:
            self._recheck()

    def transmit(self, prepared: float = 0.0) -> None:
        """Transmit what may still go; then only `end` is left to do, and the next slice may begin.

        Where it fails, all is settled at once. `prepared`: seconds that claiming and making took.
        """
        amount, began = len(self.todo), self.clock()
        self.counted = began
        try:
            if self.aside:
                self._take_turn()
            Lane(self, look=self._recheck).run(until=self._is_worth_sharing)
            if self._is_worth_sharing():
                self._share()
            self._conclude()
            self.whole = True
        except BaseException:
            self.give_up()
            raise
        self.connections.went(amount, prepared + self.clock() - began)

    def give_up(self) -> None:
        """No further message begins, and all is settled. Again, where that has failed."""
        self._conclude()
        self.end()

    def end(self) -> None:
        """Write down what is not yet written. By any thread, after `transmit`."""
        try:
            self._settle()
            if self.whole:
                self.journal.remove()
        finally:
            self.journal.close()  # where it is still there, recovery reads it

    def _take_turn(self) -> None:
        """What comes next may be these mails' doing."""
        self.journal.making(len(self.todo))
        self.now, self.told = self._moment(), self.clock()
        self.unused = False  # a look while it waited may be an old one by now

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

    # Several lanes

    def _is_worth_sharing(self) -> bool:
        """Only once the server has answered: who can't be reached is asked by one alone."""
        if not self.awake or len(self.todo) < 2 or self.connections.most < 2:
            return False
        channel = next(iter(self.todo.values())).delivery.channel
        return channel in self.awake and self.connections.is_slow(channel)

    def _share(self) -> None:
        """Threads carry on; this one looks at what they are about to send."""
        self.lanes = min(self.connections.most, len(self.todo))
        threads = [
            threading.Thread(target=self._lane, name=f"drip-lane-{number}", daemon=True)
            for number in range(self.lanes)
        ]
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                if self._is_due():
                    self._recheck()
                self.wanted.wait(POLL)
                self.wanted.clear()
        except BaseException:
            self._call_back(threads)
            raise
        if self.trouble:
            raise self.trouble

    def _lane(self) -> None:
        try:
            Lane(self).run()
        except BaseException as error:
            self.trouble, self.over = error, True
        finally:
            databases.close_all()  # what receivers of signals have opened in this thread
            self.wanted.set()

    def _call_back(self, threads: list[threading.Thread]) -> None:
        """Each lane may finish what it has in hand; who takes too long leaves a doubt."""
        with self.turn:
            self.over = True
            self.turn.notify_all()
        patience = time.monotonic() + conf.SOCKET_SECONDS
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, patience - time.monotonic()))

    def _is_due(self) -> bool:
        """Whether the lanes need a look soon."""
        with self.turn:
            head = next(iter(self.todo), None)
            if head is None or self._is_over():
                return False
            late = self.clock() - self.checked > LOOK_AHEAD
            return late or head not in self.fresh or self._has_news(head)

    # What lanes call

    def take(self, look: Callable[[], None] | None) -> Claimed | None:
        """The next one that may go, for one lane alone; None: it has no more to do.

        `look`: checks again; without it, somebody else is waited for who does.
        """
        while True:
            with self.turn:
                if not self.todo or self._is_over():
                    self.turn.notify_all()
                    return None
                pk = next(iter(self.todo))
                if self._may_go(pk):
                    self.unused, self.gone = False, self.gone + 1
                    if len(self.todo) <= self.connections.pace * LAST_CALL:
                        self.ending.set()
                    return self.in_hand.setdefault(pk, self.todo.pop(pk))
                if not look:
                    self.wanted.set()
                    self.turn.wait(1)
            if look:
                look()

    def _may_go(self, pk: int) -> bool:
        """Whether the last look holds for it."""
        # However long the look took, one may go on it: else a slow database stops all.
        recent = self.unused or self.clock() - self.checked <= RECHECK
        return recent and pk in self.fresh and not self._has_news(pk)

    def _has_news(self, pk: int) -> bool:
        """Whether a server may have asked another worker of this host to wait meanwhile."""
        return self.heard.has_news(self.todo[pk].delivery.channel)

    def put_back(self, claimed: Claimed) -> None:
        """It was not begun: it is the next one's turn, after another look if need be."""
        with self.turn:
            pk = claimed.delivery.pk
            if self.in_hand.pop(pk, None):
                self.todo = {pk: claimed, **self.todo}

    def conclude(self, pk: int, change: Change) -> None:
        with self.turn:
            if self.in_hand.pop(pk, None):
                self.changes[pk] = change

    def begin(self, claimed: Claimed) -> None:
        pk = claimed.delivery.pk
        self.journal.start(pk, claimed.go.step.pk)
        with self.turn:
            self.in_flight[pk] = self.in_hand.pop(pk)

    def note(self, claimed: Claimed, outcome: Outcome) -> None:
        delivery, channel = claimed.delivery, claimed.delivery.channel
        with self.turn:
            if not self.in_flight.pop(delivery.pk, None):
                return  # it took too long, and is in doubt already
            self.changes[delivery.pk] = change_of(outcome, claimed, self.now)
        self.journal.answer(VERBS[type(outcome)], delivery.pk, words(outcome))
        with self.turn:
            doubted = isinstance(outcome, Uncertain)
            self.doubts[channel] = self.doubts.get(channel, 0) + 1 if doubted else 0
            if isinstance(outcome, Again) and outcome.outage:
                self.changes[delivery.pk] = self._rest(outcome.reason, channel)
            elif self.doubts[channel] >= DOUBTS:
                self._rest(words(outcome), channel)
            elif isinstance(outcome, Sent | Refused) and channel not in self.awake:
                resting.wake(channel)
                self.awake.add(channel)

    def is_unreachable(self, reason: str, channel: str) -> bool:
        """A lane can't connect. Where others can, the server lets no more of them in.

        Returns whether the lane is to go on, with what goes by other channels.
        """
        with self.turn:
            if self.lanes > 1:
                self.lanes -= 1
                self.connections.most = self.lanes
                return False
            self._rest(reason, channel)
            return True

    # What is done for all lanes

    def _is_over(self) -> bool:
        return self.over or self.clock() >= self.last_begin or self.enough()

    def _rest(self, reason: str, channel: str) -> Change:
        """An outage: all that is left of a channel waits, and so do this host's other workers."""
        return self._put_off(resting.rest(self._moment(), channel), reason, channel)

    def _put_off(self, until: datetime, reason: str, channel: str) -> Change:
        later = Change(State.WAITING, reason, due_at=until, refund=True)
        waiting = [pk for pk, one in self.todo.items() if one.delivery.channel == channel]
        self.changes.update(dict.fromkeys(waiting, later))
        for pk in waiting:
            del self.todo[pk]
        return later

    def _moment(self) -> datetime:
        """`now` was told once, and a rest counts from its own beginning."""
        return self.now + timedelta(seconds=self.clock() - self.told)

    def _recheck(self) -> None:
        """Look again, or wait for somebody else who does."""
        if self.looking.acquire(blocking=False):
            try:
                self._look_again()
            finally:
                self.looking.release()
        else:
            with self.looking:
                pass

    def _look_again(self) -> None:
        """Somebody may have unsubscribed, bought or paused since. At times, write it all down.

        Only as many are looked at as may go before the next look.
        Where the server has asked another worker of this host to wait, this one waits too.
        """
        with self.turn:
            self.heard.all()
            for channel in {one.delivery.channel for one in self.todo.values()}:
                if until := resting.resting_until(self._moment(), channel):
                    reason = _("The mail server has asked this host to wait.")
                    self._put_off(until, reason, channel)
            examine = self.clock() - self.examined > EXAMINE
            ahead = dict(islice(self.todo.items(), None if examine else self._most_ahead()))
            self.gone, self.counted = 0, self.clock()
        if self.clock() - self.written > SETTLE_EVERY:
            self._settle()
        asked = self.clock()
        fine = set() if examine else unchanged(ahead.values(), self.token, self.now)
        doubtful = [pk for pk in ahead if pk not in fine]
        verdicts = check(load_to_check(doubtful, self.token), self.now) if doubtful else {}
        put_off = {pk: replace_try(change) for pk, change in changes_of(verdicts).items()}
        with self.turn:
            self.checked, self.fresh, self.unused = asked, set(ahead), True
            if examine:
                self.examined = asked
            for pk in doubtful:
                if pk not in self.todo or isinstance(verdicts.get(pk), Go):
                    continue
                del self.todo[pk]
                if pk in verdicts:  # else it is no longer ours
                    self.changes[pk] = put_off.get(pk, UNTOUCHED)
            self.turn.notify_all()

    def _most_ahead(self) -> int:
        elapsed = self.clock() - self.counted
        if self.gone and elapsed > 0:
            self.connections.pace = self.gone / elapsed
        pace = self.connections.pace or FIRST_PACE
        return max(FEWEST_AHEAD, int(pace * RECHECK * SPARE))

    def _conclude(self) -> None:
        with self.turn:
            self.over = True
            reason = _("Its worker was interrupted between the message and the answer.")
            for pk, claimed in self.in_flight.items():
                self.changes[pk] = doubt(reason, claimed.delivery)
            self.changes.update(dict.fromkeys([*self.in_hand, *self.todo], UNTOUCHED))
            for rows in (self.in_flight, self.in_hand, self.todo):
                rows.clear()

    def _settle(self) -> None:
        with self.turn:
            changes, self.changes = self.changes, {}
        self.written = self.clock()
        enrollments = [self.enrollments[pk] for pk in changes]
        try:
            self.settled += settle(self.token, changes, self.now, enrollments)
        except BaseException:
            with self.turn:
                self.changes = changes | self.changes
            raise


class Lane:
    """One connection's way through a slice. `look`: as for `Slice.take`."""

    def __init__(self, slice_: Slice, look: Callable[[], None] | None = None) -> None:
        self.slice, self.look = slice_, look
        self.sessions: dict[str, Session] = {}  # borrowed, by channel

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Mail after mail, until there is none to take or `until` is true."""
        try:
            while not until() and (claimed := self.slice.take(self.look)):
                if not self._one(claimed):
                    break
        finally:
            for slug, session in self.sessions.items():
                self.slice.connections.give_back(slug, session)

    def _one(self, claimed: Claimed) -> bool:
        """False: the server can't be reached."""
        slice_, delivery = self.slice, claimed.delivery
        pk = delivery.pk
        mail = slice_.mails.get(pk) or Fault(_("It was not made."))
        if isinstance(mail, Hold | Fault):
            slice_.conclude(pk, change_of_obstacle(delivery, mail, slice_.now))
            return True
        asked = slice_.clock()
        session = self._session(delivery.channel)
        if isinstance(session, Again):
            slice_.put_back(claimed)
            return slice_.is_unreachable(session.reason, delivery.channel)
        if slice_.clock() - asked > RECHECK:
            slice_.put_back(claimed)  # connecting took long, and much may have happened
            return True
        told = {"delivery_id": pk, "attempt": delivery.attempts}
        signals.pre_transmit.send_robust(None, **told)
        slice_.begin(claimed)
        del slice_.mails[pk]  # the next slice, which is being made, needs the room
        telling, began = session.is_telling, slice_.clock()
        outcome = _transmit(session, mail)
        if telling:
            slice_.connections.took(delivery.channel, slice_.clock() - began)
        slice_.note(claimed, outcome)
        signals.post_transmit.send_robust(None, **told)
        return True

    def _session(self, slug: str) -> Session | Again:
        """The lane's session of the channel, connected."""
        if slug not in self.sessions:
            opened = self.slice.connections.borrow(slug)
            if isinstance(opened, Again):
                return opened
            self.sessions[slug] = opened
        return self.sessions[slug].ready() or self.sessions[slug]


def _transmit(session: Session, mail: Mail) -> Outcome:
    try:
        return session.transmit(mail)
    except Exception as error:  # a channel that breaks its contract: nobody knows how far it came
        logger.exception("The channel failed")
        return Uncertain(f"{type(error).__name__}: {error}")
