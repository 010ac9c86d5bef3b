from __future__ import annotations

from decimal import Decimal

import pytest
from wagtail.models import Site

from example_site.shop import seeding
from example_site.shop.models import BookPage, ShopPage


@pytest.fixture
def shelf(db) -> ShopPage:
    """The shop without books: home, shelf, topics."""
    home = seeding.pages()
    seeding.topics(seeding.site_of(home))
    Site.clear_site_root_paths_cache()
    return ShopPage.objects.get()


@pytest.fixture
def book(shelf) -> BookPage:
    return add_book(shelf, "Swifts")


def add_book(shelf: ShopPage, title: str, **fields) -> BookPage:
    values = {"author": "Ada Quill", "genre": "poetry", "price": Decimal("12.00"), **fields}
    return shelf.add_child(
        instance=BookPage(
            title=title, slug=title.lower().replace(" ", "-"), blurb="<p>Thin.</p>", **values
        )
    )
