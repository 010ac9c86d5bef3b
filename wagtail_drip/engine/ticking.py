"""Ticking: the crank of the line. Tasks, commands and tests turn it, always with a clock given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..models import Delivery, Enrollment, Heartbeat, Inbox
from .advancing import advance_due
from .enrolling import enroll_new
from .recovering import recover
from .sending import send_due

Clock = Callable[[], datetime]

# How far ahead a running pump says it runs. Renewed on each pass; a killed pump's claim runs out.
AHEAD = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was done: deliveries recovered, new events looked at, people carried on, and
    deliveries ended (sent or otherwise)."""

    recovered: int = 0
    events: int = 0
    advanced: int = 0
    sent: int = 0
    unfinished: bool = False  # the time was over while there was still something to do

    @property
    def any(self) -> bool:
        return bool(self.recovered or self.events or self.advanced or self.sent)

    def __add__(self, later: Counts) -> Counts:
        return Counts(
            self.recovered + later.recovered,
            self.events + later.events,
            self.advanced + later.advanced,
            self.sent + later.sent,
            later.unfinished,
        )


def tick(now: datetime) -> Counts:
    """One pass of the whole line."""
    _beat(beat_at=now)
    return _pass(now)


def pump(
    clock: Clock, seconds: float, *, monotonic: Callable[[], float] = time.monotonic
) -> Counts:
    """Passes until nothing is due, or until `seconds` are over and the pass in hand is done.

    While a pump runs nudges are spared: so after taking back that claim it looks once more.
    """
    end = monotonic() + seconds
    done = Counts()
    while True:
        while True:
            now = clock()
            _beat(beat_at=now, nudged_at=None, pump_until=now + AHEAD)
            last = _pass(now)
            done += last
            if not last.any or monotonic() >= end:
                break
        _beat(pump_until=None)
        last = _pass(clock())
        done += last
        if not last.any or monotonic() >= end:
            return replace(done, unfinished=last.any)


def _pass(now: datetime) -> Counts:
    recovered = recover(now)
    events = enroll_new(now)
    advanced = advance_due(now)
    sent = send_due(now)
    # Whose mail has just gone stands at the next wait at once, not a minute later.
    advanced += advance_due(now)
    return Counts(recovered, events, advanced, sent)


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
