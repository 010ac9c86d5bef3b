"""Settling: what became of a claim's deliveries is written down, and their people go on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, F, Field, Q, QuerySet, Value, When
from django.db.models.functions import Cast

from ..flow.program import NO_REASON
from ..flow.reasons import Reason
from ..models import Delivery, Enrollment
from ..models.among import among
from ..models.consent import Suppression, suppress
from .advancing import go_on
from .converting import convert
from .explaining import Place, keep_verdicts
from .retrying import on_deadlock, on_lost_connection

State = Delivery.State


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
    size: tuple[int, int] | None = None  # of a text message: characters and segments
    opted_out: str = ""  # an address that wants nothing more, says the provider
    because: Reason = NO_REASON  # why it was held or skipped, for the record of decisions


# The claim of a waiting delivery that goes in a slice of its own.
ALONE = "alone"
# What a provider can only tell of a message that was sent.
_PROOF = ("delivered_at", "bounced_at", "complained_at", "opened_at", "clicked_at")
# What a database or a page can't show: controls, and halves of surrogate pairs.
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def settle(
    token: str, changes: Mapping[int, Change], now: datetime, enrollments: Collection[int] = ()
) -> int:
    """Write the changes of a claim in one transaction. Returns how many deliveries changed.

    Compare-and-set on the claim: what a webhook or a person has settled meanwhile stays so. What
    recovery made `uncertain` may still be put right by a worker that lived after all.
    `enrollments`: of all these deliveries, where they are known.
    """
    try:
        return _settle(token, changes, now, enrollments)
    except IntegrityError:
        # A mail was deleted since, its campaign having stopped: the rest must be kept all the same.
        stepless = {pk: replace(change, step_id=None) for pk, change in changes.items()}
        return _settle(token, stepless, now, enrollments)


@on_lost_connection
@on_deadlock
def _settle(
    token: str, changes: Mapping[int, Change], now: datetime, enrollments: Collection[int]
) -> int:
    if not changes:
        return 0
    with transaction.atomic(durable=True):
        rows = Delivery.objects.filter(among("pk", changes))
        # Before the deliveries, as everywhere: Contact, Enrollment, Delivery, by id.
        standing_at = lock_places(enrollments or list(rows.values_list("enrollment_id", flat=True)))
        mine = rows.filter(claim=token, state__in=(State.SENDING, State.UNCERTAIN))
        locked = _locking(mine.order_by("pk")).values_list(
            "pk", "enrollment_id", "node", "visit", "version_id"
        )
        found = {pk: Place(*place) for pk, *place in locked}
        # One that was sent again by hand, or recovered meanwhile, has let its person go on already.
        standing = {
            pk
            for pk, place in found.items()
            if standing_at.get(place.enrollment) == (place.node, place.visit)
        }
        known = _corrected({pk: changes[pk] for pk in found}, mine)
        for address in {one.opted_out for one in known.values()} - {""}:
            suppress(address, reason=Suppression.Reason.UNSUBSCRIBED, at=now)
        return write(known, now, mine, found, standing)


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
        for pk in mine.filter(told, among("pk", open_ones)).values_list("pk", flat=True):
            changes[pk] = Change(State.SENT, step_id=changes[pk].step_id)
    if with_words:
        erased = mine.filter(among("pk", with_words), contact__erased_at__isnull=False)
        for pk in erased.values_list("pk", flat=True):
            changes[pk] = replace(changes[pk], reason="", because=NO_REASON)
    return changes


def write(
    changes: Mapping[int, Change],
    now: datetime,
    rows: QuerySet[Delivery],
    places: Mapping[int, Place],
    standing: Collection[int] = (),
) -> int:
    """Write the changes to those of `rows` (the compare-and-set).

    `places`: by delivery. `standing`: deliveries for whose end their people wait.
    """
    _end_enrollments(changes, places, now)
    over = [
        places[pk].enrollment
        for pk, change in changes.items()
        if pk in standing and change.state in Delivery.SETTLED and not change.ends
    ]
    if over:
        go_on(over, now)
    for alike in _alike(changes).values():
        rows.filter(among("pk", alike)).update(**_values(alike, now))
    keep_verdicts({places[pk]: change.because for pk, change in changes.items()}, now)
    return len(changes)


def _alike(changes: Mapping[int, Change]) -> Mapping[Hashable, dict[int, Change]]:
    """Changes that one UPDATE can write: in words, moments and provider's ids they may differ."""
    groups: dict[Hashable, dict[int, Change]] = defaultdict(dict)
    for pk, change in changes.items():
        kind = (
            change.state, change.step_id, change.refund, change.suspect, change.due_at is None,
            change.size is None,
        )  # fmt: skip
        groups[kind][pk] = change
    return groups


def _values(alike: Mapping[int, Change], now: datetime) -> dict[str, Any]:
    """The fields of an UPDATE for changes of one kind."""
    change = next(iter(alike.values()))
    values: dict[str, Any] = {
        "state": change.state,
        "settled_at": now if change.state in Delivery.SETTLED else None,
        "lease_until": None,
        "reason": _each("reason", {pk: _shown(one.reason)[:500] for pk, one in alike.items()}),
    }
    # An uncertain one keeps its claim: its worker may yet come back with the answer.
    if change.state != State.UNCERTAIN:
        values["claim"] = ALONE if change.suspect else ""
    if change.due_at:
        values["due_at"] = _each("due_at", {pk: one.due_at for pk, one in alike.items()})
    if change.refund:
        values["attempts"] = Case(When(attempts__gt=0, then=F("attempts") - 1), default=0)
    if change.step_id:
        values["step_id"] = change.step_id
    if change.size:
        sizes = {pk: one.size or (None, None) for pk, one in alike.items()}
        values["characters"] = _each("characters", {pk: size[0] for pk, size in sizes.items()})
        values["segments"] = _each("segments", {pk: size[1] for pk, size in sizes.items()})
    provider_ids = {pk: _shown(one.provider_id)[:255] for pk, one in alike.items()}
    if any(provider_ids.values()):
        values["provider_id"] = _each("provider_id", provider_ids)
    return values


def _each(name: str, values: Mapping[int, Any]) -> Any:
    """A value for all, or an expression that has one for each."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    field = cast(Field, Delivery._meta.get_field(name))
    whens = (When(pk=pk, then=Value(value, output_field=field)) for pk, value in values.items())
    return Cast(Case(*whens, output_field=field), output_field=field)


def _shown(text: str) -> str:
    return _UNSHOWABLE.sub(" ", text)


def _end_enrollments(
    changes: Mapping[int, Change], places: Mapping[int, Place], now: datetime
) -> None:
    ending: dict[str, list[int]] = defaultdict(list)
    for pk, change in changes.items():
        if change.ends:
            ending[change.reason].append(places[pk].enrollment)
    for reason, ids in ending.items():
        Enrollment.objects.filter(among("pk", ids), state=Enrollment.State.ACTIVE).update(
            state=Enrollment.State.LEFT, reason=reason[:200], ended_at=now, due_at=None
        )
        if reason == Enrollment.Reason.GOAL:
            convert(ids, now)


def lock_places(ids: Collection[int]) -> dict[int, tuple[str, int]]:
    """Where those of them stand that wait for a delivery: node and visit."""
    rows = _locking(Enrollment.objects.filter(among("pk", ids)).order_by("pk"))
    return {
        pk: (node, visit)
        for pk, node, visit, state, due_at in rows.values_list(
            "pk", "node", "visit", "state", "due_at"
        )
        if state == Enrollment.State.ACTIVE and due_at is None
    }


def _locking(rows: QuerySet) -> QuerySet:
    return rows.select_for_update(no_key=connection.features.has_select_for_no_key_update)
