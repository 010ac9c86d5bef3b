"""Pruning: what is older than the site wants to keep goes; what was counted stays counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from ..conf import conf
from ..models import (
    ConsentRecord,
    ContactImport,
    Decision,
    Delivery,
    Enrollment,
    Event,
    Inbox,
    PrunedDelivery,
    Refusal,
    pruned,
)
from .capping import longest_days
from .retrying import on_deadlock

BATCH = 1000


def prune(now: datetime, *, dry_run: bool = False) -> dict[str, int]:
    """Prune whatever WAGTAIL_DRIP_RETENTION gives days for. Returns how many rows of each.

    In batches, each a transaction of its own, so that the line goes on meanwhile and a second
    call goes on where one was killed. `dry_run`: only counted.
    """
    done: dict[str, int] = {}
    for kind, days in conf.RETENTION.items():
        if days is None:
            continue
        if kind == "deliveries":  # what was sent so lately counts against caps
            days = max(days, longest_days())
        for rows, take in KINDS[kind]:
            old = rows(now - timedelta(days=days))
            count = old.count() if dry_run else _all(old, take)
            done[kind] = done.get(kind, 0) + count
    return done


def _all(rows: QuerySet[Any], take: Callable[[QuerySet[Any], list[int]], None]) -> int:
    count = 0
    while ids := _batch(rows, take):
        count += ids
    return count


@on_deadlock
def _batch(rows: QuerySet[Any], take: Callable[[QuerySet[Any], list[int]], None]) -> int:
    with transaction.atomic():
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if ids:
            take(rows.model._default_manager.filter(pk__in=ids).order_by("pk"), ids)
    return len(ids)


# What is old


def _events(before: datetime) -> QuerySet[Event]:
    """Those that campaigns have looked at. Conditions know no more of them then."""
    return Event.objects.filter(at__lt=before).exclude(
        Exists(Inbox.objects.filter(event=OuterRef("pk")))
    )


def _deliveries(before: datetime) -> QuerySet[Delivery]:
    """Those of people who are through: the others' keep a mail from being sent twice."""
    return Delivery.objects.filter(
        state__in=Delivery.SETTLED, settled_at__lt=before, enrollment__ended_at__lt=before
    )


def _enrollment_data(before: datetime) -> QuerySet[Enrollment]:
    return Enrollment.objects.filter(ended_at__lt=before).exclude(data={})


def _consent_proofs(before: datetime) -> QuerySet[ConsentRecord]:
    """Those that a later word has replaced. The proof of what holds now is never old."""
    later = ConsentRecord.objects.filter(
        contact_id=OuterRef("contact_id"), topic_id=OuterRef("topic_id"), at__gt=OuterRef("at")
    )
    return ConsentRecord.objects.filter(Exists(later), at__lt=before)


def _imports(before: datetime) -> QuerySet[ContactImport]:
    """Whole files with the rows that were refused, the unfinished too."""
    return ContactImport.objects.filter(created_at__lt=before, chunks__isnull=False).distinct()


def _decisions(before: datetime) -> QuerySet[Decision]:
    """Also of people inside. Which way of a split was drawn stays while mails of that person's
    are kept: results are told by it."""
    counted = Delivery.objects.filter(enrollment_id=OuterRef("enrollment_id"))
    drawn = Q(Exists(counted), code="drawn")
    return Decision.objects.filter(at__lt=before).exclude(drawn)


def _refusals(before: datetime) -> QuerySet[Refusal]:
    return Refusal.objects.filter(at__lt=before)


# How it goes


def _delete(rows: QuerySet[Any], ids: list[int]) -> None:
    rows.delete()


def _delete_deliveries(rows: QuerySet[Delivery], ids: list[int]) -> None:
    locked = list(rows.select_for_update())
    counts: Counter[pruned.Counted] = Counter()
    for row in locked:
        place = (row.campaign_id, row.step_key)
        reason = row.reason if row.state == Delivery.State.SKIPPED else ""
        counts[(*place, row.state, reason)] += 1
        for fact in pruned.FACTS:
            counts[(*place, fact, "")] += getattr(row, f"{fact}_at") is not None
    pruned.add(+counts)
    PrunedDelivery.objects.bulk_create(
        PrunedDelivery(token=row.token, contact_id=row.contact_id, campaign_id=row.campaign_id)
        for row in locked
        if row.state != Delivery.State.SKIPPED and row.contact_id
    )
    rows.delete()


def _strip(rows: QuerySet[Enrollment], ids: list[int]) -> None:
    """The row itself stays: it is what keeps a person from entering "once ever" twice."""
    rows.order_by().update(data={})


def _forget_files(rows: QuerySet[ContactImport], ids: list[int]) -> None:
    """Whom it brought stays known, what it was told stays as numbers."""
    for job in rows:
        job.chunks.all().delete()


Kind = tuple[Callable[[datetime], QuerySet[Any]], Callable[[QuerySet[Any], list[int]], None]]
KINDS: dict[str, list[Kind]] = {
    "events": [(_events, _delete)],
    "deliveries": [(_deliveries, _delete_deliveries)],
    "enrollment_data": [(_enrollment_data, _strip)],
    "consent_proofs": [(_consent_proofs, _delete)],
    "imports": [(_imports, _forget_files)],
    "decisions": [(_decisions, _delete), (_refusals, _delete)],
}
