"""The blocks of a mail's body that come with the package."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import (
    Block,
    BooleanBlock,
    CharBlock,
    ChoiceBlock,
    RichTextBlock,
    StaticBlock,
    StructBlockValidationError,
    TextBlock,
)
from wagtail.rich_text import RichText

from .. import registry
from ..chosen import ImageChooser, PageChooser
from ..streams import OpenStreamBlock, sharing
from . import references, richtext
from .confirm_block import ConfirmBlock
from .email_block import HINT, PREVIEW, EmailBlock, EmailStructBlock, merged
from .merge_fields import LOOKALIKE
from .product_block import ProductBlock
from .rendering import Rendering

__all__ = ["BodyBlock", "EmailBlock", "EmailStructBlock", "builtin"]

WORDS = gettext_lazy("Words")
PICTURES = gettext_lazy("Pictures and buttons")


class BodyBlock(OpenStreamBlock):
    """A mail's body. Its blocks come from the hook `register_drip_email_blocks`.

    `depth`: inside how many groups of blocks it stands.
    """

    def __init__(self, local_blocks: Any = None, depth: int = 0, **kwargs: Any) -> None:
        with sharing() as pool:
            place = ("body", depth)
            if place not in pool:
                offered = [
                    (slug, block.nested(depth) if isinstance(block, EmailBlock) else block)
                    for slug, block in registry.email_blocks().items()
                ]
                pool[place] = [(slug, block) for slug, block in offered if block is not None]
            super().__init__([*pool[place], *(local_blocks or ())], **kwargs)

    class Meta:
        # The hook's blocks bring their own icons and groups.
        icon = "mail"


class HeadingBlock(EmailStructBlock):
    kept = True
    words_in = ("text",)
    text = CharBlock(label=gettext_lazy("Heading"), help_text=HINT)
    size = ChoiceBlock(
        label=gettext_lazy("Size"),
        choices=[("large", gettext_lazy("Large")), ("small", gettext_lazy("Small"))],
        default="large",
    )

    class Meta:
        label = gettext_lazy("Heading")
        description = gettext_lazy("A line that says what follows.")
        icon = "title"
        group = WORDS
        label_format = "{text}"
        template = "wagtail_drip/email/heading.html"
        preview_template = PREVIEW
        preview_value = {"text": gettext_lazy("Good to see you here"), "size": "large"}

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        heading = self.words(value, rendering)["text"].strip()
        return heading and f"{heading}\n{('=' if value.get('size') == 'large' else '-') * 20}"

    def problems(self, value: Any) -> list[str]:
        return [] if str(value.get("text") or "").strip() else [_("It is empty.")]


class RichWordsBlock(EmailBlock, RichTextBlock):
    kept = True

    def __init__(self, **kwargs: Any) -> None:
        features = ["bold", "italic", "link", "document-link", "ol", "ul", "h3", richtext.CHIP]
        kwargs.setdefault("features", features)
        kwargs.setdefault("help_text", HINT)
        super().__init__(**kwargs)

    @cached_property
    def field(self) -> Any:
        from .link_entities import LinksAtOnce

        field = super().field
        # Wagtail's editor has no name of its own, and a screen reader none to say.
        field.widget.options["ariaLabel"] = self.label
        field.widget.converter = LinksAtOnce(field.widget.features)
        return field

    def words(self, value: RichText, rendering: Rendering) -> dict[str, str]:
        return {"text": merged(value, rendering)}

    def texts(self, value: RichText) -> list[str]:
        return [richtext.as_text(value.source)]

    def links(self, value: RichText) -> list[str]:
        return richtext.typed_links(value.source)

    def plain(self, value: RichText, rendering: Rendering, **context: Any) -> str:
        return richtext.as_text(self.words(value, rendering)["text"])

    def problems(self, value: RichText) -> list[str]:
        whole = richtext.as_text(value.source)
        if not whole:
            return [_("It is empty.")]
        pieces: list[str] = []

        def collect(text: str) -> str:
            pieces.append(text)
            return text

        richtext.clean(value.source, merge=collect, absolute=str)
        if len(LOOKALIKE.findall(whole)) > sum(len(LOOKALIKE.findall(text)) for text in pieces):
            return [_("A merge field has formatting inside its braces, so it would stay as typed.")]
        return references.broken(value.source)

    class Meta:
        label = gettext_lazy("Text")
        description = gettext_lazy("Paragraphs and lists, with links.")
        icon = "pilcrow"
        group = WORDS
        template = "wagtail_drip/email/text.html"
        preview_template = PREVIEW

    def get_preview_value(self) -> RichText:
        return RichText(
            _(
                "<p>A few plain sentences do more than a clever one. Say <b>one thing</b>, "
                'and link to <a href="#">where it goes on</a>.</p>'
            )
        )


class QuoteBlock(EmailStructBlock):
    kept = True
    words_in = ("text", "by")
    text = TextBlock(label=gettext_lazy("Quote"), rows=3)
    by = CharBlock(label=gettext_lazy("Who said it"), required=False)

    class Meta:
        label = gettext_lazy("Quote")
        description = gettext_lazy("What somebody said, and who.")
        icon = "openquote"
        group = WORDS
        label_format = "{text}"
        template = "wagtail_drip/email/quote.html"
        preview_template = PREVIEW
        preview_value = {
            "text": gettext_lazy("I read it twice, and then I gave it to my mother."),
            "by": gettext_lazy("A reader"),
        }

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        words = self.words(value, rendering)
        lines = [f"> {line}" for line in words["text"].strip().splitlines()]
        return "\n".join(lines + ([f"> — {words['by'].strip()}"] if words["by"].strip() else []))

    def problems(self, value: Any) -> list[str]:
        return [] if str(value.get("text") or "").strip() else [_("It is empty.")]


class LinkedBlock(EmailStructBlock):
    """A block that leads somewhere: to a page of the site, or to an address."""

    page = PageChooser(label=gettext_lazy("Leads to this page"), required=False)
    url = CharBlock(
        label=gettext_lazy("or to this address"),
        required=False,
        help_text=gettext_lazy("A full address, or one of this site that starts with a slash."),
    )

    def link(self, value: Any, rendering: Rendering) -> str:
        page = value.get("page")
        return rendering.page_url(page) if page else rendering.absolute(value.get("url"))

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        return {**context, "link": self.link(value, context["rendering"])}

    def links(self, value: Any) -> list[str]:
        url = str(value.get("url") or "").strip()
        return [url] if url and not value.get("page") else []

    def link_problems(self, value: Any) -> list[str]:
        page, url = value.get("page"), str(value.get("url") or "").strip()
        if page and not page.live:
            return [_('The page "%s" that it leads to is not published.') % page.title]
        if url and not page and not (richtext.safe_url(url) and _leads(url)):
            return [_('"%s" is not an address; write one like https://example.com/.') % url]
        return []


class ImageBlock(LinkedBlock):
    kept = True
    image = ImageChooser(label=gettext_lazy("Image"))
    alt = CharBlock(
        label=gettext_lazy("What it shows"),
        required=False,
        help_text=gettext_lazy("For people who don't see it. Many mail programs hide images."),
    )
    decorative = BooleanBlock(
        label=gettext_lazy("It is decoration and says nothing"), required=False
    )

    class Meta:
        label = gettext_lazy("Image")
        description = gettext_lazy("A picture over the whole width; it may be a link.")
        icon = "image"
        group = PICTURES
        label_format = "{alt}"
        form_layout = ["image", "alt", "decorative", "page", "url"]
        template = "wagtail_drip/email/image.html"
        preview_template = PREVIEW
        preview_value = {"alt": gettext_lazy("A picture")}

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        rendering = context["rendering"]
        picture = rendering.picture(value.get("image"))
        return {**context, "picture": picture, "alt": self.alt_text(value)}

    def images(self, value: Any) -> list[Any]:
        return [image] if (image := value.get("image")) else []

    def alt_text(self, value: Any) -> str:
        return "" if value.get("decorative") else str(value.get("alt") or "")

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        alt, link = self.alt_text(value), self.link(value, rendering)
        return "\n".join(filter(None, [alt and f"[{alt}]", link]))

    def problems(self, value: Any) -> list[str]:
        image = value.get("image")
        found = self.link_problems(value)
        if image is None:
            found.append(_("No image is chosen."))
        elif not self.alt_text(value).strip() and not value.get("decorative"):
            found.append(_("Say what the image shows, or mark it as decoration."))
        elif image.is_svg():
            found.append(_("Mail programs don't show SVG images; choose a JPEG or PNG."))
        if LOOKALIKE.search(self.alt_text(value)):
            found.append(_("Merge fields do not work in what an image shows."))
        return found

    def clean(self, value: Any) -> Any:
        value = super().clean(value)
        unsaid = not self.alt_text(value).strip() and not value.get("decorative")
        if unsaid and value.get("image") and not self.is_deferred_validation:
            error = ValidationError(_("Say what the image shows, or mark it as decoration."))
            raise StructBlockValidationError(block_errors={"alt": error})
        return value


class ButtonBlock(LinkedBlock):
    kept = True
    words_in = ("label",)
    label = CharBlock(label=gettext_lazy("What the button says"), max_length=80)

    class Meta:
        label = gettext_lazy("Button")
        description = gettext_lazy("The one thing you want people to do.")
        icon = "link"
        group = PICTURES
        label_format = "{label}"
        form_layout = ["label", "page", "url"]
        template = "wagtail_drip/email/button.html"
        preview_template = PREVIEW
        preview_value = {"label": gettext_lazy("Have a look"), "url": "#"}

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        link = self.link(value, rendering)
        return f"{self.words(value, rendering)['label'].strip()}: {link}" if link else ""

    def problems(self, value: Any) -> list[str]:
        found = self.link_problems(value)
        if not str(value.get("label") or "").strip():
            found.append(_("It says nothing."))
        if not value.get("page") and not str(value.get("url") or "").strip():
            found.append(_("It leads nowhere: choose a page or write an address."))
        return found


class DividerBlock(EmailBlock, StaticBlock):
    kept = True

    class Meta:
        label = gettext_lazy("Divider")
        description = gettext_lazy("A thin line between two parts.")
        admin_text = gettext_lazy("A thin line.")
        icon = "minus"
        group = PICTURES
        template = "wagtail_drip/email/divider.html"
        preview_template = PREVIEW
        preview_value = None

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        return "-" * 20


def _leads(url: str) -> bool:
    return url.startswith(("/", "#")) or ":" in url


def builtin() -> dict[str, Block]:
    return {
        "heading": HeadingBlock(),
        "text": RichWordsBlock(),
        "image": ImageBlock(),
        "button": ButtonBlock(),
        "confirm": ConfirmBlock(),
        "divider": DividerBlock(),
        "quote": QuoteBlock(),
        "product": ProductBlock(),
    }
