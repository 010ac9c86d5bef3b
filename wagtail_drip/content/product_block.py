"""The block that shows something of the site: what the event is about, or a fixed choice."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import CharBlock, ChoiceBlock

from . import products
from .bidi import isolated
from .email_block import PREVIEW, EmailStructBlock
from .products import Product
from .rendering import Rendering

PICTURE = 168  # width beside the words, CSS pixels
WORDS = 45  # most of a description


class ProductBlock(EmailStructBlock):
    kept = True
    depends_on = "object"
    words_in = ("button",)

    def __init__(self, local_blocks: Any = None, **kwargs: Any) -> None:
        which = ChoiceBlock(
            label=gettext_lazy("Show"),
            choices=[
                ("event", gettext_lazy("the product that the person's series is about")),
                ("fixed", gettext_lazy("the same product to everybody")),
            ],
            default="event",
        )
        button = CharBlock(
            label=gettext_lazy("Button"), required=False, default=gettext_lazy("Have a look")
        )
        own = [("which", which), ("chosen", self.adapter.chooser_block()), ("button", button)]
        super().__init__([*own, *(local_blocks or ())], **kwargs)

    class Meta:
        label = gettext_lazy("Product")
        description = gettext_lazy("Picture, title, price and link of something on your site.")
        icon = "tag"
        group = gettext_lazy("From your site")
        template = "wagtail_drip/email/product.html"
        preview_template = PREVIEW
        preview_value = {"which": "event", "button": gettext_lazy("Have a look")}

    @property
    def adapter(self) -> products.ProductAdapter:
        return products.adapter()

    def wants_event_product(self, value: Any) -> bool:
        return value.get("which") != "fixed"

    def fixed_refs(self, value: Any) -> list[Hashable]:
        if self.wants_event_product(value):
            return []
        ref = self.adapter.chosen(value.get("chosen"))
        return [] if ref is None else [ref]

    def product(self, value: Any, rendering: Rendering) -> Product:
        if self.wants_event_product(value):
            return rendering.event_product()
        return rendering.fixed_product(next(iter(self.fixed_refs(value)), None))

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        rendering = context["rendering"]
        product = self.product(value, rendering)
        return {
            **context,
            "product": product,
            "description": shortened(product.description),
            "link": rendering.absolute(product.url),
            "picture": rendering.picture(product.image, most=PICTURE),
        }

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        product = self.product(value, rendering)
        named = [product.title, product.price] if product.price else [product.title]
        title = " – ".join(isolated(str(one), rendering.direction) for one in named)
        description = shortened(product.description)
        return "\n".join(filter(None, [title, description, rendering.absolute(product.url)]))

    def problems(self, value: Any) -> list[str]:
        if self.wants_event_product(value) or self.fixed_refs(value):
            return []
        return [_("No product is chosen.")]


def shortened(text: str) -> str:
    """The first WORDS words; only whole sentences where there is one past half of them."""
    words = text.split()
    if len(words) <= WORDS:
        return " ".join(words)
    for end in range(WORDS, WORDS // 2, -1):
        if words[end - 1].endswith((".", "!", "?", "…", "。", "؟", "۔")):
            return " ".join(words[:end])
    return " ".join(words[:WORDS]).rstrip(",;:–—-") + "…"
