"""Carts and orders of Oscar's as the data of events, in the shape that models/event_lines.py reads.

    {"order": "100042", "items": [{"product": 7, "title": "Swifts", "price": "18.50",
     "quantity": 1}], "product": 7, "products": [7], "lines": 1, "total": "18.50",
     "currency": "EUR"}

`product` is the first of them: the product of the mails that follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

MOST = 100  # lines in one event, which holds 64 KB


def of_line(line: Any) -> dict[str, Any]:
    """A line of a cart or an order; the price is that of one piece, on that day."""
    found = {
        "product": line.product_id,
        "title": title(line),
        "price": text(price(line)),
        "quantity": line.quantity,
    }
    return {name: value for name, value in found.items() if value is not None}


def title(line: Any) -> str:
    own = getattr(line, "title", "")  # orders keep it
    return str(own or (line.product.get_title() if line.product else ""))[:200]


def price(line: Any) -> Decimal | None:
    """Of one piece, with tax where that is known."""
    for name in ("unit_price_incl_tax", "unit_price_excl_tax", "price_incl_tax", "price_excl_tax"):
        # A cart's line reckons the first two by the visitor's strategy, which events don't know.
        if name in {field.attname for field in line._meta.concrete_fields}:
            value = getattr(line, name)
            if value is not None:
                return value
    return None


def of_lines(lines: Iterable[Any]) -> dict[str, Any]:
    rows = list(lines)
    products = list(dict.fromkeys(line.product_id for line in rows if line.product_id))
    first = {"product": products[0]} if products else {}
    items = [of_line(line) for line in rows[:MOST]]
    return {**first, "products": products[:MOST], "lines": len(rows), "items": items}


def of_basket(basket: Any, lines: Iterable[Any]) -> dict[str, Any]:
    rows = list(lines)
    sums = [None if (one := price(line)) is None else one * line.quantity for line in rows]
    known = [one for one in sums if one is not None]
    total = text(sum(known, Decimal())) if len(known) == len(sums) else None
    currency = {"currency": rows[0].price_currency} if rows else {}
    whole = {"total": total} if total is not None else {}
    return {"basket": basket.pk, **of_lines(rows), **whole, **currency}


def of_order(order: Any) -> dict[str, Any]:
    lines = order.lines.select_related("product").order_by("pk")
    worth = {"total": text(order.total_incl_tax), "currency": order.currency}
    return {"order": str(order.number), **of_lines(lines), **worth}


def text(amount: Decimal | None) -> str | None:
    """To the cent; Oscar reckons taxes to four places."""
    return None if amount is None else str(Decimal(amount).quantize(Decimal("0.01")))
