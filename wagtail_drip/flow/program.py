"""The compiled flow, and the one function that decides where a person goes next.

A program is a small immutable graph of nodes by block id. `decide` is pure: the engine, the
simulator, the plan and the "why" all call it; there is no second implementation of time or of
branching.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from . import timing
from .reasons import Reason, because, own
from .windows import ALWAYS, Calendar

FORMAT = 2
# Why somebody left at a WaitDay, as records keep it (Enrollment.Reason says it in words).
LETTERS = "ABCDEFGHIJ"  # what the ways of a split are called
NO_DAY, DAY_OVER = "no date", "date over"


@dataclass(frozen=True, slots=True)
class Send:
    """Send the step with this translation key; a stop: go on when its delivery is settled."""

    step: str
    next: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Stay until `timing.until(spec, arrived_at, zone)`."""

    spec: Mapping[str, Any]
    next: str = ""


@dataclass(frozen=True, slots=True)
class WaitDay:
    """Stay until `timing.around` a date of the person's own.

    `source`: `{"of": "contact" | "user" | "event", "key": …}`. `leave`: whoever has no such date,
    or for whom it is over, leaves the campaign; else they go on at once.
    """

    source: Mapping[str, Any]
    spec: Mapping[str, Any]
    leave: bool = True
    next: str = ""


@dataclass(frozen=True, slots=True)
class WaitEvent:
    """Stay until an event comes (`happened`), at most until `timing.until` (`timeout`).

    `event`: what conditions.Condition `event_happened` takes, without a "since".
    """

    event: Mapping[str, Any]
    spec: Mapping[str, Any]
    happened: str = ""
    timeout: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """Go `yes` where the conditions hold now, else `no`. `group` is conditions.Group as JSON."""

    group: Mapping[str, Any]
    yes: str = ""
    no: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """Part people by chance: `ways` are (percent, node id). A person always goes the same way."""

    ways: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Do:
    """Something happens at once, exactly once: `{"do": slug of engine/acting.py, …}`."""

    action: Mapping[str, Any]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """Take the person out, for this reason in the editor's words ("" for none given)."""

    reason: str = ""


Node = Send | Wait | WaitDay | WaitEvent | Branch | Split | Do | Leave
KINDS: dict[str, type] = {
    "send": Send,
    "wait": Wait,
    "wait_day": WaitDay,
    "wait_event": WaitEvent,
    "branch": Branch,
    "split": Split,
    "do": Do,
    "leave": Leave,
}


@dataclass(frozen=True, slots=True)
class Program:
    """`start` and whatever leads on from a node is a node id, or "" for the end of the flow."""

    start: str
    nodes: Mapping[str, Node] = field(default_factory=dict)

    def steps(self) -> list[str]:
        """The translation keys of all steps it sends, each once."""
        keys = (node.step for node in self.nodes.values() if isinstance(node, Send))
        return list(dict.fromkeys(keys))

    def actions(self, do: str) -> list[Mapping[str, Any]]:
        """All actions of this kind in it."""
        acts = (node.action for node in self.nodes.values() if isinstance(node, Do))
        return [action for action in acts if action.get("do") == do]

    def successors(self, id: str) -> list[str]:
        """The nodes that may come right after this one, in the order of its fields.

        Whatever a node's kind: each of its values, however deep, that names a node.
        """
        node = self.nodes[id]
        found = (one for f in fields(node) for one in _strings(getattr(node, f.name)))
        return [one for one in dict.fromkeys(found) if one in self.nodes]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (one for inner in value.values() for one in _strings(inner))
    elif isinstance(value, list | tuple):
        yield from (one for inner in value for one in _strings(inner))


@dataclass(frozen=True, slots=True)
class Position:
    """Where somebody stands: at `node`, since `arrived_at` (from which its wait counts).

    `settled`: a send's delivery has ended (sent, failed, uncertain or skipped). `armed`: an event
    that is waited for here wakes them. `person`: what a split tells people apart by.
    """

    node: str
    arrived_at: datetime
    settled: bool = False
    armed: bool = False
    person: str = ""


# What decide answers, and why.

NO_REASON = Reason()


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing to do before `until`. `moving`: what that hangs on may change: look again sooner."""

    until: datetime
    because: Reason = field(default=NO_REASON, compare=False)
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Deliver:
    """Lay down a delivery of this step for this node; the person stays until it is settled."""

    step: str
    because: Reason = field(default=NO_REASON, compare=False)


@dataclass(frozen=True, slots=True)
class Move:
    """Stand at `to` since `at`, and decide again."""

    to: str
    at: datetime
    because: Reason = field(default=NO_REASON, compare=False)


@dataclass(frozen=True, slots=True)
class Ask:
    """It depends on these conditions: decide again with facts[node] = True, False or an Answer."""

    group: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AskDay:
    """Decide again with facts[node] = the date (or moment, or ISO text) of this source, or None."""

    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AskEvent:
    """Decide again with facts[node] = when such an event first came since arriving, or None."""

    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arm:
    """Let an event of this name wake them; once that is committed, decide again (armed)."""

    event: str
    because: Reason = field(default=NO_REASON, compare=False)


@dataclass(frozen=True, slots=True)
class Act:
    """Do this, and go on at `to`, in one transaction."""

    action: Mapping[str, Any]
    to: str
    because: Reason = field(default=NO_REASON, compare=False)


@dataclass(frozen=True, slots=True)
class End:
    """Through: `left` is False at the flow's end, True at a leave block (with its reason)."""

    left: bool = False
    reason: str = ""
    because: Reason = field(default=NO_REASON, compare=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """To an Ask, as a fact: whether the conditions hold, and why."""

    holds: bool
    because: Reason


Question = Ask | AskDay | AskEvent
Decision = Stay | Deliver | Move | Question | Arm | Act | End


def decide(
    program: Program,
    position: Position,
    facts: Mapping[str, Any],
    now: datetime,
    zone: ZoneInfo,
    calendar: Calendar = ALWAYS,
) -> Decision:
    """What becomes of somebody at `position`, at `now`, in their time zone.

    `facts`: answers to the questions of nodes by node id, as far as known. `calendar`: when their
    site sends nothing. Raises KeyError for a node the program doesn't have (its caller fails the
    enrollment).
    """
    if not position.node:
        return End(because=because("end"))
    node = program.nodes[position.node]
    match node:
        case Send():
            return _send(node, position, now, zone, calendar)
        case Wait():
            until = timing.until(node.spec, position.arrived_at, zone, calendar)
            return _stay_or_move(until, node.next, now)
        case WaitDay():
            return _wait_day(node, position, facts, now, zone, calendar)
        case WaitEvent():
            return _wait_event(node, position, facts, now, zone, calendar)
        case Branch():
            if position.node not in facts:
                return Ask(node.group)
            answer = facts[position.node]
            if not isinstance(answer, Answer):
                answer = Answer(bool(answer), because("holds" if answer else "holds_not"))
            to = node.yes if answer.holds else node.no
            return Move(to, position.arrived_at, because=answer.because)
        case Split():
            share, to, way = drawn(node.ways, position)
            why = because("drawn", share=share, way=LETTERS[way : way + 1])
            return Move(to, position.arrived_at, because=why)
        case Do():
            return Act(node.action, node.next, because=because("done"))
        case Leave():
            reason = own(node.reason)  # who leaves for a “goal” has not reached the campaign's
            return End(left=True, reason=reason, because=_leaves(reason))
    raise TypeError(f"unknown node {node!r}")  # pragma: no cover - KINDS is closed


def _send(
    node: Send, position: Position, now: datetime, zone: ZoneInfo, calendar: Calendar
) -> Decision:
    if position.settled:
        return Move(node.next, position.arrived_at, because=because("settled"))
    opens = calendar.opens(now, zone)
    if opens > now:
        reason = calendar.closed(now, opens, zone)
        return Stay(opens, because=because("closed", until=opens, reason=reason))
    return Deliver(node.step, because=because("sends"))


def _leaves(reason: str) -> Reason:
    return because("leaves_because", reason=reason) if reason else because("leaves")


def _stay_or_move(
    until: datetime, to: str, now: datetime, moving: bool = False, over: str = "waited"
) -> Decision:
    if until > now:
        return Stay(until, because=because("waits", until=until), moving=moving)
    return Move(to, until, because=because(over))


def _wait_day(
    node: WaitDay,
    position: Position,
    facts: Mapping[str, Any],
    now: datetime,
    zone: ZoneInfo,
    calendar: Calendar,
) -> Decision:
    if position.node not in facts:
        return AskDay(node.source)
    day = timing.day_of(facts[position.node], zone)
    since = position.arrived_at
    until = timing.around(node.spec, day, since, zone, calendar) if day else None
    if until:
        return _stay_or_move(until, node.next, now, moving=True)
    why = because("day_over" if day else "no_day")
    if node.leave:
        return End(left=True, reason=DAY_OVER if day else NO_DAY, because=why)
    return Move(node.next, position.arrived_at, because=why)


def _wait_event(
    node: WaitEvent,
    position: Position,
    facts: Mapping[str, Any],
    now: datetime,
    zone: ZoneInfo,
    calendar: Calendar,
) -> Decision:
    if not position.armed:
        event = str(node.event["event"])
        return Arm(event, because=because("listens", event=event))
    if position.node not in facts:
        return AskEvent(node.event)
    until = timing.until(node.spec, position.arrived_at, zone, calendar)
    first = facts[position.node]
    if first and first <= until:
        since = max(first, min(position.arrived_at, now))
        return Move(node.happened, since, because("happened", at=first))
    return _stay_or_move(until, node.timeout, now, over="not_in_time")


def drawn(ways: Sequence[Sequence[Any]], position: Position) -> tuple[int, str, int]:
    """Which (percent, node id) falls to this person at this node, always the same; its number."""
    ticket = hashlib.sha256(f"{position.person}:{position.node}".encode()).digest()
    number, reached = int.from_bytes(ticket[:8], "big") / 2**64 * 100, 0
    for way, (share, to) in enumerate(ways):
        reached += share
        if number < reached:
            return share, to, way
    return ways[-1][0], ways[-1][1], len(ways) - 1
