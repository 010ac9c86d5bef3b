"""Oscar's products as products of mails: as the shop sells them at this moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from oscar.core.loading import get_class, get_model
from oscar.templatetags.currency_filters import currency
from wagtail.blocks import Block

from ...content.personalizing import Hold, for_staff
from ...content.products import Product, ProductAdapter
from .pictures import ProductPicture

MOST_REF = 2**31 - 1


@dataclass(frozen=True)
class ShopProduct(Product):
    available: bool = True  # to buy now


class OscarProducts(ProductAdapter):
    """Events name a product by its primary key, under "product"."""

    key = "product"

    def ref(self, data: Mapping[str, Any]) -> Hashable | None:
        try:
            ref = int(data.get(self.key) or 0)
        except (TypeError, ValueError, OverflowError):
            return None
        return ref if 0 < ref <= MOST_REF else None

    def load(self, refs: Collection[Hashable]) -> dict[Hashable, Product | Hold]:
        rows = {one.pk: one for one in self.rows().filter(pk__in=list(refs))}
        return {ref: self._loaded(rows.get(ref)) for ref in refs}

    def rows(self) -> Any:
        """Products with all that `product` reads of them."""
        model, categories = get_model("catalogue", "Product"), get_model("catalogue", "Category")
        children = model.objects.public().prefetch_related("stockrecords")
        return (
            model.objects.base_queryset()
            .select_related("parent__product_class")
            .prefetch_related("parent__images")
            .prefetch_browsable_categories(categories.objects.browsable())
            .prefetch_public_children(children.select_related("parent__product_class"))
        )

    def _loaded(self, row: Any) -> Product | Hold:
        if row is not None and row.is_public and (not row.is_child or row.parent.is_public):
            return self.product(row)
        with for_staff():
            if row is None:
                return Hold(_("The product is no longer in the shop."))
            return Hold(_("The product “%s” is not public.") % row.get_title())

    def product(self, row: Any) -> ShopProduct:
        """Called with the language of the mail active. Price and stock by the shop's strategy."""
        whole = row.parent if row.is_child else row
        strategy = get_class("partner.strategy", "Selector")().strategy()
        info = strategy.fetch_for_parent(row) if row.is_parent else strategy.fetch_for_product(row)
        categories = list(row.get_categories())
        return ShopProduct(
            ref=row.pk,
            title=str(row.get_title()),
            url=row.get_absolute_url(),
            description=plain(row.description or whole.description),
            image=_picture([*row.images.all(), *(whole.images.all() if row.is_child else ())]),
            price=written(info.price),
            category=categories[0].pk if categories else None,
            available=info.availability.is_available_to_buy,
        )

    def of_categories(
        self, categories: Collection[Hashable], most: int
    ) -> Mapping[Hashable, Sequence[Product]]:
        """The newest first."""
        rows = self.rows().browsable().filter(categories__in=list(categories))
        found: dict[Hashable, list[Product]] = defaultdict(list)
        for row in rows.order_by("-date_created", "-pk").distinct()[:most]:
            product = self.product(row)
            found[product.category].append(product)
        return found

    def chooser_block(self) -> Block:
        from .choosing import product_chooser

        block = product_chooser.get_block_class("ProductChooserBlock", __name__)
        return block(required=False, label=_("Which product"))

    def sample(self) -> Product:
        row = self.rows().browsable().order_by("pk").first()
        return self.product(row) if row else super().sample()


def written(price: Any) -> str:
    """With tax where it is known; "" where there is no price."""
    if not price.exists:
        return ""
    amount = price.incl_tax if price.is_tax_known else price.excl_tax
    return currency(amount, price.currency)


def plain(html: str) -> str:
    """Rich text as plain text, a blank line between paragraphs."""
    return unescape(strip_tags(str(html or "").replace("</p>", "</p>\n\n"))).strip()


def _picture(images: Sequence[Any]) -> ProductPicture | None:
    return next((ProductPicture(one.original.name) for one in images if one.original), None)
