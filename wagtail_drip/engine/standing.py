"""Standing: who is where in a campaign, and when they go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from ..models import Campaign, Delivery, Enrollment

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Here:
    """People at one place. `next_at`: when the first of them goes on, or gets the mail.

    `today`, `week`: for how many that is due before the day is over, and within seven days; what
    is overdue counts too.
    """

    people: int = 0
    next_at: datetime | None = None
    today: int = 0
    week: int = 0

    def __add__(self, other: Here) -> Here:
        moments = [moment for moment in (self.next_at, other.next_at) if moment]
        return Here(
            self.people + other.people,
            min(moments, default=None),
            self.today + other.today,
            self.week + other.week,
        )


Places = dict[tuple[int, str], Here]  # by version and node


def standing(campaign: Campaign, now: datetime, midnight: datetime) -> Places:
    """Where everybody inside stands. `midnight`: when the viewer's day is over. Two queries."""
    inside = Enrollment.objects.filter(campaign=campaign, state=Enrollment.State.ACTIVE)
    people = inside.values_list("version_id", "node").annotate(people=Count("pk"))
    found: Places = defaultdict(Here)
    for version, node, count, next_at, today, week in _due(people, now, midnight):
        found[version, node] += Here(count, next_at, today, week)
    # Those who stand at a mail have no moment of their own: it is the mail's.
    waiting = Delivery.objects.filter(campaign=campaign, state__in=Delivery.OPEN)
    mails = waiting.values_list("enrollment__version_id", "node")
    for version, node, next_at, today, week in _due(mails, now, midnight):
        found[version, node] += Here(0, next_at, today, week)
    return dict(found)


def _due(rows: QuerySet[Any, Any], now: datetime, midnight: datetime) -> QuerySet[Any, Any]:
    return rows.annotate(
        next_at=Min("due_at"),
        today=Count("pk", filter=Q(due_at__lt=midnight)),
        week=Count("pk", filter=Q(due_at__lt=now + WEEK)),
    ).order_by()


def together(places: Iterable[Here]) -> Here:
    return sum(places, Here())
