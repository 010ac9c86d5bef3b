"""Moving: people inside follow a new Version, or leave, as was chosen when it was published.

The choice is a standing order. Whoever is found in an earlier version is due to follow the first
order after it, in batches, here in the cluster; so a killed worker, somebody who entered while it
was published, or whose mail is just going out, are found the next time. A Version with "keep"
asks nothing of anybody.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery

from ..flow import compiling
from ..flow.program import Program, Send, WaitEvent
from ..models import Campaign, Choice, Delivery, Enrollment, Version
from .leaving import take_out
from .listening import disarm
from .locking import first_unlocked
from .retrying import on_deadlock

logger = logging.getLogger("wagtail_drip")

BATCH = 500
ACTIVE = Enrollment.State.ACTIVE
MOVED = Delivery.Reason.MOVED


def landing(old: Program, new: Program, node: str) -> str:
    """Where somebody at `node` of `old` stands in `new`.

    There as well, where it has that node; else at the nearest node after it that it has, the one
    on the first way where the ways are equally long; "" (the end) where it has none.
    """
    seen, ahead = {node}, deque([node])
    while ahead:
        here = ahead.popleft()
        if here in new.nodes:
            return here
        after = old.successors(here) if here in old.nodes else []
        ahead.extend(one for one in after if one not in seen)
        seen.update(after)
    return ""


# What would happen, for the question


@dataclass(frozen=True, slots=True)
class Standing:
    """So many people stand at `node` of `version`, and would come to `target` if they moved."""

    version: Version
    node: str
    people: int
    target: str

    @property
    def stays(self) -> bool:
        return self.node == self.target


def preview(campaign: Campaign, program: Program) -> list[Standing]:
    """Where everybody inside stands, and where `program` would take them. Two queries."""
    counts = people_at(campaign)
    versions = Version.objects.in_bulk({pk for pk, _node in counts})
    programs, _broken = read(versions.values())
    return [
        Standing(versions[pk], node, people, landing(programs.get(pk, program), program, node))
        for (pk, node), people in counts.items()
    ]


def people_at(campaign: Campaign) -> dict[tuple[int, str], int]:
    """How many people stand where: by version and node, the oldest version first. One query."""
    inside = Enrollment.objects.filter(campaign=campaign, state=ACTIVE)
    counted = inside.values_list("version_id", "node").annotate(people=Count("pk"))
    return {(pk, node): people for pk, node, people in counted.order_by("version_id", "node")}


def outstanding(campaign: Campaign) -> int:
    """How many people have yet to follow what was chosen."""
    replaced = [pk for pk, _order in _orders(campaign=campaign)]
    return Enrollment.objects.filter(version_id__in=replaced, state=ACTIVE).count()


# Following the orders


@on_deadlock
def move_due(now: datetime, limit: int = BATCH) -> int:
    """Let up to `limit` people follow their campaign's choice. Returns how many; 0: nobody can.

    Advancing and this lock the same rows and skip what is locked, so each takes people as the
    other left them. Whose mail is going out moves when it has ended.
    """
    orders = dict(_orders())
    if not orders:
        return 0
    versions = Version.objects.in_bulk({*orders, *orders.values()})
    programs, broken = read(versions.values())
    followed = {
        pk: versions[order]
        for pk, order in orders.items()
        if not (versions[order].choice == Choice.MOVE and {pk, order} & broken)
    }
    with transaction.atomic():
        rows, waiting = _claim(followed, limit)
        leaving = [row.pk for row in rows if followed[row.version_id].choice == Choice.LEAVE]
        if leaving:
            people = Enrollment.objects.filter(pk__in=leaving)
            take_out(people, reason=Enrollment.Reason.MOVED_OUT, at=now)
        moving = [row for row in rows if followed[row.version_id].choice == Choice.MOVE]
        _move(moving, waiting, followed, programs, now)
    return len(rows)


def read(versions: Iterable[Version]) -> tuple[dict[int, Program], set[int]]:
    """Their programs, and the versions that this release can't read: nobody moves from or to those.

    Advancing says of the people in them what is wrong.
    """
    programs, broken = {}, set()
    for version in versions:
        if compiling.is_newer(version.program):
            broken.add(version.pk)  # the release that wrote it will see to them
            continue
        try:
            programs[version.pk] = compiling.load(version.program)
        except Exception:
            logger.exception("Version %s can't be read", version.pk)
            broken.add(version.pk)
    return programs, broken


def _orders(**of: Any) -> QuerySet[Any, tuple[int, int]]:
    """Versions with people inside that they are to leave, and the first version that says so."""
    after = Version.objects.filter(campaign=OuterRef("campaign"), number__gt=OuterRef("number"))
    orders = after.exclude(choice=Choice.KEEP).order_by("number")
    inside = Enrollment.objects.filter(version=OuterRef("pk"), state=ACTIVE)
    versions = Version.objects.filter(Exists(inside), Exists(orders), **of)
    return versions.annotate(order=Subquery(orders.values("pk")[:1])).values_list("pk", "order")


def _claim(
    versions: Iterable[int], limit: int
) -> tuple[list[Enrollment], Mapping[int, list[Delivery]]]:
    """Lock people in these versions, with contact and waiting deliveries, in id order."""
    sending = Delivery.objects.filter(enrollment=OuterRef("pk"), state=Delivery.State.SENDING)
    inside = Enrollment.objects.filter(~Exists(sending), version__in=list(versions), state=ACTIVE)
    rows = first_unlocked(
        inside.defer("data", "contact__attributes").order_by("pk"), limit, "contact"
    )
    # Claiming may have been quicker; what it has taken by now is no longer waiting.
    deliveries = Delivery.objects.filter(enrollment__in=rows, state__in=Delivery.OPEN)
    no_key = connection.features.has_select_for_no_key_update
    waiting = defaultdict(list)
    for delivery in deliveries.order_by("pk").select_for_update(no_key=no_key):
        waiting[delivery.enrollment_id].append(delivery)
    taken = {
        pk
        for pk, found in waiting.items()
        if any(delivery.state == Delivery.State.SENDING for delivery in found)
    }
    return [row for row in rows if row.pk not in taken], waiting


def _move(
    rows: Sequence[Enrollment],
    waiting: Mapping[int, list[Delivery]],
    orders: Mapping[int, Version],
    programs: Mapping[int, Program],
    now: datetime,
) -> None:
    """Compare-and-set on version, node and state; one UPDATE for each way to stand."""
    alike = defaultdict(list)
    for row in rows:
        held = any(_is_at(delivery, row) for delivery in waiting.get(row.pk, []))
        alike[row.version_id, row.node, held].append(row.pk)
    moved: set[int] = set()
    for (old, node, held), ids in alike.items():
        new = orders[old]
        changes = _changes(programs[old], programs[new.pk], node, held, now)
        if _standing(ids, old, node).update(version=new, **changes) < len(ids):
            # What waits for those who went on meanwhile is let be.
            there = Enrollment.objects.filter(pk__in=ids, version=new)
            ids = list(there.values_list("pk", flat=True))
        if changes and isinstance(programs[old].nodes.get(node), WaitEvent):
            disarm(ids)  # what they wait for now, if they do, may be another event
        moved.update(ids)
    followed = [row for row in rows if row.pk in moved]
    for row in followed:
        row.version = orders[row.version_id]
    _settle_waiting(followed, waiting, programs, now)


def _standing(ids: Iterable[int], version: int, node: str) -> QuerySet[Enrollment]:
    """Those of them who still stand as they were found."""
    return Enrollment.objects.filter(pk__in=ids, version=version, node=node, state=ACTIVE)


def _is_at(delivery: Delivery, row: Enrollment) -> bool:
    return (delivery.node, delivery.visit) == (row.node, row.visit)


def _changes(old: Program, new: Program, node: str, held: bool, now: datetime) -> dict[str, Any]:
    """What changes for somebody at `node`. `held`: their delivery there is waiting."""
    target = landing(old, new, node)
    if not node:
        return {}
    if target != node:
        return {"node": target, "arrived_at": now, "due_at": now}
    if held and isinstance(new.nodes[node], Send):
        return {"due_at": None}  # the delivery's end will let them go on
    if old.nodes.get(node) == new.nodes[node]:
        return {}
    return {"due_at": now}  # it says something else now: it is asked again


def _settle_waiting(
    rows: Sequence[Enrollment],
    waiting: Mapping[int, list[Delivery]],
    programs: Mapping[int, Program],
    now: datetime,
) -> None:
    """Deliveries of gone places end; those of changed ones send what stands there now."""
    gone: list[int] = []
    stays: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row in rows:
        nodes = programs[row.version_id].nodes
        for delivery in waiting.get(row.pk, []):
            node = nodes.get(delivery.node)
            if not isinstance(node, Send):
                gone.append(delivery.pk)
            else:
                stays[row.version_id, node.step].append(delivery.pk)
    if gone:
        skipped = {"state": Delivery.State.SKIPPED, "reason": MOVED, "settled_at": now}
        _still_waiting(gone).update(claim="", **skipped)
    for (version, step), ids in stays.items():
        _still_waiting(ids).update(version_id=version, step_key=step)


def _still_waiting(ids: Iterable[int]) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk__in=ids, state=Delivery.State.WAITING)


def had(sent: Mapping[str, str], program: Program) -> set[str]:
    """Sends of `program` whose mail somebody got at a place that it doesn't have.

    `sent`: step by node of the deliveries that went out. A block taken out and put in anew is
    another place, and its mail must not come twice.
    """
    elsewhere = {step for node, step in sent.items() if node not in program.nodes}
    if not elsewhere:
        return set()
    sends = ((id, node) for id, node in program.nodes.items() if isinstance(node, Send))
    return {id for id, node in sends if node.step in elsewhere}
