"""What goes with what a person looked at and bought, out of the site's events."""

from __future__ import annotations

from datetime import timedelta

import pytest
from wagtail.blocks import CharBlock

from tests import factories as make
from tests.content.support import make_all, make_one, soup, source
from tests.queries import queries
from wagtail_drip.content import making, products
from wagtail_drip.content.personalizing import Hold, Recipient
from wagtail_drip.content.products import Product, ProductAdapter
from wagtail_drip.models.recommending import EventRecommender

pytestmark = pytest.mark.django_db

SHELF = {"A": "poetry", "B": "poetry", "C": "novel", "D": "novel", "E": "nature", "F": ""}


class Shop(ProductAdapter):
    asked: list[str] = []
    away: set[str] = set()

    def ref(self, data):
        return data.get("sku")

    def chooser_block(self):
        return CharBlock(required=False)

    def load(self, refs):
        self.asked.append("load")
        return {
            ref: Hold("out") if ref in self.away else product(ref) for ref in refs if ref in SHELF
        }

    def of_categories(self, categories, most):
        self.asked.append("categories")
        return {
            wanted: [
                product(ref)
                for ref, category in SHELF.items()
                if category == wanted and ref not in self.away
            ]
            for wanted in categories
        }


def product(ref):
    return Product(ref=ref, title=f"Book {ref}", url=f"/{ref}/", category=SHELF[ref])


@pytest.fixture(autouse=True)
def shop(settings, monkeypatch):
    Shop.asked, Shop.away = [], set()
    settings.WAGTAIL_DRIP_PRODUCTS = f"{__name__}.Shop"
    settings.WAGTAIL_DRIP_RECOMMENDATIONS = "wagtail_drip.models.recommending.EventRecommender"


def happened(contact, name, *skus, days=1):
    data = {"items": [{"sku": sku} for sku in skus]}
    make.event(contact, name, at=make.NOW - timedelta(days=days), data=data, inbox=False)


def ordered(*skus, contact=None, days=1):
    contact = contact or make.contact()
    happened(contact, "order_placed", *skus, days=days)
    return contact


def reader(contact, id=1, **data):
    return Recipient(id=id, contact_id=contact.pk, email=contact.email, data=data)


def found(contact, most=6, **data):
    given = EventRecommender().recommend([reader(contact, **data)], most)
    return "".join(str(one.ref) for one in given.get(1) or [])


def test_bought_together_comes_before_the_same_category():
    ordered("A", "D", "E")
    ordered("A", "E")
    assert found(ordered("A")) == "EDB"


def test_what_they_looked_at_counts_as_well():
    contact = make.contact()
    happened(contact, "product_viewed", "C")
    assert found(contact) == "D"
    assert found(make.contact(), sku="A") == "B"


def test_never_what_the_person_bought_or_is_looking_at():
    ordered("A", "E", "B")
    contact = ordered("E", days=900)
    happened(contact, "product_viewed", "A")
    assert found(contact) == "B"
    assert found(ordered("B", contact=contact)) == ""


def test_what_was_bought_long_ago_is_bought(monkeypatch):
    monkeypatch.setattr(EventRecommender, "events_of_a_person", 1)
    contact = ordered("B", days=900)
    happened(contact, "product_viewed", "A")
    assert found(contact) == ""


def test_what_cannot_be_shown_is_not_recommended():
    Shop.away = {"E", "B"}
    ordered("A", "E")
    assert found(ordered("A")) == ""


def test_no_more_than_asked_for():
    ordered("A", "C", "D", "E")
    assert found(ordered("A"), most=2) == "CD"


def test_of_whom_nothing_is_known_gets_what_most_orders_had():
    assert found(make.contact()) == ""  # nobody has ordered yet
    for skus in ("AC", "CE", "C", "EB"):
        ordered(*skus)
    Shop.away = {"A"}
    assert found(make.contact(), most=3) == "CEB"
    assert found(make.contact(), items=[None, 3, {"sku": [1]}], most=1) == "C"
    # Beside somebody who is known; that one gets what goes with theirs.
    known, stranger = ordered("B"), make.contact()
    given = EventRecommender().recommend([reader(known), reader(stranger, 2)], 1)
    assert [given[id][0].ref for id in (1, 2)] == ["E", "C"]


def test_people_and_products_cost_no_queries():
    block, counts = ("recommended", {"heading": "", "number": 3}), []
    message = source(("text", "<p>A</p>"), block)
    for amount in (10, 500):
        people = make.contacts(amount)
        for contact in people[:30]:
            ordered("A", "B", contact=contact)
            happened(contact, "product_viewed", "C")
        who = [reader(contact, contact.pk) for contact in people]
        Shop.asked = []
        counts.append(len(queries(make_all, message, who)))
        assert Shop.asked == ["load", "categories"]
    assert counts == [2, 3]  # one more for those of whom nothing is known


def test_they_stand_three_in_a_row_in_the_mail_and_in_the_text():
    ordered("A", "C", "D", "E", "F")
    block = ("recommended", {"heading": "More", "number": 6})
    mail = make_one(source(("text", "<p>A</p>"), block), reader(ordered("A")))
    assert len(soup(mail).select("td.recommended a")) == 5
    assert len(soup(mail).select("table.columns")) == 2
    assert "More\n\nBook C\nhttps://shop.example/C/\n\nBook D" in mail.text


def test_without_any_there_is_no_row():
    block = ("recommended", {"heading": "More", "number": 3})
    mail = make_one(source(("text", "<p>A</p>"), block), reader(make.contact()))
    assert "More" not in mail.html + mail.text


def test_a_preview_asks_nobody(monkeypatch):
    monkeypatch.setattr(EventRecommender, "recommend", lambda *args: 1 // 0)
    mail = making.sample(source(("recommended", {"heading": "More", "number": 2})))
    assert mail.text.count(str(products.adapter().sample().title)) == 2
