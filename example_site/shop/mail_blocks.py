"""Blocks of mails that differ from reader to reader: what they ordered, and what goes with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import Block, CharBlock, StaticBlock

from wagtail_drip.content.email_block import PREVIEW, EmailBlock, EmailStructBlock
from wagtail_drip.content.personalizing import Recipient
from wagtail_drip.content.rendering import Picture, Rendering

from .drip import in_euros, order_of
from .models import BookPage, Order, OrderLine
from .recommending import MOST, recommend
from .views import signed

GROUP = gettext_lazy("From the bookshop")
COVER = 156  # width of a cover, CSS pixels: three of them stand in a row


class OrderLinesBlock(EmailBlock, StaticBlock):
    """The lines of the order that the reader's event names; no row where it names none."""

    depends_on = "person"

    def values(
        self, value: Any, recipients: Sequence[Recipient], rendering: Rendering
    ) -> dict[int, dict[str, Any] | None]:
        asked = {recipient.id: order_of(recipient.data) for recipient in recipients}
        lines: dict[int, list[OrderLine]] = defaultdict(list)
        orders = {order for order in asked.values() if order}
        for line in OrderLine.objects.filter(order__in=orders).select_related("order"):
            lines[line.order_id].append(line)
        return {
            id: shown(lines[order], rendering) if order in lines else None
            for id, order in asked.items()
        }

    def sample_values(self, value: Any, rendering: Rendering) -> dict[str, Any]:
        order = Order(pk=0, total=Decimal("35.00"))
        lines = [
            OrderLine(order=order, title=_("Swifts"), price=Decimal("11.50"), quantity=2),
            OrderLine(order=order, title=_("Nine Passes North"), price=Decimal("12.00")),
        ]
        return {**shown(lines, rendering), "link": rendering.absolute("/")}

    def get_preview_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_preview_context(value, parent_context)
        return {**context, **self.sample_values(value, context["rendering"])}

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        lines = [f"{line.quantity} × {line.title}: {line.sum}" for line in context["lines"]]
        if context["discount"]:
            lines.append(_("Your code: −%s") % context["discount"])
        return "\n".join([*lines, _("Total: %s") % context["total"], context["link"]])

    class Meta:
        label = gettext_lazy("Lines of the order")
        description = gettext_lazy("What the reader ordered, and what it came to.")
        admin_text = gettext_lazy("The lines of the order that started the series.")
        icon = "list-ul"
        group = GROUP
        template = "shop/mails/order_lines.html"
        preview_template = PREVIEW
        preview_value = None


@dataclass(frozen=True)
class ShownLine:
    quantity: int
    title: str
    sum: str


def shown(lines: Sequence[OrderLine], rendering: Rendering) -> dict[str, Any]:
    """What the block's template needs of an order's lines."""
    order = lines[0].order
    discount = sum((line.total for line in lines), Decimal()) - order.total
    return {
        "lines": [ShownLine(line.quantity, line.title, in_euros(line.total)) for line in lines],
        "discount": in_euros(discount) if discount else "",
        "total": in_euros(order.total),
        "link": rendering.absolute(reverse("order-thanks", args=[signed(order)])),
    }


class RecommendationsBlock(EmailStructBlock):
    """Books that go with the reader's order; no row where there is none they haven't got."""

    depends_on = "person"
    heading = CharBlock(
        label=gettext_lazy("Heading"),
        required=False,
        default=gettext_lazy("You may like these, too"),
    )

    def values(
        self, value: Any, recipients: Sequence[Recipient], rendering: Rendering
    ) -> Mapping[int, dict[str, Any] | None]:
        asked = {recipient.id: order_of(recipient.data) for recipient in recipients}
        found = recommend({order for order in asked.values() if order})
        shown = _Shelf(rendering)
        return {
            id: {"books": [shown[book] for book in books]}
            if order and (books := found.get(order))
            else None
            for id, order in asked.items()
        }

    def sample_values(self, value: Any, rendering: Rendering) -> dict[str, Any] | None:
        shown = _Shelf(rendering)
        books = BookPage.objects.live().select_related("cover").order_by("pk")[:MOST]
        return {"books": [shown[book] for book in books]} if books else None

    def get_preview_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_preview_context(value, parent_context)
        return {**context, **(self.sample_values(value, context["rendering"]) or {})}

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        books = [
            f"{book.title}, {book.author}: {book.price}\n{book.link}" for book in context["books"]
        ]
        return "\n\n".join(filter(None, [value.get("heading"), *books]))

    class Meta:
        label = gettext_lazy("Books that go with it")
        description = gettext_lazy("Up to three books that others bought with the reader's.")
        icon = "pick"
        group = GROUP
        label_format = "{heading}"
        template = "shop/mails/recommendations.html"
        preview_template = PREVIEW
        preview_value = {"heading": gettext_lazy("You may like these, too")}


@dataclass(frozen=True)
class ShownBook:
    title: str
    author: str
    price: str
    link: str
    picture: Picture | None


class _Shelf(dict[BookPage, ShownBook]):
    """Books as a mail shows them; each is looked at once, however many readers see it."""

    def __init__(self, rendering: Rendering) -> None:
        self.rendering = rendering

    def __missing__(self, book: BookPage) -> ShownBook:
        self[book] = ShownBook(
            title=book.title,
            author=book.author,
            price=in_euros(book.price),
            link=self.rendering.page_url(book),
            picture=self.rendering.picture(book.cover, most=COVER),
        )
        return self[book]


def email_blocks() -> dict[str, Block]:
    return {"order_lines": OrderLinesBlock(), "recommendations": RecommendationsBlock()}
