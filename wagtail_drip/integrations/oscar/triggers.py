"""What campaigns start on in a shop of Oscar's."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from ...flow.triggers import Trigger
from .abandoning import AbandonedCart

ITEM = {"product": 1, "title": "Swifts", "price": "18.50", "quantity": 1}
CART = {
    "product": 1, "products": [1], "lines": 1, "items": [ITEM], "total": "18.50", "currency": "EUR",
}  # fmt: skip
ORDER = {"order": "100042", **CART}
PRODUCT = {"product": 1, "title": "Swifts"}
HOURS = 4


def triggers() -> dict[str, Trigger]:
    """`product` is what a mail is about; several in one cart or order: the first of them."""
    found: list[Any] = [
        Trigger("product_viewed", _("looked at a product"), PRODUCT, ("product",)),
        Trigger("cart_changed", _("changed their cart"), {"basket": 1, **CART}),
        Trigger("cart_item_removed", _("took a product out of their cart"), ITEM, ("product",)),
        Trigger("checkout_started", _("began to check out"), {"basket": 1, **CART}),
        AbandonedCart(
            "cart_abandoned", _("left their cart for 4 hours"), {"basket": 1, **CART}, hours=HOURS
        ),
        Trigger("order_placed", _("placed an order"), ORDER, ("order",), value="total"),
        Trigger(
            "product_bought", _("bought a product"), {**ITEM, "order": "100042"}, ("product",),
            value="price",
        ),
        Trigger(
            "order_status_changed", _("has an order whose status changed"),
            {**ORDER, "status": "Shipped", "before": "Pending"}, ("order",),
        ),
        Trigger(
            "wishlist_added", _("put a product on their wish list"), PRODUCT, ("product",)
        ),
        Trigger(
            "alert_asked", _("asked to be told when a product is back"), PRODUCT, ("product",)
        ),
        Trigger(
            "back_in_stock", _("waited for a product that is back"), PRODUCT, ("product",)
        ),
    ]  # fmt: skip
    return {trigger.slug: trigger for trigger in found}
