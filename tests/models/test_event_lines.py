"""What a person ordered or has in their cart, in the mail."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import OperationalError
from wagtail.models import Page

from tests import factories as make
from tests.content.support import image, make_all, make_one, soup, source
from tests.queries import queries
from wagtail_drip.content import making
from wagtail_drip.content.lines import Lines, LinesAdapter
from wagtail_drip.content.personalizing import Hold, Recipient
from wagtail_drip.models.event_lines import EventLines, amount, quantity

pytestmark = pytest.mark.django_db

TWO = {
    "items": [
        {"title": "Swifts", "quantity": 2, "price": "11.50"},
        {"title": "Nine Passes <North>", "price": 1200},
    ],
    "total": "1223.00",
    "currency": "EUR",
    "url": "/orders/7/",
}


@pytest.fixture(autouse=True)
def plain_site(settings):
    settings.WAGTAIL_DRIP_PRODUCTS = "wagtail_drip.content.products.PageProducts"
    settings.WAGTAIL_DRIP_LINES = "wagtail_drip.models.event_lines.EventLines"


def order(**value):
    return "order_lines", {"heading": "", "which": "event", "pictures": True, **value}


def cart(**value):
    return "cart_lines", {"heading": "", "which": "latest", "pictures": True, **value}


def reader(contact=None, id=1, **fields):
    contact = contact or make.contact()
    return Recipient(id=id, contact_id=contact.pk, email=contact.email, **fields)


def happened(contact, name, data, days=0):
    make.event(contact, name, at=make.NOW - timedelta(days=days), data=data, inbox=False)


def text(block, who, **fields):
    return make_one(source(("text", "<p>A</p>"), block, **fields), who).text


def test_an_order_is_shown_with_its_sums_and_its_total():
    mail = make_one(source(order(heading="Yours")), reader(data=TWO))
    assert "Yours\n\n2 × Swifts: 23.00\N{NO-BREAK SPACE}EUR\n" in mail.text
    assert "1 × Nine Passes <North>: 1,200\N{NO-BREAK SPACE}EUR" in mail.text
    assert "Total: 1,223.00\N{NO-BREAK SPACE}EUR" in mail.text
    assert "Look at your order: https://shop.example/orders/7/" in mail.text
    cells = [cell.text for cell in soup(mail).select(".line-sum")]
    assert cells == ["23.00\xa0EUR", "1,200\xa0EUR", "1,223.00\xa0EUR"]


@pytest.mark.parametrize(
    ("amount", "shown"), [("23.0", "23.00"), ("23", "23"), ("11.5", "11.50"), ("1E+3", "1,000")]
)
def test_an_amount_has_two_decimals_or_none(amount, shown):
    assert LinesAdapter().money(Decimal(amount), "") == shown


def test_amounts_are_written_as_in_the_language_of_the_mail():
    assert "1.223,00\N{NO-BREAK SPACE}EUR" in text(order(), reader(data=TWO), language="de")


def test_without_an_order_in_their_event_it_is_their_latest():
    contact = make.contact()
    happened(contact, "order_placed", TWO, days=2)
    happened(contact, "order_placed", {"items": [{"title": "Late"}]}, days=1)
    happened(contact, "other", {"items": [{"title": "Other"}]})
    assert "1 × Late" in text(order(), reader(contact, data={"page": 3}))
    assert "2 × Swifts" in text(order(), reader(contact, data=TWO))
    assert "1 × Late" in text(order(which="latest"), reader(contact, data=TWO))


def test_a_cart_is_shown_as_it_is_now():
    contact = make.contact()
    happened(contact, "cart_changed", {"items": [{"title": "Now"}]})
    assert "1 × Now" in text(cart(), reader(contact, data=TWO))
    assert "2 × Swifts" in text(cart(which="event"), reader(contact, data=TWO))


@pytest.mark.parametrize(
    "data",
    [{}, {"items": None}, {"items": "x"}, {"items": [None, 3, {}, {"title": ""}, {"title": 5}]}],
)
def test_nothing_to_show_is_no_row(data):
    mail = make_one(source(("text", "<p>A</p>"), order()), reader(data=data))
    assert len(soup(mail).select("td.row")) == 1


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "x", "1e99", True, [1], {"a": 1}, None, ""])
def test_an_amount_that_is_none_is_left_out(bad):
    assert amount(bad) is None
    assert "1 × A\n" in text(order(), reader(data={"items": [{"title": "A", "price": bad}]}))


@pytest.mark.parametrize("bad", ["x", None, -1, 0, 10**9, float("inf"), [1]])
def test_a_quantity_that_is_none_is_one(bad):
    assert quantity(bad) == 1 and quantity("3") == 3


def test_very_many_lines_are_counted():
    data = {"items": [{"title": f"T{n}", "price": 1} for n in range(60)]}
    assert "and 10 more" in text(order(), reader(data=data))


def test_pictures_and_addresses_come_from_the_products():
    page = Page.objects.get(depth=2).add_child(instance=Page(title="B", slug="b"))
    data = {"items": [{"title": "B", "page": page.pk}, {"title": "Gone", "page": 4711}]}
    mail = make_one(source(order()), reader(data=data))
    links = [a["href"] for a in soup(mail).select(".line-title a")]
    assert links == [page.full_url.replace("http://localhost", "https://shop.example")]


def test_a_picture_is_made_once_for_all(settings, monkeypatch):
    shown = image()

    class Shop(EventLines):
        def line(self, item):
            from dataclasses import replace

            return replace(super().line(item), image=shown)

    monkeypatch.setattr("wagtail_drip.content.lines.adapter", Shop)
    mail = make_one(source(order()), reader(data=TWO))
    assert [img["width"] for img in soup(mail).select(".line-picture img")] == ["64", "64"]
    mail = make_one(source(order(pictures=False)), reader(data=TWO))
    assert soup(mail).select(".line-picture") == []


def test_people_cost_no_queries():
    page = Page.objects.get(depth=2).add_child(instance=Page(title="B", slug="b"))
    message, counts = source(order(which="latest"), cart()), []
    page.url  # noqa: B018 - the site's paths are cached from here on
    for amount_ in (10, 500):
        people = make.contacts(amount_)
        for contact in people[:20]:
            happened(contact, "order_placed", {"items": [{"title": "B", "page": page.pk}]})
        who = [reader(contact, contact.pk) for contact in people]
        counts.append(len(queries(make_all, message, who)))
    assert counts[0] == counts[1] <= 5


def test_an_adapter_may_hold_one_and_break_for_another(monkeypatch):
    class Shop(LinesAdapter):
        def orders(self, recipients, which):
            if any(one.id == 2 for one in recipients):
                raise KeyError("order")
            found = {1: Hold("The order is not paid."), 3: Lines([], Decimal(0))}
            return {one.id: found[one.id] for one in recipients}

    monkeypatch.setattr("wagtail_drip.content.lines.adapter", Shop)
    made = make_all(source(order()), [reader(id=n) for n in (1, 2, 3)])
    assert made[1] == Hold("The order is not paid.")
    assert "KeyError" in made[2].reason and made[3].text


def test_a_preview_asks_nothing(monkeypatch):
    def away(*args):
        raise OperationalError("asked")

    monkeypatch.setattr(EventLines, "orders", away)
    assert "2 × Something fine: 23.00" in making.sample(source(order())).text
