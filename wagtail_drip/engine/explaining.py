"""Explaining: why each was decided is kept, in the transaction that decided it.

From what the engine had in hand anyway: one statement a batch, and no question more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ..flow.program import Program, Send
from ..flow.reasons import Reason
from ..models import Campaign, Decision, Refusal
from ..models.inserting import replace_values

if TYPE_CHECKING:
    from .loading import Carried
    from .walking import Passed, Walker

# What is told anyway by where it leads, or by the delivery.
_UNTOLD = {"waited", "settled", "sends"}
_VALUES = ("at", "code", "seen")


class Place(NamedTuple):
    """Where in its flow a delivery belongs."""

    enrollment: int
    node: str
    visit: int
    version: int | None = None


def worth_telling(passed: Passed, program: Program) -> bool:
    """Whether a plan and the record say it. The end of the flow is no place in it."""
    node = program.nodes.get(passed.node)
    if node is None or passed.because.code in _UNTOLD:
        return False
    return not isinstance(node, Send) or bool(passed.until) or passed.because.code == "fault"


def keep_trails(
    walkers: Iterable[Walker], now: datetime, gone: Iterable[tuple[Carried, Reason]]
) -> None:
    """What was decided for each at each place, and for those `gone` where they stood. At most one
    statement."""
    places = {
        _place(walker.enrollment, passed.node): passed.because
        for walker in walkers
        for passed in walker.trail
        if worth_telling(passed, walker.program)
    }
    _keep(places | {_place(row, row.node): reason for row, reason in gone}, now)


def _place(row: Carried, node: str) -> Place:
    return Place(row.pk, node, row.visit, row.version_id)


def keep_verdicts(reasons: Mapping[Place, Reason], now: datetime) -> None:
    """Why mails were held or left out. One statement, or none."""
    _keep({place: reason for place, reason in reasons.items() if reason}, now)


def _keep(reasons: Mapping[Place, Reason], now: datetime) -> None:
    rows = []
    seen_of: dict[int, object] = {}  # people mostly share a reason, and looking at it takes time
    for place, reason in reasons.items():
        seen = seen_of.get(id(reason))
        if seen is None:
            seen = seen_of[id(reason)] = reason.as_json()["seen"]
        rows.append(
            {
                "enrollment_id": place.enrollment,
                "node": place.node,
                "visit": place.visit,
                "version_id": place.version,
                "at": now,
                "code": reason.code,
                "seen": seen,
            }
        )
    rows.sort(key=lambda row: (row["enrollment_id"], row["node"]))
    key = ("enrollment_id", "node", "visit")
    told = ("version_id", *_VALUES)
    # Whoever waits for a pause to end is looked at again and again, and nothing is new of it.
    replace_values(Decision, rows, key, told, unless_same=("version_id", "code", "seen"))


def keep_refusals(campaign: Campaign, refused: Mapping[int, Reason], now: datetime) -> None:
    """Why some did not enter, by contact. One statement, or none."""
    rows = [
        {"contact_id": contact, "campaign_id": campaign.pk, "at": now, **reason.as_json()}
        for contact, reason in sorted(refused.items())
    ]
    replace_values(Refusal, rows, ("contact_id", "campaign_id"), _VALUES)
