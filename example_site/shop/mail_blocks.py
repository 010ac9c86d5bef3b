"""Blocks of mails that differ from reader to reader: what goes with what they ordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy
from wagtail.blocks import Block, CharBlock

from wagtail_drip.content.email_block import PREVIEW, EmailStructBlock
from wagtail_drip.content.personalizing import Recipient
from wagtail_drip.content.rendering import Picture, Rendering

from .drip import in_euros, order_of
from .models import BookPage
from .recommending import MOST, recommend

GROUP = gettext_lazy("From the bookshop")
COVER = 156  # width of a cover, CSS pixels: three of them stand in a row


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
    return {"recommendations": RecommendationsBlock()}
