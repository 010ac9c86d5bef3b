"""Walking: many people carried over their flows at once, to where each must stop.

What to do at a node is `flow.program.decide`'s alone. Here people are kept in step, so that those
at the same branch are asked together.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from ..flow import timing
from ..flow.program import Ask, Deliver, End, Move, Position, Program, Stay, decide
from ..models import Enrollment
from .asking import Answers, ask, explained

logger = logging.getLogger("wagtail_drip")


@dataclass(frozen=True, slots=True)
class Fault:
    """This person's way can't be followed; the others' can."""

    reason: str


@dataclass(slots=True)
class Walker:
    """One enrollment on its way through a batch. `outcome` is None until it has stopped."""

    enrollment: Enrollment
    program: Program
    zone: ZoneInfo
    node: str
    arrived_at: datetime
    deliveries: Mapping[str, bool] = field(default_factory=dict)  # by node: whether it has ended
    facts: dict[str, bool] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    # Sends whose delivery was skipped when they were taken out of the flow; they are back.
    put_back: Collection[str] = ()
    question: Ask | None = None
    outcome: Stay | Deliver | End | Fault | None = None


def walk(walkers: Sequence[Walker], now: datetime) -> None:
    """Carry each to its outcome. One query for each branch that anybody comes to."""
    asked: dict[tuple[int, str], Answers] = {}
    moving = list(walkers)
    while moving:
        for walker in moving:
            _go(walker, now)
        moving = [walker for walker in moving if walker.question]
        for key, waiting in _by_branch(moving).items():
            if key not in asked:
                everyone = [w.enrollment.pk for w in walkers if w.enrollment.version_id == key[0]]
                asked[key] = _ask(waiting[0], everyone, now)
            for walker in waiting:
                _tell(walker, asked[key])
        moving = [walker for walker in moving if walker.outcome is None]


def _go(walker: Walker, now: datetime) -> None:
    try:
        while True:
            settled = walker.deliveries.get(walker.node, False)
            position = Position(walker.node, walker.arrived_at, settled)
            decision = decide(walker.program, position, walker.facts, now, walker.zone)
            if not isinstance(decision, Move):
                break
            if walker.node in walker.passed:
                raise ValueError(f"the flow goes round at {walker.node}")
            walker.passed.add(walker.node)
            walker.node, walker.arrived_at = decision.to, decision.at
        if isinstance(decision, Deliver):
            UUID(decision.step)  # a key that is none must fail here, alone, not with the batch
    except Exception as error:
        logger.exception("Enrollment %s can't go on at %r", walker.enrollment.pk, walker.node)
        walker.outcome = Fault(explained(error))
        return
    if isinstance(decision, Ask):
        walker.question = decision
    else:
        walker.outcome = decision


def _by_branch(walkers: Sequence[Walker]) -> Mapping[tuple[int, str], list[Walker]]:
    branches = defaultdict(list)
    for walker in walkers:
        branches[walker.enrollment.version_id, walker.node].append(walker)
    return branches


def _ask(walker: Walker, ids: Sequence[int], now: datetime) -> Answers:
    """Ask for everyone of the version at once: who comes to this branch later is answered too."""
    assert walker.question is not None
    return ask(walker.question.group, Enrollment, ids, now)


def _tell(walker: Walker, answers: Answers) -> None:
    pk = walker.enrollment.pk
    walker.question = None
    if pk in answers.faults:
        walker.outcome = Fault(answers.faults[pk])
    else:
        walker.facts[walker.node] = pk in answers.met


def zone_of(*names: str) -> ZoneInfo:
    """The first of these time zones that exists; else the site's."""
    for name in names:
        if name and (zone := timing.zone(name)):
            return zone
    return timing.zone(settings.TIME_ZONE) or ZoneInfo("UTC")
