"""Settling: what became of a claim's deliveries is written down, and their people go on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet

from ..models import Delivery, Enrollment
from .advancing import go_on
from .retrying import on_deadlock, on_lost_connection

State = Delivery.State
# More kinds of change than this (a reason for each message, say) share one statement.
SEPARATE_UPDATES = 4
FIELDS = [
    "state", "reason", "due_at", "settled_at", "attempts", "claim", "lease_until", "step",
    "provider_id",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one delivery: one of Delivery.SETTLED, or `waiting` again."""

    state: str
    reason: str = ""
    due_at: datetime | None = None  # None: as it was
    refund: bool = False  # the try was not this message's; it is not counted
    ends: bool = False  # the enrollment ends with it, for the same reason
    step_id: int | None = None
    provider_id: str = ""
    suspect: bool = False  # waiting, and to be made alone


# The claim of a waiting delivery that goes in a slice of its own.
ALONE = "alone"
# What a provider can only tell of a message that was sent.
_PROOF = ("delivered_at", "bounced_at", "complained_at", "opened_at", "clicked_at")
# What a database or a page can't show: controls, and halves of surrogate pairs.
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def settle(token: str, changes: Mapping[int, Change], now: datetime) -> int:
    """Write the changes of a claim in one transaction. Returns how many deliveries changed.

    Compare-and-set on the claim: what a webhook or a person has settled meanwhile stays so. What
    recovery made `uncertain` may still be put right by a worker that lived after all.
    """
    try:
        return _settle(token, changes, now)
    except IntegrityError:
        # A mail was deleted since, its campaign having stopped: the rest must be kept all the same.
        stepless = {pk: replace(change, step_id=None) for pk, change in changes.items()}
        return _settle(token, stepless, now)


@on_lost_connection
@on_deadlock
def _settle(token: str, changes: Mapping[int, Change], now: datetime) -> int:
    if not changes:
        return 0
    with transaction.atomic(durable=True):
        rows = Delivery.objects.filter(pk__in=list(changes))
        _locked_enrollments(rows.values_list("enrollment_id", flat=True))
        mine = rows.filter(claim=token, state__in=(State.SENDING, State.UNCERTAIN))
        found = list(_locking(mine.order_by("pk").only(*FIELDS, "enrollment", "node", "visit")))
        known = _corrected({row.pk: changes[row.pk] for row in found}, mine)
        return write(known, now, mine, found)


def _corrected(changes: Mapping[int, Change], mine: QuerySet[Delivery]) -> Mapping[int, Change]:
    """With what others wrote while the messages went out, where it matters.

    A webhook may be quicker than the answer, and its word is better than a doubt. Whoever was
    erased must not be named again by a server's words.
    """
    open_ones = [pk for pk, c in changes.items() if c.state in (State.UNCERTAIN, State.WAITING)]
    with_words = [pk for pk, c in changes.items() if c.reason and c.state != State.SKIPPED]
    changes = dict(changes)
    if open_ones:
        told = Q(*((f"{name}__isnull", False) for name in _PROOF), _connector=Q.OR)
        for pk in mine.filter(told, pk__in=open_ones).values_list("pk", flat=True):
            changes[pk] = replace(changes[pk], state=State.SENT, reason="", due_at=None)
    if with_words:
        erased = mine.filter(pk__in=with_words, contact__erased_at__isnull=False)
        for pk in erased.values_list("pk", flat=True):
            changes[pk] = replace(changes[pk], reason="")
    return changes


def write(
    changes: Mapping[int, Change],
    now: datetime,
    among: QuerySet[Delivery],
    loaded: Sequence[Delivery],
) -> int:
    """Write the changes to those of `among` (the compare-and-set) that are `loaded`."""
    by_id = {row.pk: row for row in loaded}
    _end_enrollments(changes, by_id, now)
    over = [
        by_id[pk]
        for pk, change in changes.items()
        if change.state in Delivery.SETTLED and not change.ends
    ]
    go_on(_standing_at(over), now)
    groups: dict[tuple[Change, int], list[Delivery]] = defaultdict(list)
    for pk, change in changes.items():
        _apply(change, by_id[pk], now)
        groups[change, by_id[pk].attempts].append(by_id[pk])
    by_size = sorted(groups.values(), key=len, reverse=True)
    for group in by_size[:SEPARATE_UPDATES]:
        values = {field: getattr(group[0], field) for field in FIELDS if field != "step"}
        if changes[group[0].pk].due_at is None:
            del values["due_at"]
        values["step_id"] = group[0].step_id
        among.filter(pk__in=[row.pk for row in group]).update(**values)
    rest = [row for group in by_size[SEPARATE_UPDATES:] for row in group]
    among.bulk_update(rest, FIELDS)
    return len(changes)


def _apply(change: Change, row: Delivery, now: datetime) -> None:
    settled = change.state in Delivery.SETTLED
    row.state, row.reason = change.state, _UNSHOWABLE.sub(" ", change.reason)[:500]
    row.due_at = change.due_at or row.due_at
    row.settled_at = now if settled else None
    row.attempts = max(0, row.attempts - change.refund)
    # An uncertain one keeps its claim: its worker may yet come back with the answer.
    row.claim = row.claim if change.state == State.UNCERTAIN else ALONE * change.suspect
    row.lease_until = None
    row.step_id = change.step_id or row.step_id
    row.provider_id = _UNSHOWABLE.sub("", change.provider_id)[:255] or row.provider_id


def _end_enrollments(
    changes: Mapping[int, Change], by_id: Mapping[int, Delivery], now: datetime
) -> None:
    ending: dict[str, list[int]] = defaultdict(list)
    for pk, change in changes.items():
        if change.ends:
            ending[change.reason].append(by_id[pk].enrollment_id)
    for reason, ids in ending.items():
        Enrollment.objects.filter(pk__in=ids, state=Enrollment.State.ACTIVE).update(
            state=Enrollment.State.LEFT, reason=reason[:200], ended_at=now, due_at=None
        )


def _standing_at(deliveries: Iterable[Delivery]) -> list[int]:
    """Enrollments that wait for just these deliveries.

    One that was sent again by hand, or recovered meanwhile, has gone on already.
    """
    places = {row.enrollment_id: (row.node, row.visit) for row in deliveries}
    if not places:
        return []
    waiting = Enrollment.objects.filter(
        pk__in=list(places), state=Enrollment.State.ACTIVE, due_at=None
    )
    return [
        pk
        for pk, node, visit in waiting.values_list("pk", "node", "visit")
        if places[pk] == (node, visit)
    ]


def _locked_enrollments(ids: QuerySet) -> list[int]:
    """Before the deliveries, as everywhere: Contact, Enrollment, Delivery, by id."""
    rows = Enrollment.objects.filter(pk__in=list(ids)).order_by("pk")
    return list(_locking(rows).values_list("pk", flat=True))


def _locking(rows: QuerySet) -> QuerySet:
    return rows.select_for_update(no_key=connection.features.has_select_for_no_key_update)
