"""Advancing: due people are carried over their flow to the next stop, a wait or a send.

A batch is claimed with row locks, decided in memory and written back in one transaction. What
was claimed is locked, so version, node and state are still those that were decided upon.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from ..flow import compiling
from ..flow.program import Arm, Deliver, End, Program, Stay, WaitEvent
from ..models import Campaign, Delivery, Enrollment, Version
from ..models.among import among
from ..models.sending_times import WITH_TIMES, calendars
from .asking import explained
from .converting import convert
from .dating import AGAIN
from .expelling import reasons_to_leave
from .explaining import keep_trails
from .listening import arm, armed, disarm
from .loading import COLUMNS_TO_CARRY, Carried, Journey, load_to_carry
from .locking import first_unlocked
from .moving import had
from .planning import Plan, lay_down
from .reconsidering import reconsider
from .retrying import on_deadlock
from .walking import NOT_YET_READABLE, Fault, Walker, walk, zone_of

logger = logging.getLogger("wagtail_drip")

BATCH = 4000
SEPARATE_UPDATES = 8
State = Enrollment.State


@on_deadlock
def advance_due(now: datetime, limit: int = BATCH) -> int:
    """Carry up to `limit` due people on. Returns how many; 0 says that nobody is due.

    Several processes share the work without waiting for each other. One person's fault fails
    that person's enrollment alone. Whose program is of a format unknown here waits where they are.
    """
    due = _active().filter(due_at__lte=now).order_by("due_at", "pk")
    return _carry_on(due, now, limit)


@on_deadlock
def clear_stopped(now: datetime, limit: int = BATCH) -> int:
    """Up to `limit` people leave the campaigns that are stopped, wherever they stand. How many."""
    inside = Exists(_active().filter(campaign=OuterRef("pk")))
    stopped = list(Campaign.objects.filter(inside, live=False).values_list("pk", flat=True))
    if not stopped:
        return 0
    return _carry_on(_active().filter(campaign_id__in=stopped).order_by("pk"), now, limit)


def _active() -> QuerySet[Enrollment]:
    return Enrollment.objects.filter(state=State.ACTIVE).only(*COLUMNS_TO_CARRY)


def _carry_on(rows: QuerySet[Enrollment], now: datetime, limit: int) -> int:
    """Nobody is waited for, so nobody deadlocks."""
    with transaction.atomic():
        enrollments: list[Journey] = first_unlocked(rows, limit, "contact", load_to_carry)
        advance(enrollments, now)
    return len(enrollments)


def advance(enrollments: Sequence[Carried], now: datetime) -> list[Walker]:
    """Carry these on, and write down where they stand. Who walked: with what was decided.

    They are due, and locked by the caller's transaction with their contacts.
    """
    campaigns = (
        Campaign.objects.defer("flow", "current_version__flow")
        .select_related("topic", "sms_topic", "current_version", WITH_TIMES)
        .order_by()
        .in_bulk({row.campaign_id for row in enrollments})
    )
    going = reasons_to_leave(enrollments, campaigns, now)
    leaving, faults = going.reasons, going.faults
    staying = [row for row in enrollments if row.pk not in leaving and row.pk not in faults]
    walkers, unreadable = _walkers(staying, campaigns, faults)
    Enrollment.objects.filter(pk__in=unreadable).update(due_at=now + NOT_YET_READABLE)
    walk(walkers, now)
    _stop_the_taken_over(walkers)
    _end(_endings(enrollments, walkers, leaving, faults), now)
    _stand(walkers, campaigns, now)
    # What was done for them, or that they came to an end here, may be a goal elsewhere.
    changed = [w.enrollment for w in walkers if w.acted or isinstance(w.outcome, End)]
    changed += [row for row in enrollments if row.pk in leaving]
    reconsider({row.contact_id for row in changed}, now)
    gone = [(row, going.told(row.pk)) for row in enrollments if row.pk in going.seen]
    keep_trails(walkers, now, gone)
    return walkers


def _stop_the_taken_over(walkers: Sequence[Walker]) -> None:
    """Who was led into a campaign that takes over from this one has left it on the way."""
    people = {w.enrollment.contact_id for w in walkers if w.program.actions("enroll")}
    ids = [walker.enrollment.pk for walker in walkers if walker.enrollment.contact_id in people]
    if not ids:
        return
    reason = Enrollment.Reason.TAKEN_OVER
    rows = Enrollment.objects.filter(among("pk", ids), state=State.LEFT, reason=reason)
    gone = set(rows.values_list("pk", flat=True))
    for walker in walkers:
        if walker.enrollment.pk in gone:
            walker.outcome = End(left=True, reason=reason)


def go_on(enrollment_ids: Iterable[int], at: datetime) -> int:
    """Their deliveries ended `at`: the active ones go on from there. One UPDATE.

    Call it in the transaction that settles the deliveries.
    """
    active = Enrollment.objects.filter(among("pk", enrollment_ids), state=State.ACTIVE)
    return active.update(arrived_at=at, due_at=at)


def _walkers(
    enrollments: Sequence[Carried], campaigns: Mapping[int, Campaign], faults: dict[int, str]
) -> tuple[list[Walker], list[int]]:
    """Those who can be carried on, and the enrollments whose program can't be read here yet."""
    programs, broken, newer = _programs(enrollments, campaigns)
    deliveries = _deliveries(enrollments)
    watching = armed(enrollments) if any(map(_listens, programs.values())) else {}
    closed = calendars(campaigns.values())
    zones: dict[tuple[str, str], ZoneInfo] = {}
    walkers = []
    for row in enrollments:
        if row.version_id in newer:
            continue
        if row.version_id in broken:
            faults[row.pk] = broken[row.version_id]
            continue
        names = row.contact.time_zone, campaigns[row.campaign_id].time_zone
        if names not in zones:
            zones[names] = zone_of(*names)
        walkers.append(
            Walker(
                enrollment=row,
                program=programs[row.version_id],
                zone=zones[names],
                node=row.node,
                arrived_at=row.arrived_at,
                calendar=closed[row.campaign_id],
                deliveries=_passed_over(deliveries[row.pk], programs[row.version_id]),
                put_back=[delivery.node for delivery in deliveries[row.pk] if delivery.moved],
                armed=watching.get(row.pk, ""),
                paused=campaigns[row.campaign_id].paused_at is not None,
            )
        )
    return walkers, [row.pk for row in enrollments if row.version_id in newer]


def _listens(program: Program) -> bool:
    return any(isinstance(node, WaitEvent) for node in program.nodes.values())


def _programs(
    enrollments: Sequence[Carried], campaigns: Mapping[int, Campaign]
) -> tuple[dict[int, Program], dict[int, str], set[int]]:
    """The programs by version, why some are broken, and those that a newer release wrote."""
    current = [campaign.current_version for campaign in campaigns.values()]
    versions = {version.pk: version for version in current if version}
    wanted = {row.version_id for row in enrollments}
    if older := wanted - versions.keys():
        versions |= Version.objects.in_bulk(older)
    programs: dict[int, Program] = {}
    broken: dict[int, str] = {}
    newer: set[int] = set()
    for pk in sorted(wanted & versions.keys()):
        version = versions[pk]
        if compiling.is_newer(version.program):
            logger.warning("Version %s waits for the release that wrote it", pk)
            newer.add(pk)
            continue
        try:
            programs[pk] = compiling.load(version.program)
        except Exception as error:
            logger.exception("Version %s can't be read", pk)
            broken[pk] = explained(error)
    return programs, broken, newer


@dataclass(frozen=True, slots=True)
class _Laid:
    """A delivery laid down before, at `node` and for this step."""

    node: str
    step: str
    ended: bool
    got: bool  # the mail went out, or may have
    moved: bool  # skipped since its place was taken out


def _deliveries(enrollments: Sequence[Carried]) -> Mapping[int, list[_Laid]]:
    """By enrollment: what was laid down. One query."""
    visits = {row.pk: row.visit for row in enrollments}
    found: dict[int, list[_Laid]] = defaultdict(list)
    rows = Delivery.objects.filter(among("enrollment_id", visits))
    fields = ("enrollment_id", "visit", "node", "step_key", "state", "reason")
    for pk, visit, node, step, state, reason in rows.values_list(*fields):
        if visit == visits[pk]:
            moved = state == Delivery.State.SKIPPED and reason == Delivery.Reason.MOVED
            ended, got = state in Delivery.SETTLED, state in Delivery.GOT
            found[pk].append(_Laid(node, str(step), ended, got, moved))
    return found


def _passed_over(laid: Sequence[_Laid], program: Program) -> dict[str, bool]:
    """By node: whether its delivery has ended. A mail had at a place now gone counts for others."""
    if not laid:
        return {}
    ended = {one.node: one.ended for one in laid if not one.moved}
    sent = {one.node: one.step for one in laid if one.got}
    return dict.fromkeys(had(sent, program), True) | ended


# Writing back


def _stand(walkers: Sequence[Walker], campaigns: Mapping[int, Campaign], now: datetime) -> None:
    """Those who stay: at a wait until it is over, at a send until its delivery ends."""
    standing = [w for w in walkers if isinstance(w.outcome, Stay | Deliver | Arm)]
    plans = [
        Plan(
            walker.enrollment,
            walker.node,
            walker.outcome.step,
            put_back=walker.node in walker.put_back,
        )
        for walker in standing
        if isinstance(walker.outcome, Deliver) and walker.node not in walker.deliveries
    ]
    look_again = lay_down(plans, campaigns, now)
    for walker in standing:
        row, outcome = walker.enrollment, walker.outcome
        row.node, row.arrived_at, row.due_at = walker.node, walker.arrived_at, None
        if isinstance(outcome, Stay):
            row.due_at = min(outcome.until, now + AGAIN) if outcome.moving else outcome.until
        elif isinstance(outcome, Arm):
            row.due_at = now  # once more, when that is committed
        else:
            # No wait counts from here: the delivery's end will say from when the next one does.
            row.arrived_at, row.due_at = now, now if row.pk in look_again else None
    _listen(walkers)
    _write([walker.enrollment for walker in standing])


def _listen(walkers: Sequence[Walker]) -> None:
    """Arm those who came to a wait for an event; those who went on from one wait no longer."""
    disarm([w.enrollment.pk for w in walkers if w.armed and w.armed != w.node])
    arming = {w.enrollment.pk: w for w in walkers if isinstance(w.outcome, Arm)}
    names = {pk: w.outcome.event for pk, w in arming.items() if isinstance(w.outcome, Arm)}
    arm(names, [walker.enrollment for walker in arming.values()])


def _write(rows: Sequence[Carried]) -> None:
    """People whose mails went out together mostly stand alike: they share an UPDATE each kind.

    Django takes five times as long over one statement with a case for each row.
    """
    alike = defaultdict(list)
    for row in rows:
        alike[row.node, row.arrived_at, row.due_at].append(row.pk)
    active = Enrollment.objects.filter(state=State.ACTIVE)
    if len(alike) > SEPARATE_UPDATES:
        active.bulk_update(map(_placed, rows), ["node", "arrived_at", "due_at"])
        return
    for (node, arrived_at, due_at), ids in alike.items():
        active.filter(among("pk", ids)).update(node=node, arrived_at=arrived_at, due_at=due_at)


def _placed(row: Carried) -> Enrollment:
    return Enrollment(pk=row.pk, node=row.node, arrived_at=row.arrived_at, due_at=row.due_at)


Ending = tuple[str, str, str]  # state, reason, node


def _end(endings: Mapping[Ending, list[int]], now: datetime) -> None:
    """One UPDATE for each kind of ending, and one for the deliveries that must not go now."""
    for (state, reason, node), ids in endings.items():
        Enrollment.objects.filter(among("pk", ids), state=State.ACTIVE).update(
            state=state, reason=reason, node=node, ended_at=now, due_at=None
        )
        if reason == Enrollment.Reason.GOAL:
            convert(ids, now)
        if state != State.COMPLETED:
            waiting = Delivery.objects.filter(enrollment_id__in=ids, state=Delivery.State.WAITING)
            waiting.update(state=Delivery.State.SKIPPED, reason=reason, settled_at=now, claim="")


def _endings(
    enrollments: Sequence[Carried],
    walkers: Sequence[Walker],
    leaving: Mapping[int, str],
    faults: Mapping[int, str],
) -> Mapping[Ending, list[int]]:
    endings: dict[Ending, list[int]] = defaultdict(list)
    for row in enrollments:
        if reason := leaving.get(row.pk):
            endings[State.LEFT, reason, row.node].append(row.pk)
        elif fault := faults.get(row.pk):
            endings[State.FAILED, fault[:200], row.node].append(row.pk)
    for walker in walkers:
        pk = walker.enrollment.pk
        match walker.outcome:
            case End(left=True, reason=reason):
                reason = (reason or Enrollment.Reason.CONDITION)[:200]
                endings[State.LEFT, reason, walker.node].append(pk)
            case End():
                endings[State.COMPLETED, "", walker.node].append(pk)
            case Fault(reason=reason):
                endings[State.FAILED, reason, walker.node].append(pk)
    return endings
