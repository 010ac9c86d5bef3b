"""What may please a person next: products that go with what they looked at and bought.

A site says how by an adapter, named in the setting RECOMMENDATIONS. The one that comes with the
package reads the site's events (models/recommending.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy
from wagtail.blocks import Block, CharBlock, IntegerBlock

from ..conf import conf
from . import products
from .email_block import HINT, PREVIEW, EmailStructBlock
from .personalizing import Hold, Recipient
from .products import Product
from .rendering import Picture, Rendering

MOST = 6
IN_A_ROW = 3
GAP = 18  # between two of them, CSS pixels


class Recommender:
    """Subclass, and name it in WAGTAIL_DRIP_RECOMMENDATIONS."""

    def recommend(
        self, recipients: Sequence[Recipient], most: int
    ) -> Mapping[int, Sequence[Product] | Hold | None]:
        """By `Recipient.id` at most so many, the best first, never what the person bought.

        In a number of queries that doesn't grow with the recipients. None or nothing: no row.
        """
        raise NotImplementedError

    def sample(self, most: int) -> Sequence[Product]:
        """What previews show."""
        return [products.adapter().sample()] * most


def recommender() -> Recommender:
    """The site's, by the setting."""
    return import_string(conf.RECOMMENDATIONS)()


class RecommendedBlock(EmailStructBlock):
    depends_on = "person"
    words_in = ("heading",)
    heading = CharBlock(
        label=gettext_lazy("Heading"),
        required=False,
        help_text=HINT,
        default=gettext_lazy("You may like these, too"),
    )
    number = IntegerBlock(label=gettext_lazy("At most"), default=3, min_value=1, max_value=MOST)

    class Meta:
        label = gettext_lazy("Recommended products")
        description = gettext_lazy("What goes with what the person looked at and bought.")
        icon = "pick"
        group = gettext_lazy("From your site")
        label_format = "{heading}"
        template = "wagtail_drip/email/recommended.html"
        preview_template = PREVIEW
        preview_value = {"heading": gettext_lazy("You may like these, too"), "number": 3}

    def values(
        self, value: Any, recipients: Sequence[Recipient], rendering: Rendering
    ) -> Mapping[int, dict[str, Any] | Hold | None]:
        most = self.most(value)
        found, shelf = recommender().recommend(recipients, most), Shelf(rendering)
        return {
            pk: given
            if isinstance(given, Hold)
            else {"shown": [shelf[one] for one in given[:most]]}
            if given
            else None
            for pk, given in found.items()
        }

    def sample_values(self, value: Any, rendering: Rendering) -> dict[str, Any]:
        # A site without a single product yet shows what one would look like.
        most = self.most(value)
        shelf, found = Shelf(rendering), recommender().sample(most) or Recommender().sample(most)
        return {"shown": [shelf[one] for one in found]}

    def most(self, value: Any) -> int:
        return min(max(value.get("number") or IN_A_ROW, 1), MOST)

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        rendering: Rendering = context["rendering"]
        shown = context.get("shown")
        if shown is None:
            shown = self.sample_values(value, rendering)["shown"]
        rows = [shown[start : start + IN_A_ROW] for start in range(0, len(shown), IN_A_ROW)]
        empty = [range(IN_A_ROW - len(row)) for row in rows]  # so that all are equally wide
        width = picture_width(rendering)
        return {**context, "rows": list(zip(rows, empty, strict=True)), "width": width, "gap": GAP}

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        shown = context.get("shown") or self.sample_values(value, rendering)["shown"]
        named = [
            (", ".join(filter(None, [one["title"], one["price"]])), one["link"]) for one in shown
        ]
        rows = ["\n".join(filter(None, both)) for both in named]
        heading = self.words(value, rendering)["heading"].strip()
        return "\n\n".join(filter(None, [heading, *rows]))


class Shelf(dict[Product, dict[str, Any]]):
    """Products as a mail shows them; each is looked at once, however many readers see it."""

    def __init__(self, rendering: Rendering) -> None:
        self.rendering = rendering

    def __missing__(self, product: Product) -> dict[str, Any]:
        picture: Picture | None = self.rendering.picture(
            product.image, most=picture_width(self.rendering)
        )
        self[product] = {
            "title": product.title,
            "price": product.price,
            "link": self.rendering.absolute(product.url),
            "picture": picture,
        }
        return self[product]


def picture_width(rendering: Rendering) -> int:
    return (rendering.room - GAP * (IN_A_ROW - 1)) // IN_A_ROW


def builtin() -> dict[str, Block]:
    return {"recommended": RecommendedBlock()}
