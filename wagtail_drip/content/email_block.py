"""The base of what a mail's body is made of. An integrator's block looks like this:

    class OpeningHours(EmailStructBlock):
        words_in = ("intro",)                       # here editors may use merge fields
        intro = blocks.CharBlock()
        shop = SnippetChooserBlock("shops.Shop")

        class Meta:
            template = "mails/opening_hours.html"   # uses {{ words.intro }}, {{ value.shop }}

        def plain(self, value, rendering):          # may be left out: then made from the HTML
            return f"{self.words(value, rendering)['intro']}: {value['shop'].hours}"

    @hooks.register("register_drip_email_blocks")
    def blocks():
        return {"opening_hours": OpeningHours()}

The template writes what stands in one row of the mail (a table cell 528 px wide). It may use the
classes of `email/style.css`, and inline styles. Any other Wagtail block may be
registered too; it is rendered as on the site and its text is made from its HTML.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy
from wagtail.blocks import Block, StructBlock
from wagtail.rich_text import RichText

from . import products, richtext
from .branding import Brand
from .personalizing import Fault, Hold, Recipient
from .rendering import Rendering

DependsOn = Literal["nothing", "object", "person"]
HINT = gettext_lazy("You may write {{ first_name|friend }}: a merge field and what stands without.")
PREVIEW = "wagtail_drip/email/block_preview.html"  # `preview_template` for the block picker


class EmailBlock:
    """Mixed into a Wagtail block: what a mail asks of it beyond Wagtail's own.

    `depends_on` says how often it is rendered: `"nothing"` and `"object"` once for each compiled
    message (one message for each product), `"person"` once for each reader.
    """

    depends_on: DependsOn = "nothing"
    # Said by a class of itself, not of those made from it: that what it renders depends on its
    # value, on what is chosen and linked there, on the Rendering and on what `kept_by` tells, and
    # on nothing else. Such a message is kept from one batch to the next; one with any other block
    # is rendered for each.
    kept: bool = False
    words_in: tuple[str, ...] = ()  # names of the fields in which merge fields work

    def nested(self, depth: int) -> Block | None:
        """The block for inside `depth` groups of blocks; None: not offered there."""
        assert isinstance(self, Block)
        return self

    def html(self, value: Any, rendering: Rendering, **context: Any) -> str:
        """One row's HTML, "" for no row. Called with the language of the mail active."""
        return self.render(value, context={"rendering": rendering, **context})  # type: ignore[attr-defined]

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        """The same as plain text, "" for nothing."""
        return _from_html(self.html(value, rendering, **context), rendering)

    def values(
        self, value: Any, recipients: Sequence[Recipient], rendering: Rendering
    ) -> Mapping[int, dict[str, Any] | Hold | Fault | None]:
        """For `"person"` blocks: by `Recipient.id` what `html` and `plain` get as `context`.

        None: no row for this person. Hold: their mail waits. Fault: it is parked.
        At most one query, whatever the number of recipients.
        """
        raise NotImplementedError

    def sample_values(self, value: Any, rendering: Rendering) -> dict[str, Any] | None:
        """For `"person"` blocks: what a preview shows. Must change nothing."""
        return None

    def wants_event_product(self, value: Any) -> bool:
        """Whether it shows the product that each reader's own event is about."""
        return self.depends_on == "object"

    def fixed_refs(self, value: Any) -> list[Hashable]:
        """Refs of the products it shows to everybody."""
        return []

    def kept_by(self, value: Any, rendering: Rendering) -> Any:
        """What it asks the site for: a message is kept until this changes.

        Numbers, texts, rows, Products, and lists of them. Called once for each batch, so it should
        cost less than rendering does.
        """
        return None

    def problems(self, value: Any) -> list[str]:
        """What keeps it from being sent, in sentences for the editor."""
        return []

    def texts(self, value: Any) -> list[str]:
        """The texts in which an editor may have used merge fields, as plain text."""
        return [_plain_source(value.get(name)) for name in self.words_in]

    def links(self, value: Any) -> list[str]:
        """The addresses that an editor typed: checks say where one leads nowhere."""
        return []

    def images(self, value: Any) -> list[Any]:
        """The images that an editor chose: checks say where one is too heavy."""
        return []

    def words(self, value: Any, rendering: Rendering) -> dict[str, str]:
        """The fields of `words_in`, merge fields in. Rich text comes as safe HTML."""
        return {name: merged(value.get(name), rendering) for name in self.words_in}

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)  # type: ignore[misc]
        rendering = context.setdefault("rendering", Rendering(Brand("")))
        return {**context, "words": self.words(value, rendering)}

    def get_preview_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_preview_context(value, parent_context)  # type: ignore[misc]
        return {**context, "rendering": preview_rendering(), "preview": True}


class EmailStructBlock(EmailBlock, StructBlock):
    """A block of several fields; what most email blocks are."""


def preview_rendering() -> Rendering:
    """What the block picker's previews are rendered with: nobody's brand, a sample product."""
    return Rendering(Brand(""), product=products.adapter().sample())


def merged(value: Any, rendering: Rendering) -> str:
    if isinstance(value, RichText):
        if rendering.strict and (trouble := rendering.broken(value.source)):
            raise products.Unavailable(Hold(trouble[0]))  # rather than mail a broken link
        return mark_safe(rendering.rich(rendering.expanded(value.source)))
    return rendering.merge(value)


def _plain_source(value: Any) -> str:
    if isinstance(value, RichText):
        return richtext.as_text(value.source)
    return str(value or "")


def render_html(block: Block, value: Any, rendering: Rendering, **context: Any) -> str:
    """One row's HTML of any Wagtail block."""
    if isinstance(block, EmailBlock):
        return block.html(value, rendering, **context)
    rendered = block.render(value, context={"rendering": rendering})
    return rendered if isinstance(rendered, SafeString) else conditional_escape(rendered)


def render_plain(block: Block, value: Any, rendering: Rendering, **context: Any) -> str:
    """One row's text of any Wagtail block."""
    if isinstance(block, EmailBlock):
        return block.plain(value, rendering, **context)
    return _from_html(render_html(block, value, rendering), rendering)


def _from_html(html: str, rendering: Rendering) -> str:
    return richtext.as_text(rendering.absolute_html(html))
