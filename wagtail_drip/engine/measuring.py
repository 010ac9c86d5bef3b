"""Measuring: what became of each mail of a flow. One query for everything that is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from decimal import Decimal
from typing import Any

from django.db.models import CharField, Count, Exists, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Concat

from ..models import Consent, ConsentRecord, Delivery
from ..models.deliveries import LINK_IN_MAIL

ENOUGH = 100  # mails sent; a share of fewer says nothing


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one mail at one place. `clicked`: by people, as far as that can be told.

    `converted`: who reached the campaign's goal with this as the last mail they had got; `value`:
    what that was worth, as far as events tell.
    `unsubscribed`: by the link in this mail.
    """

    planned: int = 0
    sent: int = 0
    delivered: int = 0
    clicked: int = 0
    converted: int = 0
    unsubscribed: int = 0
    value: Decimal = Decimal(0)

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def percent(self, count: int) -> float | None:
        """Of those sent; None where they are too few to judge."""
        return 100 * count / self.sent if self.sent >= ENOUGH else None


def measure(deliveries: QuerySet[Delivery], *by: str) -> dict[tuple[Any, ...], Numbers]:
    """The numbers of these deliveries by fields of theirs, as ("node", "version_id")."""
    counted = (
        deliveries.annotate(gone=Exists(_unsubscribing()))
        .values_list(*by)
        .annotate(
            planned=Count("pk"),
            sent=_where(state=Delivery.State.SENT),
            delivered=_where(delivered_at__isnull=False),
            clicked=_where(clicked_at__isnull=False),
            # A person converts once at most, so this multiplies no row.
            converted=Count("conversions"),
            unsubscribed=_where(gone=True),
            value=Sum("conversions__value", default=Decimal(0)),
        )
        .order_by()
    )
    return {row[: len(by)]: _numbers(*row[len(by) :]) for row in counted}


def _numbers(*counts: Any) -> Numbers:
    """SQLite counts sums in floats, and gives back more places than there are."""
    found = Numbers(*counts)
    return replace(found, value=found.value.quantize(Decimal("0.01")))


def total(numbers: Iterable[Numbers]) -> Numbers:
    return sum(numbers, Numbers())


def _where(**condition: Any) -> Count:
    return Count("pk", filter=Q(**condition))


def _unsubscribing() -> QuerySet[ConsentRecord]:
    """What was taken back by the delivery's own link."""
    return ConsentRecord.objects.filter(
        contact=OuterRef("contact"),
        state=Consent.State.WITHDRAWN,
        source=Concat(Value(LINK_IN_MAIL), Cast(OuterRef("pk"), CharField())),
    )
