"""What the bookshop with Oscar starts with: its pages, a catalogue, voucher offers, campaigns."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.contrib.sites.models import Site as DjangoSite
from django.core.files.base import ContentFile
from django.db import transaction
from oscar.core.loading import get_model
from wagtail.models import Locale, Page, Site

from ..seeding import CAMPAIGNS, adopt, campaign, people, picture, topics
from ..shop import covers
from ..shop.books import Book, books
from .drip import PERCENTAGES, offer_name
from .models import StorePage

__all__ = ["adopt", "seed"]

INTRO = "<p>A small bookshop on a harbor street. Its shelves are Oscar’s, its letters ours.</p>"
SCENE = "Marrow Lane at dusk"
GENRES = {
    "novel": "Novels", "mystery": "Mysteries", "nature": "Nature and travel",
    "history": "History", "poetry": "Poetry",
}  # fmt: skip
STOCK = 1000
# The campaigns are the other bookshop’s; what happens has Oscar’s names here.
NAMES = {
    '"interest_shown"': '"wishlist_added"',
    '"book_bought"': '"product_bought"',
    '"same": "book"': '"same": "product"',
}
_CHOSEN = re.compile(r'"chosen": "/shop/([^/"]+)/"')


def seed() -> None:
    """Everything; safe to call again."""
    with transaction.atomic():
        site = pages()
        picture(SCENE, lambda: covers.scene("houses", palette="plum"))
        get_model("address", "Country").objects.get_or_create(
            iso_3166_1_a2="DE", defaults={"printable_name": "Germany", "is_shipping_country": True}
        )
        for book in books():
            product_of(book)
        for percent in PERCENTAGES:
            voucher_offer(percent)
        topics(site)
        people()
    with TemporaryDirectory() as folder:
        for file in sorted(CAMPAIGNS.glob("*.json")):
            here = Path(folder) / file.name
            here.write_text(in_oscars_names(file.read_text(encoding="utf-8")), encoding="utf-8")
            campaign(here)


def in_oscars_names(text: str) -> str:
    for theirs, ours in NAMES.items():
        text = text.replace(theirs, ours)
    return _CHOSEN.sub(_chosen, text)


def _chosen(match: re.Match[str]) -> str:
    found = get_model("catalogue", "Product").objects.get(upc=match[1])
    return f'"chosen": {json.dumps({"pk": found.pk, "name": found.title})}'


def pages() -> Site:
    """A front page and a page of all books, in place of the page that Wagtail comes with."""
    site = Site.objects.get(is_default_site=True)
    if not StorePage.objects.exists():
        former = site.root_page
        home = Page.get_first_root_node().add_child(
            instance=StorePage(
                title="The Paper Lantern", slug="bookshop", intro=INTRO, locale=Locale.get_default()
            )
        )
        home.add_child(instance=StorePage(title="All books", slug="shop", show_in_menus=True))
        site.root_page, site.site_name = home, "The Paper Lantern"
        site.save()
        former.delete()
        DjangoSite.objects.update(name="The Paper Lantern")
    return site


def product_of(book: Book) -> Any:
    products = get_model("catalogue", "Product").objects
    if found := products.filter(upc=book.slug).first():
        return found
    kinds = get_model("catalogue", "ProductClass").objects
    kind, new = kinds.get_or_create(name="Books", defaults={"requires_shipping": True})
    if new:
        kind.attributes.create(name="Author", code="author", type="text")
    text = "".join(f"<p>{paragraph}</p>" for paragraph in book.blurb)
    row = products.create(title=book.title, upc=book.slug, product_class=kind, description=text)
    row.attr.author = book.author
    row.attr.save()
    row.categories.add(category(GENRES[book.genre]))
    partner, _new = get_model("partner", "Partner").objects.get_or_create(name="Paper Lantern")
    row.stockrecords.create(
        partner=partner, partner_sku=book.slug, price=book.price, price_currency="EUR",
        num_in_stock=STOCK,
    )  # fmt: skip
    drawn = covers.draw(book.title, book.author, motif=book.motif, palette=book.palette)
    row.images.create(original=ContentFile(drawn, f"{book.slug}.png"), caption=book.title)
    return row


def category(name: str) -> Any:
    model = get_model("catalogue", "Category")
    return model.objects.filter(name=name).first() or model.add_root(name=name)


def voucher_offer(percent: int) -> None:
    """What the codes in mails take off, of everything."""
    name = offer_name(percent)
    offers = get_model("offer", "ConditionalOffer")
    if offers.objects.filter(name=name).exists():
        return
    ranges = get_model("offer", "Range").objects
    whole, _new = ranges.get_or_create(name="All books", defaults={"includes_all_products": True})
    offers.objects.create(
        name=name,
        offer_type=offers.VOUCHER,
        condition=get_model("offer", "Condition").objects.create(
            range=whole, type="Count", value=Decimal(1)
        ),
        benefit=get_model("offer", "Benefit").objects.create(
            range=whole, type="Percentage", value=Decimal(percent)
        ),
    )
