"""What goes with what: by the shop's staff, by all orders in the shop, by category."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from django.db.models import Count, F
from oscar.core.loading import get_model

from ...content.personalizing import Recipient
from ...content.products import Product
from ...models.among import among
from ...models.recommending import EventRecommender, Taste

STAFF = 1_000_000  # what staff chose comes before whatever was bought together
MOST_PAIRS = 5000


class OscarRecommender(EventRecommender):
    """Never what they bought, though it was before this package came, nor what is sold out."""

    view_events = ("product_viewed", "cart_changed", "wishlist_added", "cart_abandoned")

    def may_be_shown(self, product: Product) -> bool:
        return bool(getattr(product, "available", True))

    def _tastes(self, recipients: Sequence[Recipient]) -> dict[int, Taste]:
        tastes = super()._tastes(recipients)
        bought = self._bought({one.user_id for one in recipients if one.user_id})
        for one in recipients:
            ordered = bought.get(one.user_id, [])
            tastes[one.id].bought.update(ordered)
            for product in ordered[: self.events_of_a_person]:
                tastes[one.id].about.setdefault(product)
        return tastes

    def _bought(self, users: set[Any]) -> Mapping[Any, list[int]]:
        """What accounts ordered, the latest first; what guests did, their events tell."""
        lines = get_model("order", "Line").objects.filter(
            order__user__in=users, product__isnull=False
        )
        found: dict[Any, list[int]] = defaultdict(list)
        for user, product in lines.order_by("-pk").values_list("order__user_id", "product_id"):
            found[user].append(product)
        return found

    def _together(self, about: set[Hashable]) -> dict[Hashable, Counter[Hashable]]:
        """Two queries."""
        wanted = [ref for ref in about if isinstance(ref, int)]
        found: dict[Hashable, Counter[Hashable]] = defaultdict(Counter)
        pairs = (
            get_model("order", "Line")
            .objects.filter(among("product_id", wanted))
            .annotate(other=F("order__lines__product"))
            .filter(other__isnull=False)
            .exclude(other=F("product_id"))
            .order_by()
            .values("product_id", "other")
            .annotate(times=Count("order", distinct=True))
            .order_by("-times", "other")
        )
        for product, other, times in pairs.values_list("product_id", "other", "times")[:MOST_PAIRS]:
            found[product][other] += times
        chosen = get_model("catalogue", "ProductRecommendation").objects
        rows = chosen.filter(among("primary_id", wanted))
        for product, other, rank in rows.values_list("primary_id", "recommendation_id", "ranking"):
            found[product][other] += STAFF + rank
        return found
