"""The blocks that show each person what they ordered, or what waits in their cart."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.blocks import Block, BooleanBlock, CharBlock, ChoiceBlock

from . import lines, products
from .email_block import HINT, PREVIEW, EmailStructBlock
from .lines import Kind, Line, Lines
from .personalizing import Hold, Recipient
from .products import Product
from .rendering import Picture, Rendering

PICTURE = 64  # width beside the words, CSS pixels
MOST = 50  # lines; what is more is counted


class LinesBlock(EmailStructBlock):
    """Base; `kind` says of what."""

    depends_on = "person"
    words_in = ("heading",)
    kind: Kind
    heading = CharBlock(label=gettext_lazy("Heading"), required=False, help_text=HINT)
    pictures = BooleanBlock(label=gettext_lazy("With pictures"), required=False, default=True)

    def values(
        self, value: Any, recipients: Sequence[Recipient], rendering: Rendering
    ) -> Mapping[int, dict[str, Any] | Hold | None]:
        adapter = lines.adapter()
        ask = adapter.orders if self.kind == "order" else adapter.carts
        given = ask(recipients, value.get("which") or self.default_which)
        found = {pk: one for pk, one in given.items() if isinstance(one, Lines) and one.lines}
        seen = _Seen(found.values(), value.get("pictures", True), rendering)
        return {
            pk: {"given": one, "seen": seen} if pk in found else _held(one)
            for pk, one in given.items()
        }

    def sample_values(self, value: Any, rendering: Rendering) -> dict[str, Any]:
        given = lines.adapter().sample(self.kind)
        return {"given": given, "seen": _Seen([given], value.get("pictures", True), rendering)}

    def get_preview_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_preview_context(value, parent_context)
        return {**context, **self.shown(value, context["rendering"])}

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        given = {name: context[name] for name in ("given", "seen") if name in context}
        return {**context, **self.shown(value, context["rendering"], **given)}

    def shown(self, value: Any, rendering: Rendering, **given: Any) -> dict[str, Any]:
        """What the template needs: words and amounts in the language of the mail."""
        given = given or self.sample_values(value, rendering)
        all_: Lines = given["given"]
        adapter, seen = lines.adapter(), given["seen"]

        def money(amount: Any) -> str:
            return "" if amount is None else adapter.money(amount, all_.currency)

        return {
            "lines": [
                {
                    "title": line.title,
                    "quantity": line.quantity,
                    "price": money(line.price),
                    "sum": money(line.sum),
                    "link": rendering.absolute(line.url or seen.url(line)),
                    "picture": seen.picture(line),
                }
                for line in all_.lines[:MOST]
            ],
            "more": max(0, len(all_.lines) - MOST),
            "extras": [(name, money(amount)) for name, amount in all_.extras],
            "total": money(all_.total),
            "link": rendering.absolute(all_.url),
            "link_label": all_.url_label or self.link_label,
        }

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        given = {name: context[name] for name in ("given", "seen") if name in context}
        shown = self.shown(value, rendering, **given)
        rows = [
            f"{line['quantity']} × {line['title']}" + (f": {line['sum']}" if line["sum"] else "")
            for line in shown["lines"]
        ]
        if shown["more"]:
            rows.append(ngettext("and %d more", "and %d more", shown["more"]) % shown["more"])
        rows += [f"{name}: {amount}" for name, amount in shown["extras"]]
        if shown["total"]:
            rows.append(_("Total: %s") % shown["total"])
        heading = self.words(value, rendering)["heading"].strip()
        label, link = shown["link_label"], shown["link"]
        foot = f"{label}: {link}" if link else ""
        return "\n\n".join(filter(None, [heading, "\n".join(rows), foot]))

    @property
    def default_which(self) -> Any:
        return self.child_blocks["which"].meta.default

    @property
    def link_label(self) -> str:
        raise NotImplementedError


class OrderLinesBlock(LinesBlock):
    kind = "order"
    which = ChoiceBlock(
        label=gettext_lazy("Which order"),
        choices=[
            ("event", gettext_lazy("the one that the person's series is about")),
            ("latest", gettext_lazy("the latest of the person")),
        ],
        default="event",
    )

    class Meta:
        label = gettext_lazy("Lines of the order")
        description = gettext_lazy("What the person ordered, and what it came to.")
        icon = "list-ul"
        group = gettext_lazy("From your site")
        label_format = "{heading}"
        form_layout = ["heading", "which", "pictures"]
        template = "wagtail_drip/email/lines.html"
        preview_template = PREVIEW
        preview_value = {"heading": "", "which": "event", "pictures": False}

    @property
    def link_label(self) -> str:
        return _("Look at your order")


class CartLinesBlock(LinesBlock):
    kind = "cart"
    which = ChoiceBlock(
        label=gettext_lazy("Which cart"),
        choices=[
            ("latest", gettext_lazy("as it is when the mail goes out")),
            ("event", gettext_lazy("as it was when the person's series began")),
        ],
        default="latest",
    )

    class Meta:
        label = gettext_lazy("Lines of the cart")
        description = gettext_lazy("What waits in the person's cart.")
        icon = "list-ul"
        group = gettext_lazy("From your site")
        label_format = "{heading}"
        form_layout = ["heading", "which", "pictures"]
        template = "wagtail_drip/email/lines.html"
        preview_template = PREVIEW
        preview_value = {"heading": "", "which": "latest", "pictures": False}

    @property
    def link_label(self) -> str:
        return _("Go on with your order")


class _Seen:
    """The products of many orders: each is loaded and its picture made once."""

    def __init__(self, all_: Iterable[Lines], pictures: bool, rendering: Rendering) -> None:
        self.pictures, self.rendering = pictures, rendering
        refs = {line.ref for one in all_ for line in one.lines[:MOST] if line.ref is not None}
        loaded = products.adapter().load(sorted(refs, key=str)) if refs else {}
        self.products = {ref: one for ref, one in loaded.items() if isinstance(one, Product)}
        self.made: dict[Any, Picture | None] = {}

    def url(self, line: Line) -> str:
        product = self._product(line.ref)
        return product.url if product else ""

    def picture(self, line: Line) -> Picture | None:
        product = self._product(line.ref)
        image = line.image or (product.image if product else None)
        if not self.pictures or image is None:
            return None
        if image not in self.made:
            self.made[image] = self.rendering.picture(image, most=PICTURE)
        return self.made[image]

    def _product(self, ref: Hashable) -> Product | None:
        return None if ref is None else self.products.get(ref)


def _held(given: Any) -> Hold | None:
    return given if isinstance(given, Hold) else None


def builtin() -> dict[str, Block]:
    return {"order_lines": OrderLinesBlock(), "cart_lines": CartLinesBlock()}
