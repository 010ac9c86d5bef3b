"""The compiled flow, and the one function that decides where a person goes next.

A program is a small immutable graph of nodes by block id. `decide` is pure: the engine, the
simulator, the plan and the "why" all call it; there is no second implementation of time or of
branching.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from . import timing

FORMAT = 1


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
class Branch:
    """Go `yes` where the conditions hold now, else `no`. `group` is conditions.Group as JSON."""

    group: Mapping[str, Any]
    yes: str = ""
    no: str = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """Take the person out, for this reason in the editor's words ("" for none given)."""

    reason: str = ""


Node = Send | Wait | Branch | Leave
KINDS: dict[str, type] = {"send": Send, "wait": Wait, "branch": Branch, "leave": Leave}


@dataclass(frozen=True, slots=True)
class Program:
    """`start` and every `next`, `yes`, `no` is a node id, or "" for the end of the flow."""

    start: str
    nodes: Mapping[str, Node] = field(default_factory=dict)

    def steps(self) -> list[str]:
        """The translation keys of all steps it sends, each once."""
        keys = (node.step for node in self.nodes.values() if isinstance(node, Send))
        return list(dict.fromkeys(keys))

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

    `settled`: a send's delivery has ended (sent, failed, uncertain or skipped).
    """

    node: str
    arrived_at: datetime
    settled: bool = False


# What decide answers. `because` is one plain English line for the record of decisions.


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing to do before `until`."""

    until: datetime
    because: str = ""


@dataclass(frozen=True, slots=True)
class Deliver:
    """Lay down a delivery of this step for this node; the person stays until it is settled."""

    step: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """Stand at `to` since `at`, and decide again."""

    to: str
    at: datetime
    because: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """The answer depends on these conditions: decide again with facts[node] = True or False."""

    group: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """Through: `left` is False at the flow's end, True at a leave block (with its reason)."""

    left: bool = False
    reason: str = ""
    because: str = ""


Decision = Stay | Deliver | Move | Ask | End


def decide(
    program: Program,
    position: Position,
    facts: Mapping[str, bool],
    now: datetime,
    zone: ZoneInfo,
) -> Decision:
    """What becomes of somebody at `position`, at `now`, in their time zone.

    `facts`: answers to the conditions of branch nodes by node id, as far as known.
    Raises KeyError for a node the program doesn't have (its caller fails the enrollment).
    """
    if not position.node:
        return End(because="the flow is at its end")
    node = program.nodes[position.node]
    match node:
        case Wait():
            until = timing.until(node.spec, position.arrived_at, zone)
            if until > now:
                return Stay(until, because=f"waits until {until:%Y-%m-%d %H:%M} UTC")
            return Move(node.next, until, because="the wait is over")
        case Send():
            if position.settled:
                return Move(node.next, position.arrived_at, because="the delivery is settled")
            return Deliver(node.step)
        case Branch():
            if position.node not in facts:
                return Ask(node.group)
            met = facts[position.node]
            because = "the condition holds" if met else "the condition does not hold"
            return Move(node.yes if met else node.no, position.arrived_at, because=because)
        case Leave():
            return End(left=True, reason=node.reason, because="the flow says leave")
    raise TypeError(f"unknown node {node!r}")  # pragma: no cover - KINDS is closed
