"""Carts that nobody has touched for hours: found by one query a tick, each told of once.

A cart that is touched again and left again is left anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, Exists, F, Max, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils.translation import gettext as _
from oscar.core.loading import get_model

from ...flow.occasions import FoundTrigger, Occurrence
from ...models import Event
from .describing import of_basket

MOST_HOURS = 24 * 90


@dataclass(frozen=True)
class AbandonedCart(FoundTrigger):
    """`hours` after the last change of an open cart with something in it, of an account or of a
    guest who gave an address. `catch_up`: so many days late it still starts."""

    hours: int = 24
    sample: Mapping[str, Any] = field(default_factory=lambda: {"basket": 1, "product": 1})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (type(self.hours) is int and 1 <= self.hours <= MOST_HOURS):
            raise ValueError(_("`hours` must be 1 to %d.") % MOST_HOURS)

    def due(self, now: datetime) -> QuerySet[Any]:
        """By the lines whose last change lies in the window, which an index knows; the many carts
        that were left long ago cost nothing."""
        edge = now - timedelta(hours=self.hours)
        since = edge - timedelta(days=max(self.catch_up, 1))
        baskets, lines = get_model("basket", "Basket"), get_model("basket", "Line")
        theirs = lines.objects.filter(basket=OuterRef("pk")).order_by().values("basket")
        inside = lines.objects.filter(date_updated__gt=since, date_updated__lte=edge)
        left = (
            baskets.objects.filter(status=baskets.OPEN, pk__in=inside.values("basket_id"))
            .annotate(
                touched=Subquery(theirs.annotate(last=Max("date_updated")).values("last")),
                person=Coalesce(F("owner__drip_contact__pk"), F("drip_guest__contact_id")),
            )
            .filter(touched__lte=edge)
        )
        told = Event.objects.filter(
            contact_id=OuterRef("person"),
            name=self.slug,
            at__gt=OuterRef("touched"),
            key__startswith=Concat(
                Cast(OuterRef("pk"), CharField()), Value(":"), output_field=CharField()
            ),
        )
        known = left.exclude(owner=None, person=None).filter(~Exists(told))
        return known.select_related("owner").prefetch_related("lines__product__parent")

    def occurrences(self, rows: Sequence[Any]) -> Iterator[Occurrence]:
        for basket in rows:
            # Of an account that was never heard of before, the contact is yet to be made.
            who = {"contact_id": basket.person} if basket.person else {"user": basket.owner}
            yield Occurrence(
                whose=who,
                key=f"{basket.pk}:{basket.touched.isoformat()}",
                at=basket.touched + timedelta(hours=self.hours),
                data=of_basket(basket, basket.lines.all()),
            )
