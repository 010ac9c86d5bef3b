from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from example_site.shop.models import Order, OrderLine
from tests.example_site.conftest import add_book
from wagtail_drip import registry
from wagtail_drip.content.personalizing import Recipient
from wagtail_drip.content.rendering import Brand, Rendering

pytestmark = pytest.mark.django_db

RENDERING = Rendering(Brand("Shop", base_url="https://shop.example"))
HEADING = {"heading": "Look", "number": 3}


def reader(order: object, id: int = 1) -> Recipient:
    return Recipient(id=id, contact_id=id, email="ada@example.com", data={"order": order})


@pytest.fixture
def order(book) -> Order:
    order = Order.objects.create(email="ada@example.com", first_name="Ada", total=Decimal("21.60"))
    OrderLine.objects.create(order=order, book=book, title="Swifts & Co", price=12, quantity=2)
    return order


def shown(slug: str, order: object) -> tuple[str, str] | None:
    """What the block makes of a reader's order: HTML and text."""
    block = registry.email_blocks()[slug]
    given = block.values(HEADING, [reader(order)], RENDERING)[1]
    if given is None:
        return None
    return block.html(HEADING, RENDERING, **given), block.plain(HEADING, RENDERING, **given)


def test_the_lines_of_the_order(order):
    html, text = shown("order_lines", order.pk)
    assert "Swifts &amp; Co" in html and "€ 24.00" in html and "−€ 2.40" in html
    _heading, lines, link = text.split("\n\n")
    assert lines.splitlines() == [
        "2 × Swifts & Co: € 24.00",
        "Your code: −€ 2.40",
        "Total: € 21.60",
    ]
    assert link.startswith("Look at your order: https://shop.example/orders/")


def test_without_an_order_in_the_event_it_is_the_latest_of_the_person(order):
    assert "Swifts & Co" in shown("order_lines", None)[1]


@pytest.mark.parametrize("slug", ["order_lines", "recommended"])
@pytest.mark.parametrize("number", [None, "x", 4711])
def test_no_order_no_row(shelf, slug, number):
    assert shown(slug, number) is None


def test_books_that_go_with_it(order, shelf):
    assert shown("recommended", order.pk) is None
    add_book(shelf, "Firs")
    html, text = shown("recommended", order.pk)
    assert 'href="https://shop.example/shop/firs/"' in html and "Look" in html
    assert text == "Look\n\nFirs, € 12.00\nhttps://shop.example/shop/firs/"


@pytest.mark.parametrize(("slug", "queries"), [("order_lines", 2), ("recommended", 3)])
def test_queries_do_not_grow_with_readers(order, shelf, slug, queries):
    add_book(shelf, "Firs").url  # noqa: B018 - the site's paths are cached from here on
    block = registry.email_blocks()[slug]
    for amount in (2, 100):
        with CaptureQueriesContext(connection) as captured:
            block.values(HEADING, [reader(order.pk, id) for id in range(amount)], RENDERING)
        assert len(captured) == queries


@pytest.mark.parametrize("slug", ["order_lines", "recommended"])
def test_a_preview_shows_something(book, slug):
    block = registry.email_blocks()[slug]
    assert "Swifts" in block.html(HEADING, RENDERING, **block.sample_values(HEADING, RENDERING))
