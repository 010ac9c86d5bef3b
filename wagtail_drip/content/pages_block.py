"""The block that shows what is new on the site, as it is when the mail goes out."""

from __future__ import annotations

from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import BooleanBlock, CharBlock, ChoiceBlock, IntegerBlock
from wagtail.coreutils import resolve_model_string
from wagtail.models import Page, get_page_models

from ..chosen import PageChooser
from . import products
from .email_block import PREVIEW, EmailStructBlock
from .product_block import shortened
from .products import PageProducts, Product
from .rendering import Rendering

PICTURE = 120  # width beside the words, CSS pixels
MOST = 10  # pages


def page_types() -> list[tuple[str, Any]]:
    """The site's own page types, with "all pages" before them."""
    own = [model for model in get_page_models() if model is not Page and model.is_creatable]
    named = [(model._meta.label, capfirst(model._meta.verbose_name)) for model in own]
    return [("", gettext_lazy("Pages of all types")), *sorted(named, key=lambda one: str(one[1]))]


class LatestPagesBlock(EmailStructBlock):
    """Chosen anew for each mail that is compiled: nobody has to edit it when a page comes."""

    kept = True
    words_in = ("heading",)
    heading = CharBlock(label=gettext_lazy("Heading"), required=False)
    kind = ChoiceBlock(label=gettext_lazy("Which pages"), choices=page_types, required=False)
    below = PageChooser(
        label=gettext_lazy("only below this page"),
        required=False,
        help_text=gettext_lazy("On an installation with several sites, choose one here."),
    )
    tag = CharBlock(
        label=gettext_lazy("only with this tag"),
        required=False,
        help_text=gettext_lazy("Its name, for page types that have tags."),
    )
    number = IntegerBlock(label=gettext_lazy("How many"), default=3, min_value=1, max_value=MOST)
    pictures = BooleanBlock(label=gettext_lazy("With pictures"), required=False, default=True)

    class Meta:
        label = gettext_lazy("Latest pages")
        description = gettext_lazy("What is new on the site when the mail goes out.")
        icon = "doc-full-inverse"
        group = gettext_lazy("From your site")
        label_format = "{heading}"
        template = "wagtail_drip/email/latest_pages.html"
        preview_template = PREVIEW
        preview_value = {"heading": gettext_lazy("New on the site"), "kind": "", "number": 2}

    def pages(self, value: Any, language: str) -> list[Product]:
        """Newest first. In the mail's language where the site has its pages in several."""
        model = model_of(value.get("kind"))
        found = model.objects.live().public().filter(depth__gt=2)
        if below := value.get("below"):
            found = found.descendant_of(below)
        if tag := str(value.get("tag") or "").strip():
            if not has_tags(model):
                return []
            found = found.filter(tags__name__iexact=tag).distinct()
        found = found.filter(locale__language_code__in=languages(found, language))
        newest = found.order_by("-first_published_at", "-pk")[: value.get("number") or 3]
        shown = [as_product(page) for page in newest.specific()]
        return [page for page in shown if page.url]

    def kept_by(self, value: Any, rendering: Rendering) -> list[Product]:
        below = value.get("below")
        asked = (value.get("kind"), below and below.pk, value.get("tag"), value.get("number"))
        return rendering.once(
            ("latest_pages", *asked), lambda: self.pages(value, rendering.language)
        )

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        rendering = context["rendering"]
        pages = self.kept_by(value, rendering)
        if not pages and context.get("preview"):  # in the block picker of a site without pages
            pages = [products.adapter().sample()] * 2
        return {**context, "pages": [self.shown(page, value, rendering) for page in pages]}

    def shown(self, product: Product, value: Any, rendering: Rendering) -> dict[str, Any]:
        image = product.image if value.get("pictures", True) else None
        return {
            "title": product.title,
            "description": shortened(product.description),
            "link": rendering.absolute(product.url),
            "picture": rendering.picture(image, most=PICTURE),
        }

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        pages = [
            "\n".join(filter(None, [page.title, rendering.absolute(page.url)]))
            for page in self.kept_by(value, rendering)
        ]
        heading = self.words(value, rendering)["heading"].strip()
        return "\n\n".join(filter(None, [heading, *pages])) if pages else ""

    def problems(self, value: Any) -> list[str]:
        kind, tag = value.get("kind"), str(value.get("tag") or "").strip()
        if kind and kind not in dict(page_types()):
            return [_("The site has no page type “%s” any more.") % kind]
        if tag and not has_tags(model_of(kind)):
            return [_("These pages have no tags; choose a page type that has some.")]
        return []


def as_product(page: Page) -> Product:
    """By the site's own adapter, where it is one for such pages: it knows their pictures."""
    return products.adapter().of_page(page) or PageProducts().product(page)


def model_of(kind: str | None) -> type[Page]:
    try:
        return resolve_model_string(kind, default_app="") if kind else Page
    except LookupError:
        return Page


def has_tags(model: type[Page]) -> bool:
    return any(field.name == "tags" for field in model._meta.get_fields())


def languages(pages: Any, language: str) -> list[str]:
    """The mail's language, where the site has such pages in it; else all that it has."""
    codes = set(pages.order_by().values_list("locale__language_code", flat=True).distinct())
    same = {code for code in codes if code.lower() in (language.lower(), language.split("-")[0])}
    return sorted(same or codes)


def builtin() -> dict[str, EmailStructBlock]:
    return {"latest_pages": LatestPagesBlock()}
