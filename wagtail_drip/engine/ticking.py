"""Ticking: the crank of the line. Tasks, commands and tests turn it, always with a clock given."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ..models import Delivery, Enrollment, Heartbeat, Inbox
from .advancing import BATCH, advance_due, clear_stopped
from .braking import brake
from .connecting import Connections
from .dispatching import Dispatcher
from .enrolling import enroll_new
from .importing import import_due
from .locking import read_committed
from .moving import move_due
from .noting import note_dates
from .occurring import occur
from .reacting import pass_on
from .recovering import recover
from .resuming import resume_due
from .retrying import renew_connection
from .reviewing import review
from .sending import send_due
from .stopping import never
from .surveying import count_stages
from .tasking import tell_staff
from .tracking import hear_again

logger = logging.getLogger("wagtail_drip")

Clock = Callable[[], datetime]
# What is done once a minute at most, by the tick's pass or the first one of its pump.
SELDOM: tuple[Callable[..., int], ...] = (brake, count_stages, review)
# What time alone brings about: the minute's own pump asks at once, one that helps it after a while.
TIMELY: tuple[Callable[..., int], ...] = (note_dates, occur)
# What a nudge may be about, besides events, people and deliveries (which each pass looks for): a
# pump that ends asks these again, however lately they found nothing.
NUDGED: tuple[Callable[..., int], ...] = (resume_due, import_due)

# How far ahead a running pump says it runs. Renewed after a third of it; a killed one's runs out.
AHEAD = timedelta(seconds=15)
LONGEST_WAIT = 1.0  # seconds of one rest between two passes, so that new work is seen
# So many full batches are decided before mails go out in between: some three seconds.
BATCHES_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Counts:
    """What was done: deliveries recovered, new events looked at, people carried on, and
    deliveries ended (sent or otherwise)."""

    recovered: int = 0
    events: int = 0
    advanced: int = 0
    sent: int = 0
    imported: int = 0  # rows of files of contacts, checked or imported
    unfinished: bool = False  # the time was over while there was still something to do

    @property
    def any(self) -> bool:
        return bool(self.recovered or self.events or self.advanced or self.sent or self.imported)

    @property
    def leads_on(self) -> bool:
        """Whether more is likely to be due at once. Who was merely carried on waits now."""
        carried_on = self.advanced >= BATCH  # as many as go at once, so that there may be others
        return bool(self.recovered or self.events or self.sent or self.imported or carried_on)

    def __add__(self, later: Counts) -> Counts:
        return Counts(
            self.recovered + later.recovered,
            self.events + later.events,
            self.advanced + later.advanced,
            self.sent + later.sent,
            self.imported + later.imported,
            later.unfinished,
        )


# A duty that found nothing to do has that much rest while a pump goes on with the others.
REST = timedelta(seconds=15)


@read_committed()
def tick(now: datetime, *, enough: Callable[[], bool] = never) -> Counts:
    """One pass of the whole line. `enough`: once it is true, no further message begins."""
    with Connections() as connections:
        done = _pass(lambda: now, enough, connections, once=SELDOM)
    _beat(beat_at=now)
    return done


@read_committed()
def pump(
    clock: Clock,
    seconds: float,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    stop: Callable[[], bool] = never,
    helps: bool = False,
) -> Counts:
    """Passes until nothing is due, `seconds` are over or `stop` is true.

    Where a rate alone keeps back what is due, or a server's short rest, it waits for that.

    Then only the message in hand is finished, so that a task ends well within its time-out.
    While a pump runs nudges are spared: so after taking back that claim it looks once more.
    `helps`: it is not the minute's own, and leaves to that one what is seldom done.
    """
    end = monotonic() + seconds

    def enough() -> bool:
        return stop() or monotonic() >= end

    with Connections() as connections, Dispatcher(connections, enough) as dispatcher:
        return _pump(clock, enough, sleep, connections, dispatcher, helps)


def _pump(
    clock: Clock,
    enough: Callable[[], bool],
    sleep: Callable[[float], None],
    connections: Connections,
    dispatcher: Dispatcher,
    helps: bool,
) -> Counts:
    done = Counts()
    once = () if helps else SELDOM
    began = clock()
    idle = {duty.__name__: began for duty in TIMELY} if helps else {}
    while True:
        beat: dict[str, datetime] = {}  # the heart beats by what was done, not by what is begun
        renewed = None
        while True:
            now = clock()
            if renewed is None or not renewed <= now < renewed + AHEAD / 3:
                _beat(nudged_at=None, pump_until=now + AHEAD, **beat)
                renewed = now
            last = _pass(clock, enough, connections, once=once, idle=idle, ahead=dispatcher)
            beat, once = {"beat_at": now}, ()
            done += last
            if enough():
                done += Counts(sent=dispatcher.finish())
                break
            if not (last.leads_on or dispatcher.is_busy()):
                if connections.wait is None:
                    break
                sleep(min(connections.wait, LONGEST_WAIT))
        _beat(pump_until=None, **beat)
        if enough():
            return replace(done, unfinished=True)
        for duty in NUDGED:
            idle.pop(duty.__name__, None)
        last = _pass(clock, enough, connections, idle=idle)
        done += last
        if enough() or not (last.any or connections.wait is not None):
            return replace(done, unfinished=last.any)


def _pass(
    clock: Clock,
    enough: Callable[[], bool],
    connections: Connections,
    *,
    once: tuple[Callable[..., int], ...] = (),
    idle: dict[str, datetime] | None = None,
    ahead: Dispatcher | None = None,
) -> Counts:
    """Each duty once. Trouble with one is raised, but only after the others had their turn.

    Each is told when it begins: a crowd may keep those before the sending busy for seconds, and
    what a server asks of us (a rest) counts from its asking.
    `once`: duties that not every pass of a pump need do. `idle`: since when which duty has found
    nothing, for a pump: asking them all again after each slice costs more than the slice.
    `ahead`: sends while others are decided upon, for a pump.
    """
    idle = {} if idle is None else idle
    trouble: list[Exception] = []

    def turn(duty: Callable[..., int], **options: Any) -> int:
        try:
            return duty(clock(), **options)
        except Exception as error:
            logger.exception("%s failed", duty.__name__)
            trouble.append(error)
            renew_connection()
            return 0

    def at_times(duty: Callable[..., int], **options: Any) -> int:
        now, since = clock(), idle.get(duty.__name__)
        if since and since <= now < since + REST:
            return 0
        done = turn(duty, **options)
        idle.pop(duty.__name__, None)
        if not done:
            idle[duty.__name__] = now
        return done

    recovered = at_times(recover)
    at_times(hear_again)
    at_times(pass_on)
    for duty in once:
        turn(duty)
    at_times(note_dates)
    at_times(occur, enough=enough)
    events = turn(enroll_new)
    advanced = at_times(resume_due)
    advanced += at_times(move_due)  # before they are carried on where they no longer should be
    advanced += at_times(clear_stopped)
    advanced += turn(_carry_on, connections=connections, at_once=_batches(ahead))
    if ahead:
        sent = turn(ahead.send_due)
    else:
        sent = turn(send_due, enough=enough, connections=connections)
        if sent:  # whose mail has just gone stands at the next wait at once, not a minute later
            advanced += turn(advance_due)
    at_times(tell_staff)
    imported = at_times(import_due, enough=enough)
    if trouble:
        raise trouble[0]
    return Counts(recovered, events, advanced, sent, imported)


def _batches(ahead: Dispatcher | None) -> int:
    """How many batches of people are decided in one go. Before the first mail has left: one."""
    return 1 if ahead and ahead.overlaps() and not ahead.is_busy() else BATCHES_AT_ONCE


def _carry_on(now: datetime, connections: Connections, at_once: int) -> int:
    """Carry due people on. A crowd is decided first, while mails go out in short slices: whose
    turn it is, and who is to wait, is known long before the last of them has got theirs.

    `at_once`: so many batches at most.
    """
    done = 0
    for _batch in range(at_once):
        done += (carried := advance_due(now))
        connections.crowded = carried >= BATCH
        if not connections.crowded:
            break
    return done


def backlog(now: datetime, most: int) -> int:
    """How many events, people and deliveries are due; each is counted up to `most`."""
    people = Enrollment.objects.filter(state=Enrollment.State.ACTIVE, due_at__lte=now)
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, due_at__lte=now)
    return sum(rows.order_by()[:most].count() for rows in (Inbox.objects.all(), people, waiting))


def _beat(**fields: datetime | None) -> None:
    row = Heartbeat.objects.filter(pk=1)
    if not row.update(**fields):
        Heartbeat.load()
        row.update(**fields)
