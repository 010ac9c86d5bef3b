"""Products: what of the site a mail can be about, a page, a book, a course.

A site names its adapter in the setting PRODUCTS. The adapter finds in an event's data which
product it is about, and loads all products of a batch at once, always fresh: what changes on the
site shows in the next mail.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import Block
from wagtail.models import Locale, Page

from ..chosen import PageChooser
from ..conf import conf
from .personalizing import Fault, Hold, for_staff


@dataclass(frozen=True)
class Product:
    """A product as mails show it."""

    ref: Hashable
    title: str
    url: str = ""  # absolute, or relative to the brand's address
    description: str = ""  # plain text
    image: Any = None  # a Wagtail image
    price: str = ""  # as people read it: "12.00 €"
    category: Hashable = None  # what stands beside it is of the same one; None: of none


class Unavailable(Exception):
    """Raised while rendering for a product that can't be shown now: the mail waits, or fails."""

    def __init__(self, reason: Hold | Fault) -> None:
        super().__init__(reason.reason)
        self.reason = reason


class ProductAdapter:
    """How the site's objects become products. Subclass, and name it in WAGTAIL_DRIP_PRODUCTS."""

    def ref(self, data: Mapping[str, Any]) -> Hashable | None:
        """Which product an event's data is about; None: about none."""
        raise NotImplementedError

    def load(self, refs: Collection[Hashable]) -> Mapping[Hashable, Product | Hold]:
        """Products by ref, in a number of queries that doesn't grow with the refs.

        Django's active language is the readers'.

        `Hold` for one that can't be shown now: mails about it wait, with that reason visible.
        """
        raise NotImplementedError

    def of_categories(
        self, categories: Collection[Hashable], most: int
    ) -> Mapping[Hashable, Sequence[Product]]:
        """Up to so many products of each category that can be shown now, the best first.

        For recommendations; in a number of queries that doesn't grow with the categories.
        """
        return {}

    def of_page(self, page: Page) -> Product | None:
        """A (specific) page as a product; None: it is none of this adapter's."""
        return None

    def chooser_block(self) -> Block:
        """The block by which an editor chooses a fixed product; not required."""
        raise NotImplementedError

    def chosen(self, value: Any) -> Hashable | None:
        """The ref of what `chooser_block` gave; None: nothing chosen."""
        return getattr(value, "pk", value)

    def sample(self) -> Product:
        """What previews show where no event says which product it is."""
        return Product(
            ref="sample",
            title=_("The product of the event"),
            url="/",
            description=_("Each reader sees the product here that their series is about."),
            price=_("12.00"),
        )


class PageProducts(ProductAdapter):
    """Wagtail pages as products. The event's data names the page's primary key.

    For a page type of your own, subclass: set `model` and the names of its fields, or override
    `product`.
    """

    model: type[Page] | str = Page
    key = "page"  # in the event's data
    description_field = "search_description"
    image_field = "image"
    price_field = "price"
    category_field = ""  # of the model, for recommendations; "": they know no categories

    def ref(self, data: Mapping[str, Any]) -> Hashable | None:
        try:
            return int(data.get(self.key) or 0) or None
        except (TypeError, ValueError):
            return None

    def load(self, refs: Collection[Hashable]) -> dict[Hashable, Product | Hold]:
        """Each in the language that is active, where it has a live translation."""
        pages = {page.pk: page for page in self.pages().filter(pk__in=list(refs))}
        own = self._translations(pages.values())
        found = {pk: own.get(page.translation_key, page) for pk, page in pages.items()}
        return {ref: self._loaded(found.get(ref)) for ref in refs}

    def _translations(self, pages: Iterable[Page]) -> dict[Any, Page]:
        """By translation key; one query where the site has several languages, else none."""
        if not getattr(settings, "WAGTAIL_I18N_ENABLED", False):
            return {}
        locale = Locale.get_active()
        keys = [page.translation_key for page in pages if page.locale_id != locale.pk]
        if not keys:
            return {}
        live = self.pages().filter(translation_key__in=keys, locale=locale, live=True)
        return {page.translation_key: page for page in live}

    def pages(self) -> Any:
        """The pages that may be products, with what `product` reads of them."""
        model = self.page_model()
        if model is Page:
            return Page.objects.specific()
        related = {field.name for field in model._meta.fields if field.is_relation}
        return model.objects.select_related(*({self.image_field} & related))

    def product(self, page: Any) -> Product:
        return Product(
            ref=page.pk,
            title=page.title,
            url=page.url or "",
            description=str(getattr(page, self.description_field, "") or ""),
            image=getattr(page, self.image_field, None),
            price=str(getattr(page, self.price_field, "") or ""),
            category=self.category(page),
        )

    def category(self, page: Any) -> Hashable | None:
        field = self.category_field
        by_key = field and getattr(type(page), f"{field}_id", None)
        return (getattr(page, f"{field}_id" if by_key else field, None) or None) if field else None

    def of_categories(
        self, categories: Collection[Hashable], most: int
    ) -> Mapping[Hashable, Sequence[Product]]:
        """The newest first."""
        if not self.category_field:
            return {}
        pages = self.pages().live().public().filter(**{f"{self.category_field}__in": categories})
        found: dict[Hashable, list[Product]] = defaultdict(list)
        for page in pages.order_by("-first_published_at", "-pk")[:most]:
            product = self.product(page)
            if product.url:
                found[self.category(page)].append(product)
        return found

    def of_page(self, page: Page) -> Product | None:
        return self.product(page) if isinstance(page, self.page_model()) else None

    def chooser_block(self) -> Block:
        return PageChooser(required=False, page_type=self.model, label=gettext_lazy("Which page"))

    def page_model(self) -> type[Page]:
        if isinstance(self.model, str):
            from django.apps import apps

            return apps.get_model(self.model)
        return self.model

    def _loaded(self, page: Any) -> Product | Hold:
        product = self.product(page) if page is not None and page.live else None
        if product and product.url:
            return product
        with for_staff():
            if page is None:
                return Hold(_("The page that the mail is about no longer exists."))
            if product is None:
                return Hold(_('The page "%s" is not published.') % page.title)
            return Hold(_('The page "%s" has no address on the site.') % page.title)


def adapter() -> ProductAdapter:
    """The site's adapter, by the setting."""
    return import_string(conf.PRODUCTS)()
