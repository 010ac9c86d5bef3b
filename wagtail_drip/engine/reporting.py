"""Reporting: the state of the whole line in numbers, with a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, Q, QuerySet, Value, When

from ..models import Campaign, Delivery, Enrollment, Heartbeat, Inbox, pruned
from ..models.exact import Exact

SAMPLE = 1000  # deliveries that lateness is measured on
RECENT = timedelta(days=1)


def status(now: datetime) -> dict[str, Any]:
    """The JSON of `drip_status`. Per campaign, at every moment: planned = sent + failed +
    uncertain + all skipped + waiting (which includes those being sent)."""
    beat_at = Heartbeat.objects.filter(pk=1).values_list("beat_at", flat=True).first()
    deliveries = _with_pruned(_tally(Delivery.objects.all(), Delivery.State.SKIPPED))
    enrollments = _tally(Enrollment.objects.all(), Enrollment.State.LEFT)
    campaigns = Campaign.objects.select_related("current_version").order_by("slug")
    return {
        "now": now.isoformat(),
        "heartbeat_age_s": (now - beat_at).total_seconds() if beat_at else None,
        "lateness_s": lateness(now),
        "campaigns": [
            _campaign(row, deliveries[row.pk], enrollments[row.pk])
            for row in campaigns.defer("flow", "audience", "goals", "current_version__program")
        ],
    }


def busy(now: datetime) -> bool:
    """Whether anything is due, or under way.

    Asked in one statement: between two, what is on its way would be seen at neither place.
    """
    state = Delivery.State
    due = Q(state=state.WAITING, due_at__lte=now)
    deliveries = Delivery.objects.filter(due | Q(state=state.SENDING))
    people = Enrollment.objects.filter(state=Enrollment.State.ACTIVE, due_at__lte=now)
    asked = [rows.order_by().values_list("pk") for rows in (Inbox.objects.all(), people)]
    return deliveries.order_by().values_list("pk").union(*asked, all=True).exists()


def lateness(now: datetime) -> dict[str, float | None]:
    """Seconds from due to sent, of the newest of the last day, and from due to now, of the
    oldest that should have gone: the median and the 95th percentile; None without any."""
    sent = Delivery.objects.filter(state=Delivery.State.SENT, due_at__gt=now - RECENT)
    moments = sent.order_by("-due_at").values_list("due_at", "settled_at")[:SAMPLE]
    late = [(settled - due).total_seconds() for due, settled in moments if settled]
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, due_at__lte=now)
    overdue = waiting.order_by("due_at").values_list("due_at", flat=True)[:SAMPLE]
    late = sorted(max(0.0, s) for s in late + [(now - due).total_seconds() for due in overdue])
    return {"p50": _percentile(late, 50), "p95": _percentile(late, 95)}


def _percentile(values: list[float], percent: int) -> float | None:
    """Nearest rank, of sorted values."""
    return round(values[(len(values) * percent - 1) // 100], 3) if values else None


Tally = dict[tuple[str, str], int]  # (state, reason): rows


def _tally(rows: QuerySet[Any], reasoned: str) -> dict[int, Tally]:
    """Rows by campaign and state; those in the state `reasoned` by their reason as well."""
    why = Exact(Case(When(state=reasoned, then=F("reason")), default=Value("")))
    counted = rows.annotate(why=why).values_list("campaign_id", "state", "why")
    found: dict[int, Tally] = defaultdict(dict)
    for campaign_id, state, reason, number in counted.annotate(number=Count("pk")).order_by():
        found[campaign_id][state, reason] = number
    return found


def _with_pruned(deliveries: dict[int, Tally]) -> dict[int, Tally]:
    """With what was counted of deliveries before they were pruned."""
    for campaign_id, counts in pruned.totals().items():
        for (what, reason), number in counts.items():
            if what in Delivery.State.values:
                tally = deliveries[campaign_id]
                tally[what, reason] = tally.get((what, reason), 0) + number
    return deliveries


def _campaign(campaign: Campaign, deliveries: Tally, enrollments: Tally) -> dict[str, Any]:
    states = Delivery.State
    version = campaign.current_version
    return {
        "slug": campaign.slug,
        "status": campaign.status,
        "version": version.number if version else None,
        "planned": sum(deliveries.values()),
        "waiting": sum(_number(deliveries, state) for state in Delivery.OPEN),
        "sent": _number(deliveries, states.SENT),
        "failed": _number(deliveries, states.FAILED),
        "uncertain": _number(deliveries, states.UNCERTAIN),
        "skipped": _by_reason(deliveries, states.SKIPPED),
        "enrollments": {
            "active": _number(enrollments, Enrollment.State.ACTIVE),
            "completed": _number(enrollments, Enrollment.State.COMPLETED),
            "failed": _number(enrollments, Enrollment.State.FAILED),
            "left": _by_reason(enrollments, Enrollment.State.LEFT),
        },
    }


def _number(tally: Tally, state: str) -> int:
    return sum(number for (found, _why), number in tally.items() if found == state)


def _by_reason(tally: Tally, state: str) -> dict[str, int]:
    return {why: number for (found, why), number in sorted(tally.items()) if found == state}
