"""Orders and carts as the events of a site tell of them.

    api.record("order_placed", user=user, data={
        "items": [{"title": "Swifts", "quantity": 2, "price": "11.50", "page": 12}],
        "total": "23.00", "currency": "EUR", "url": "/orders/1042/",
    })

Only `items` with titles is needed. Event data may come from anywhere: what can't be read is left
out, and an order without a line that can be read shows no row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import OuterRef, Subquery

from ..content import products
from ..content.lines import Line, Lines, LinesAdapter, Which
from ..content.personalizing import Hold, Recipient
from .among import among
from .contacts import Contact
from .journeys import Event

LONGEST = 200  # characters of a title
HIGHEST = Decimal(10) ** 12
MOST_LINES = 500


class EventLines(LinesAdapter):
    """Subclass it to name other events, or keys of their data."""

    cart_events: tuple[str, ...] = ("cart_changed",)

    def orders(
        self, recipients: Sequence[Recipient], which: Which
    ) -> Mapping[int, Lines | Hold | None]:
        return self._of(recipients, which, self.order_events)

    def carts(
        self, recipients: Sequence[Recipient], which: Which
    ) -> Mapping[int, Lines | Hold | None]:
        return self._of(recipients, which, self.cart_events)

    def _of(
        self, recipients: Sequence[Recipient], which: Which, events: tuple[str, ...]
    ) -> dict[int, Lines | Hold | None]:
        """Of the event that made them enter, where it has items; else of the latest one."""
        found: dict[int, Lines | Hold | None] = {}
        if which == "event":
            found = {one.id: self.lines(one.data) for one in recipients}
        rest = [one for one in recipients if not found.get(one.id)]
        latest = latest_data([one.contact_id for one in rest], events) if rest else {}
        return found | {one.id: self.lines(latest.get(one.contact_id)) for one in rest}

    def lines(self, data: Any) -> Lines | None:
        """An event's data as lines; None where it has none."""
        if not isinstance(data, Mapping):
            return None
        items = data.get("items")
        items = items[:MOST_LINES] if isinstance(items, list) else []
        read = [line for item in items if (line := self.line(item))]
        if not read:
            return None
        total, sums = amount(data.get("total")), [line.sum for line in read]
        if total is None and None not in sums:
            total = sum(filter(None, sums), Decimal())
        return Lines(read, total, text(data.get("currency"))[:10], url=text(data.get("url")))

    def line(self, item: Any) -> Line | None:
        """One of the items; None where it has no title."""
        if not isinstance(item, Mapping) or not (title := text(item.get("title"))):
            return None
        return Line(
            title=title[:LONGEST],
            quantity=quantity(item.get("quantity")),
            price=amount(item.get("price")),
            url=text(item.get("url")),
            ref=ref_of(item),
        )


def latest_data(contacts: Sequence[int], events: Sequence[str]) -> dict[int, Any]:
    """The data of each contact's latest event of these names. One query."""
    theirs = Event.objects.filter(contact=OuterRef("pk"), name__in=events)
    latest = theirs.order_by("-at", "-pk").values("data")[:1]
    rows = Contact.objects.filter(among("pk", contacts)).annotate(latest=Subquery(latest))
    return dict(rows.order_by().values_list("pk", "latest"))


def ref_of(item: Any) -> Any:
    """The product that a piece of data names, by the site's adapter; None: none."""
    try:
        ref = products.adapter().ref(item)
        hash(ref)
    except Exception:  # data may be anything, and an adapter expects its own
        return None
    return ref


def text(value: Any) -> str:
    return " ".join(value.replace("\0", "").split()) if isinstance(value, str) else ""


def quantity(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return 1
    return number if 0 < number < 1_000_000 else 1


def amount(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < HIGHEST else None
