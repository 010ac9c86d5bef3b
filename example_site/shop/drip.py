"""What the bookshop tells wagtail-drip about itself: events, words for mails, and books."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from html import unescape
from typing import Any

from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import Block, PageChooserBlock
from wagtail.models import Page

from wagtail_drip.content.coupons import Coupon, CouponAdapter
from wagtail_drip.content.merge_fields import MergeField
from wagtail_drip.content.personalizing import Hold, Recipient
from wagtail_drip.content.products import Product, ProductAdapter
from wagtail_drip.flow.triggers import Trigger
from wagtail_drip.models.addresses import normalize

from .models import BookPage, DiscountCode

PERCENTAGES = (10, 15)  # of the codes that mails give out
ITEM = {"book": 1, "title": "Swifts", "price": "18.50", "quantity": 1}
CONTENTS = {"book": 1, "books": [1], "lines": 1, "total": "18.50"}


def triggers() -> dict[str, Trigger]:
    """Several books in one cart or order: `book` is the first of them, `books` are all."""
    found = [
        Trigger(
            "interest_shown",
            gettext_lazy("asked for more about a book"),
            sample={"book": 1},
            required=("book",),
        ),
        Trigger(
            "cart_changed", gettext_lazy("changed their cart"), sample={**CONTENTS, "items": [ITEM]}
        ),
        Trigger(
            "cart_item_removed",
            gettext_lazy("took a book out of their cart"),
            sample=ITEM,
            required=("book",),
        ),
        Trigger(
            "order_placed",
            gettext_lazy("placed an order"),
            sample={**CONTENTS, "order": 1},
            required=("book", "order"),
            value="total",
        ),
        Trigger(
            "book_bought",
            gettext_lazy("bought a book"),
            sample={**ITEM, "order": 1},
            required=("book", "order"),
            value="price",
        ),
        # These the shop's people record by hand, on the page of a contact.
        Trigger("called_support", gettext_lazy("called support")),
        Trigger("came_to_workshop", gettext_lazy("came to a workshop")),
    ]
    return {trigger.slug: trigger for trigger in found}


def book_of(data: Mapping[str, Any]) -> int | None:
    """The book's primary key in an event's data."""
    return _number(data.get("book"))


def order_of(data: Mapping[str, Any]) -> int | None:
    """The order's primary key in an event's data."""
    return _number(data.get("order"))


def _number(value: Any) -> int | None:
    try:
        return int(value or 0) or None
    except (TypeError, ValueError):
        return None


def in_euros(amount: object) -> str:
    return f"€ {amount}"


def unpublished(title: str) -> Hold:
    return Hold(_('The book "%s" is not published') % title)


class BookProducts(ProductAdapter):
    """Books as products of mails, as they are on the site at this moment."""

    def ref(self, data: Mapping[str, Any]) -> Hashable | None:
        return book_of(data)

    def load(self, refs: Collection[Hashable]) -> dict[Hashable, Product | Hold]:
        pages = BookPage.objects.select_related("cover").in_bulk(list(refs))
        return {ref: self._loaded(pages.get(ref)) for ref in refs}

    def _loaded(self, page: BookPage | None) -> Product | Hold:
        if page is None:
            return Hold(_("The book is no longer in the shop"))
        return product(page) if page.live else unpublished(page.title)

    def of_page(self, page: Page) -> Product | None:
        return product(page) if isinstance(page, BookPage) else None

    def chooser_block(self) -> Block:
        return PageChooserBlock(required=False, page_type=BookPage, label=_("Which book"))

    def sample(self) -> Product:
        page = sample_book()
        return product(page) if page else super().sample()


def sample_book() -> BookPage | None:
    """What previews show where no event names a book: in pictures and in words the same."""
    return BookPage.objects.live().select_related("cover").order_by("pk").first()


def product(page: BookPage) -> Product:
    return Product(
        ref=page.pk,
        title=page.title,
        url=page.url or "",
        description=plain(page.blurb),
        image=page.cover,
        price=in_euros(page.price),
    )


def plain(rich_text: str) -> str:
    """Rich text as plain text, a blank line between paragraphs."""
    return unescape(strip_tags(rich_text.replace("</p>", "</p>\n\n"))).strip()


class BookField(MergeField):
    """A word about the book that the reader's own event names."""

    def __init__(self, slug: str, label: Any, sample: Any, word: Any) -> None:
        self.slug, self.label, self.sample, self.word = slug, label, sample, word

    def values(self, recipients: Sequence[Recipient]) -> dict[int, str | Hold | None]:
        asked = {recipient.id: book_of(recipient.data) for recipient in recipients}
        pages = BookPage.objects.in_bulk({pk for pk in asked.values() if pk})
        return {id: self._word(pages.get(pk)) for id, pk in asked.items()}

    def preview(self, recipient: Recipient | None) -> str:
        if recipient is not None:
            page = BookPage.objects.live().filter(pk=book_of(recipient.data)).first()
            return self.word(page) if page else ""
        page = sample_book()
        return self.word(page) if page else super().preview(None)

    def _word(self, page: BookPage | None) -> str | Hold | None:
        if page is None:
            return None
        return self.word(page) if page.live else unpublished(page.title)


class CodeField(MergeField):
    """A discount code of the reader's own, for the book of their event where it names one.

    It is issued when the mail is made and belongs to that delivery, so a mail that is made
    again shows the same code. Previews show the sample and issue nothing.
    """

    may_be_missing = False

    def __init__(self, percent: int) -> None:
        self.percent = percent
        self.slug = f"code_{percent}"
        self.label = gettext_lazy("Discount code, %d %%") % percent
        self.sample = f"PAGE{percent}-SAMPLE"

    def values(self, recipients: Sequence[Recipient]) -> dict[int, str | Hold | None]:
        ids = [recipient.id for recipient in recipients]
        issued = DiscountCode.objects.filter(delivery__in=ids, percent=self.percent)
        codes: dict[int | None, str] = {code.delivery: code.code for code in issued}
        missing = [recipient for recipient in recipients if recipient.id not in codes]
        new = DiscountCode.objects.bulk_create(self._new(missing))
        codes |= {code.delivery: code.code for code in new}
        return {recipient.id: codes.get(recipient.id) for recipient in recipients}

    def _new(self, recipients: Sequence[Recipient]) -> list[DiscountCode]:
        asked = {book_of(recipient.data) for recipient in recipients} - {None}
        known = set(BookPage.objects.filter(pk__in=asked).values_list("pk", flat=True))
        return [
            DiscountCode(
                code=DiscountCode.new_code(self.percent),
                email=normalize(recipient.email),
                percent=self.percent,
                book_id=pk if (pk := book_of(recipient.data)) in known else None,
                delivery=recipient.id,
            )
            for recipient in recipients
        ]


class ShopCoupons(CouponAdapter):
    """The same codes as the merge fields give: one for each delivery and percentage."""

    def offers(self) -> Sequence[tuple[str, Any]]:
        return [(str(percent), _("%d %% off") % percent) for percent in PERCENTAGES]

    def issue(self, offer: str, recipients: Sequence[Recipient]) -> dict[int, Coupon]:
        codes = CodeField(int(offer)).values(recipients)
        return {id: Coupon(str(code)) for id, code in codes.items() if code}

    def sample(self, offer: str) -> Coupon:
        return Coupon(str(CodeField(int(offer or PERCENTAGES[0])).sample))


class DataField(MergeField):
    """A word that the reader's own event brings along."""

    def __init__(self, slug: str, label: Any, sample: Any, word: Any) -> None:
        self.slug, self.label, self.sample, self.word = slug, label, sample, word

    def values(self, recipients: Sequence[Recipient]) -> dict[int, str | Hold | None]:
        return {recipient.id: self.word(recipient.data) for recipient in recipients}


def merge_fields() -> dict[str, MergeField]:
    fields: list[MergeField] = [
        BookField("book", gettext_lazy("Title of the book"), "Swifts", lambda p: p.title),
        BookField(
            "price", gettext_lazy("Price of the book"), "€ 12.00", lambda p: in_euros(p.price)
        ),
        BookField("author", gettext_lazy("Author of the book"), "Ada Quill", lambda p: p.author),
        DataField(
            "order_number",
            gettext_lazy("Number of the order"),
            "1042",
            lambda data: order_of(data) and str(order_of(data)),
        ),
        *(CodeField(percent) for percent in PERCENTAGES),
    ]
    return {field.slug: field for field in fields}
