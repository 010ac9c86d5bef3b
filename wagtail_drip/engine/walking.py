"""Walking: many people carried over their flows at once, to where each must stop.

What to do at a node is `flow.program.decide`'s alone. Here people are kept in step, so that those
at the same branch are asked together.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from ..flow import clocks
from ..flow.program import (
    Act,
    Arm,
    Ask,
    AskDay,
    AskEvent,
    Deliver,
    End,
    Move,
    Position,
    Program,
    Question,
    Stay,
    decide,
)
from ..flow.reasons import Reason, because
from ..flow.windows import ALWAYS, Calendar
from ..models import Enrollment
from .acting import act
from .asking import ask_why, explained, for_all
from .dating import days
from .listening import firsts
from .loading import Carried

logger = logging.getLogger("wagtail_drip")

PAUSED = timedelta(minutes=15)  # so often whoever is held by a pause is looked at again
# When to look again at somebody who needs a newer release: one of its workers may be quicker, and
# once the deploy is through all of them can.
NOT_YET_READABLE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Fault:
    """This person's way can't be followed; the others' can."""

    reason: str

    @property
    def because(self) -> Reason:
        return because("fault", fault=self.reason)


Outcome = Stay | Deliver | Arm | End | Fault


@dataclass(frozen=True, slots=True)
class Passed:
    """What was decided for somebody at a node, and why. `until`: where they stay."""

    node: str
    because: Reason
    until: datetime | None = None


@dataclass(slots=True)
class Walker:
    """One enrollment on its way through a batch. `outcome` is None until it has stopped."""

    enrollment: Carried
    program: Program
    zone: ZoneInfo
    node: str
    arrived_at: datetime
    calendar: Calendar = ALWAYS
    deliveries: Mapping[str, bool] = field(default_factory=dict)  # by node: whether it has ended
    armed: str = ""  # the node where an event wakes them
    paused: bool = False  # the campaign: nothing is done for them while it is
    facts: dict[str, Any] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    # Sends whose delivery was skipped when they were taken out of the flow; they are back.
    put_back: Collection[str] = ()
    acted: bool = False  # something was done for them, by which they may have reached a goal
    question: Question | Act | None = None
    outcome: Outcome | None = None
    trail: list[Passed] = field(default_factory=list)

    def position(self) -> Position:
        return Position(
            self.node,
            self.arrived_at,
            settled=self.deliveries.get(self.node, False),
            armed=bool(self.node) and self.armed == self.node == self.enrollment.node,
            person=self.enrollment.contact.uuid.hex,
        )

    def stop(self, outcome: Outcome) -> None:
        until = outcome.until if isinstance(outcome, Stay) else None
        self.trail.append(Passed(self.node, outcome.because, until))
        self.outcome = outcome

    def move(self, to: str, at: datetime) -> None:
        if self.node in self.passed:
            raise ValueError(f"the flow goes round at {self.node}")
        self.passed.add(self.node)
        self.node, self.arrived_at = to, at


def walk(walkers: Sequence[Walker], now: datetime) -> None:
    """Carry each to its outcome. A fixed number of queries for each node that anybody comes to."""
    asked: dict[tuple[int, str], Answers] = {}
    moving = list(walkers)
    while moving:
        for walker in moving:
            _go(walker, now)
        moving = [walker for walker in moving if walker.question]
        if acting := [walker for walker in moving if isinstance(walker.question, Act)]:
            for together in _by_node(acting).values():
                _act(together, now)
            asked = {}  # what was done may have changed the answers
        asking = [walker for walker in moving if walker.question]
        for key, waiting in _by_node(asking).items():
            if key not in asked:
                everyone = [w.enrollment.pk for w in walkers if w.enrollment.version_id == key[0]]
                asked[key] = _ask(waiting[0], everyone, now)
            for walker in waiting:
                _tell(walker, *asked[key])
        moving = [walker for walker in moving if walker.outcome is None]


def _go(walker: Walker, now: datetime) -> None:
    try:
        while True:
            position = walker.position()
            decision = decide(
                walker.program, position, walker.facts, now, walker.zone, walker.calendar
            )
            if not isinstance(decision, Move):
                break
            walker.trail.append(Passed(walker.node, decision.because))
            walker.move(decision.to, decision.at)
        if isinstance(decision, Deliver):
            UUID(decision.step)  # a key that is none must fail here, alone, not with the batch
    except Exception as error:
        logger.exception("Enrollment %s can't go on at %r", walker.enrollment.pk, walker.node)
        walker.stop(Fault(explained(error)))
        return
    if isinstance(decision, Act) and walker.paused:
        walker.stop(Stay(now + PAUSED, because=because("paused")))
    elif isinstance(decision, Question | Act):
        walker.question = decision
    else:
        walker.stop(decision)


def _by_node(walkers: Sequence[Walker]) -> Mapping[tuple[int, str], list[Walker]]:
    nodes = defaultdict(list)
    for walker in walkers:
        nodes[walker.enrollment.version_id, walker.node].append(walker)
    return nodes


def _act(walkers: Sequence[Walker], now: datetime) -> None:
    """They do what their node says, all at once, and go on behind it."""
    by_id = {walker.enrollment.pk: walker for walker in walkers}
    decision = walkers[0].question
    assert isinstance(decision, Act)

    def together(ids: Collection[int]) -> dict[int, bool]:
        return dict.fromkeys(ids, act(decision.action, [by_id[pk].enrollment for pk in ids], now))

    done, faults = for_all(together, list(by_id))
    for pk, walker in by_id.items():
        walker.question = None
        if pk in faults:
            walker.stop(Fault(faults[pk]))
        elif not done[pk]:
            walker.stop(Stay(now + NOT_YET_READABLE, because=because("newer")))
        else:
            walker.acted = True
            walker.trail.append(Passed(walker.node, decision.because))
            walker.move(decision.to, walker.arrived_at)


Answers = tuple[Mapping[int, Any], Mapping[int, str]]  # facts, and faults, by enrollment


def _ask(walker: Walker, ids: Sequence[int], now: datetime) -> Answers:
    """Ask for everyone of the version at once: who comes to this node later is answered too."""
    match walker.question:
        case Ask(group=group):
            return ask_why(group, Enrollment, ids, now, "holds", "holds_not")
        case AskDay(source=source):
            return for_all(lambda some: days(source, some), ids)
        case AskEvent(event=event):
            return for_all(lambda some: firsts(event, some, now), ids)
    raise TypeError(f"unknown question {walker.question!r}")  # pragma: no cover


def _tell(walker: Walker, facts: Mapping[int, Any], faults: Mapping[int, str]) -> None:
    pk = walker.enrollment.pk
    walker.question = None
    if pk in faults:
        walker.stop(Fault(faults[pk]))
    else:
        walker.facts[walker.node] = facts.get(pk)


def zone_of(*names: str) -> ZoneInfo:
    """The first of these time zones that exists; else the site's."""
    for name in names:
        if name and (zone := clocks.zone(name)):
            return zone
    return clocks.zone(settings.TIME_ZONE) or ZoneInfo("UTC")
