"""From a bill to an order. There is no payment: it is a made-up shop."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from . import telling
from .cart import Bill
from .models import Order, OrderLine


class CodeUsed(Exception):
    """Somebody was faster with the code."""


def place(
    bill: Bill, *, first_name: str, email: str, address: str = "", user: Any = None, cart: str = ""
) -> Order:
    """The order of this bill. Of two for the same cart, the second gets the first one's order.

    Raises CodeUsed where the bill's code was used a moment ago.
    """
    buyer = {"first_name": first_name, "email": email, "address": address, "user": user}
    try:
        return _place(bill, {**buyer, "cart": cart or None})
    except (IntegrityError, CodeUsed):
        if earlier := Order.objects.filter(cart=cart).first() if cart else None:
            return earlier
        raise


@transaction.atomic
def _place(bill: Bill, buyer: dict[str, Any]) -> Order:
    if bill.code and not bill.code.use():
        raise CodeUsed
    order = Order.objects.create(**buyer, total=bill.total, code=bill.code)
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            book=line.book,
            title=line.book.title,
            price=line.book.price,
            quantity=line.quantity,
        )
        for line in bill.lines
    )
    telling.ordered(order, bill.lines)
    return order
