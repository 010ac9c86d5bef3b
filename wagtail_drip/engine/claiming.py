"""Claiming: one worker takes a slice of due deliveries, and nobody else can.

Ways to take rows differ between databases; this module alone knows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, QuerySet

from ..conf import conf
from ..models import Campaign, Delivery
from ..models.clock import DatabaseNow
from .checking import Go, Hold, Skip, Verdict, check
from .retrying import on_deadlock
from .settling import ALONE, Change, write

State = Delivery.State
ORDER = ("-priority", "due_at", "pk")


@dataclass(slots=True)
class Claimed:
    """A delivery that this worker alone may send now."""

    delivery: Delivery
    go: Go


@dataclass(slots=True)
class Claim:
    """`taken`: to be sent, in order. `other`: how many were skipped or held instead.

    `alone`: it is one that may have killed its worker before.
    """

    taken: dict[int, Claimed] = field(default_factory=dict)
    other: int = 0
    alone: bool = False


@on_deadlock
def claim(token: str, now: datetime, limit: int) -> Claim:
    """Take up to `limit` due deliveries, at most one a contact, and check them in the same breath.

    On return the ones taken are committed as `sending`, leased by the database's clock.
    """
    paused = list(
        Campaign.objects.filter(live=True, paused_at__isnull=False).values_list("pk", flat=True)
    )
    due = Delivery.objects.filter(state=State.WAITING, due_at__lte=now)
    if paused:
        due = due.exclude(campaign_id__in=paused)
    alone = due.order_by(*ORDER).values_list("claim", flat=True).first() == ALONE
    due, limit = (due.filter(claim=ALONE), 1) if alone else (due.exclude(claim=ALONE), limit)
    with transaction.atomic(durable=True):
        rows = load(_pick(due, token, limit), State.WAITING)
        verdicts = check(rows, now)
        _take([row for row in rows if isinstance(verdicts[row.pk], Go)], token)
        won = set(
            Delivery.objects.filter(claim=token, state=State.SENDING).values_list("pk", flat=True)
        )
        other = write(changes_of(verdicts), now, Delivery.objects.filter(state=State.WAITING), rows)
    result = Claim(other=other, alone=alone)
    for row in rows:
        if row.pk in won and isinstance(go := verdicts[row.pk], Go):
            row.attempts += 1
            result.taken[row.pk] = Claimed(row, go)
    return result


def load(ids: Sequence[int], state: str, token: str = "") -> list[Delivery]:
    """The rows as they are now, with contact and enrollment; those no longer in `state` are out."""
    rows = Delivery.objects.filter(pk__in=ids, state=state)
    if token:
        rows = rows.filter(claim=token)
    found = {row.pk: row for row in rows.select_related("contact", "enrollment")}
    for row in found.values():
        row.enrollment.contact = row.contact
    return [found[pk] for pk in ids if pk in found]


def changes_of(verdicts: Mapping[int, Verdict]) -> dict[int, Change]:
    """What becomes of the deliveries that may not go. A pause changes nothing."""
    changes = {}
    for pk, verdict in verdicts.items():
        match verdict:
            case Skip():
                changes[pk] = Change(State.SKIPPED, verdict.reason, ends=True)
            case Hold() if verdict.reason:
                changes[pk] = Change(State.WAITING, verdict.reason, due_at=verdict.until)
    return changes


def _pick(due: QuerySet[Delivery], token: str, limit: int) -> list[int]:
    """Ids of the slice, in order. Their contacts are locked where the database can do so.

    Locking the contact, and not the delivery, keeps to the lock order (Contact, Enrollment,
    Delivery) and makes way for whoever is taking somebody out just now.
    """
    features = connection.features
    rows = due.order_by(*ORDER)
    if features.has_select_for_update_skip_locked and features.has_select_for_update_of:
        locked = rows.select_related("contact").select_for_update(
            of=("contact",), skip_locked=True, no_key=features.has_select_for_no_key_update
        )
        pairs = [(row.pk, row.contact_id) for row in locked.only("pk", "contact__id")[:limit]]
    elif connection.vendor == "mysql":
        pairs = _pick_by_token(rows, token, limit)
    else:  # SQLite: the transaction is IMMEDIATE, so writers take turns
        pairs = list(rows.values_list("pk", "contact_id")[:limit])
    first: dict[int, int] = {}
    for pk, contact_id in pairs:
        first.setdefault(contact_id, pk)
    return list(first.values())


def _pick_by_token(rows: QuerySet[Delivery], token: str, limit: int) -> list[tuple[int, int]]:
    """MariaDB has neither RETURNING for updates nor SKIP LOCKED for one table of a join.

    The second of two claimers waits for the first's short transaction and then gets other rows.
    """
    sql, params = rows.values("pk").query.sql_with_params()
    where = sql[sql.index(" WHERE ") :]
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(Delivery._meta.db_table)
        cursor.execute(f"UPDATE {table} SET claim = %s{where} LIMIT %s", [token, *params, limit])
    marked = Delivery.objects.filter(claim=token, state=State.WAITING)
    return list(marked.order_by(*ORDER).values_list("pk", "contact_id"))


def _take(rows: Sequence[Delivery], token: str) -> None:
    """Compare-and-set: whoever else had the same rows in view gets none of them."""
    Delivery.objects.filter(pk__in=[row.pk for row in rows], state=State.WAITING).update(
        state=State.SENDING,
        claim=token,
        lease_until=DatabaseNow() + timedelta(seconds=conf.LEASE_SECONDS),
        attempts=F("attempts") + 1,
        reason="",
    )
