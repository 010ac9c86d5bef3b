"""What this bookshop adds to what Oscar tells: words for mails, under the names its mails use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from oscar.core.loading import get_model

from wagtail_drip.content.coupons import Coupon
from wagtail_drip.content.merge_fields import MergeField
from wagtail_drip.content.personalizing import Hold, Recipient
from wagtail_drip.content.products import Product
from wagtail_drip.integrations.oscar.coupons import OscarCoupons
from wagtail_drip.integrations.oscar.products import OscarProducts

PERCENTAGES = (10, 15)  # of the codes that mails give out


def offer_name(percent: int) -> str:
    """Of the voucher offer in Oscar; its slug is made of it."""
    return f"{percent} percent off"


class BookField(MergeField):
    """A word about the product that the reader's own event names."""

    def __init__(self, slug: str, label: Any, sample: str, word: Callable[[Product], str]) -> None:
        self.slug, self.label, self.sample, self.word = slug, label, sample, word

    def values(self, recipients: Sequence[Recipient]) -> Mapping[int, str | Hold | None]:
        shop = OscarProducts()
        asked = {one.id: shop.ref(one.data) for one in recipients}
        loaded = shop.load({ref for ref in asked.values() if ref is not None})
        return {id: self._word(loaded.get(ref)) for id, ref in asked.items()}

    def preview(self, recipient: Recipient | None) -> str:
        if recipient is None:  # the product that pictures show, too
            return self.word(OscarProducts().sample())
        found = self.values([recipient])[recipient.id]
        return found if isinstance(found, str) else ""

    def _word(self, found: Product | Hold | None) -> str | Hold | None:
        return self.word(found) if isinstance(found, Product) else found


class AuthorField(MergeField):
    slug, label, sample = "author", _("Author of the book"), "Ada Quill"

    def values(self, recipients: Sequence[Recipient]) -> Mapping[int, str | Hold | None]:
        asked = {one.id: OscarProducts().ref(one.data) for one in recipients}
        rows = get_model("catalogue", "ProductAttributeValue").objects.filter(
            product__in=set(filter(None, asked.values())), attribute__code="author"
        )
        authors = dict(rows.values_list("product_id", "value_text"))
        return {id: authors.get(ref) for id, ref in asked.items()}


class NumberField(MergeField):
    slug, label, sample = "order_number", _("Number of the order"), "100042"

    def values(self, recipients: Sequence[Recipient]) -> Mapping[int, str | Hold | None]:
        return {one.id: str(one.data.get("order") or "") or None for one in recipients}


class CodeField(MergeField):
    """A voucher of the reader's own, as the block *Coupon* gives it."""

    may_be_missing = False

    def __init__(self, percent: int) -> None:
        self.slug, self.offer = f"code_{percent}", f"{percent}-percent-off"
        self.label, self.sample = (
            _("Discount code, %d %%") % percent,
            OscarCoupons().sample("").code,
        )

    def values(self, recipients: Sequence[Recipient]) -> Mapping[int, str | Hold | None]:
        issued = OscarCoupons().issue(self.offer, recipients)
        return {id: one.code if isinstance(one, Coupon) else one for id, one in issued.items()}


def merge_fields() -> dict[str, MergeField]:
    fields: list[MergeField] = [
        BookField("book", _("Title of the book"), "Swifts", lambda one: one.title),
        BookField("price", _("Price of the book"), "€12.00", lambda one: one.price),
        AuthorField(),
        NumberField(),
        *(CodeField(percent) for percent in PERCENTAGES),
    ]
    return {field.slug: field for field in fields}
