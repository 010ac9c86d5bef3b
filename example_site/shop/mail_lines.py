"""The bookshop's orders as mails show them; carts come from its events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from wagtail_drip.content.lines import Kind, Line, Lines, Which
from wagtail_drip.content.personalizing import Recipient
from wagtail_drip.models.event_lines import EventLines

from .drip import in_euros, order_of
from .models import BookPage, Order, OrderLine
from .views import signed


class ShopLines(EventLines):
    """An order is read as the shop has it, with its discount; its event may be years old."""

    def orders(self, recipients: Sequence[Recipient], which: Which) -> Mapping[int, Lines | None]:
        """By the order that the reader's event names, else their latest. One query."""
        asked = {one.id: order_of(one.data) if which == "event" else None for one in recipients}
        emails = {one.email for one in recipients if asked[one.id] is None}
        wanted = Q(order__in={pk for pk in asked.values() if pk}) | Q(order__email__in=emails)
        lines: dict[int, list[OrderLine]] = defaultdict(list)
        latest: dict[str, int] = {}
        for line in OrderLine.objects.filter(wanted).select_related("order").order_by("pk"):
            lines[line.order_id].append(line)
            latest[line.order.email] = max(line.order_id, latest.get(line.order.email, 0))
        found: dict[int, Lines | None] = {}
        for one in recipients:
            order = asked[one.id] or latest.get(one.email, 0)
            found[one.id] = as_lines(lines[order]) if order in lines else None
        return found

    def money(self, amount: Decimal, currency: str) -> str:
        return in_euros(amount) if amount >= 0 else f"−{in_euros(-amount)}"

    def sample(self, kind: Kind) -> Lines:
        books = BookPage.objects.live().order_by("pk")[:2]
        lines = [Line(book.title, 1, book.price, ref=book.pk) for book in books]
        if not lines:
            return super().sample(kind)
        return Lines(lines, sum((line.price for line in lines if line.price), Decimal()), url="/")


def as_lines(rows: Sequence[OrderLine]) -> Lines:
    order: Order = rows[0].order
    discount = sum((row.total for row in rows), Decimal()) - order.total
    return Lines(
        [Line(row.title, row.quantity, row.price, ref=row.book_id) for row in rows],
        order.total,
        extras=[(_("Your code"), -discount)] if discount else [],
        url=reverse("order-thanks", args=[signed(order)]),
    )
