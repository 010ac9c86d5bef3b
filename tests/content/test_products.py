from __future__ import annotations

import pytest
from wagtail.models import Page

from wagtail_drip.content.personalizing import Hold
from wagtail_drip.content.product_block import shortened
from wagtail_drip.content.products import PageProducts, Product, ProductAdapter

from .support import heading, make_all, make_one, part, person, soup, source

EVENT = ("product", {"which": "event", "button": "See it"})


class Shop(ProductAdapter):
    """Products from a dict; counts how often it loads."""

    loads: list = []
    goods = {
        n: Product(n, f"Book {n}", f"/books/{n}/", "Words " * 90, price=f"{n}.00 €")
        for n in range(1, 9)
    }

    def ref(self, data):
        return data["book"]

    def load(self, refs):
        self.loads.append(list(refs))
        if "bad" in refs:
            raise TypeError("bad ref")
        return {ref: self.goods.get(ref, Hold(f"{ref} is out")) for ref in refs}

    def chooser_block(self):
        from wagtail.blocks import IntegerBlock

        return IntegerBlock(required=False)


@pytest.fixture
def shop(settings):
    settings.WAGTAIL_DRIP_PRODUCTS = f"{__name__}.Shop"
    Shop.loads = []
    return Shop


@pytest.fixture
def book(db):
    page = Page(title="Tides", slug="tides", search_description="About the sea.")
    return Page.objects.get(depth=2).add_child(instance=page)


def test_a_page_is_a_product(book):
    mail = make_one(source(EVENT), person(data={"page": str(book.pk)}))
    card = soup(mail).find(class_="product")
    assert card.find("a", string="Tides")["href"] == "https://shop.example/tides/"
    assert card.find(class_="button").a.get_text() == "See it"
    assert "Tides\nAbout the sea.\nhttps://shop.example/tides/" in part(mail, "plain")


def test_a_page_that_is_not_published_holds(book):
    book.unpublish()
    made = make_one(source(EVENT), person(data={"page": book.pk}))
    assert made == Hold('The page "Tides" is not published.')


def test_a_page_that_is_gone_holds(db):
    made = make_one(source(EVENT), person(data={"page": 99999}))
    assert made == Hold("The page that the mail is about no longer exists.")


@pytest.mark.parametrize("data", [{}, {"page": None}, {"page": "x"}, {"page": []}])
def test_an_event_about_nothing_holds(data):
    assert make_one(source(EVENT), person(data=data)) == Hold(
        "The event that started the series names no product."
    )


def test_a_changed_page_shows_in_the_next_mail(book):
    who = person(data={"page": book.pk})
    make_one(source(EVENT), who)
    book.title = "High tides"
    book.save()
    assert "High tides" in part(make_one(source(EVENT), who), "plain")


def test_only_its_own_readers_wait_for_a_product(shop):
    people = [
        person(1, data={"book": 1}),
        person(2, data={"book": "gone"}),
        person(3, data={"book": 3}),
    ]
    made = make_all(source(EVENT), people)
    assert made[2] == Hold("gone is out")
    assert "Book 1 – 1.00 €" in part(made[1], "plain") and "Book 3" in part(made[3], "plain")


@pytest.mark.parametrize("data", [{}, {"book": []}, {"book": "bad"}])
def test_bad_data_faults_its_own_recipient(shop, data):
    made = make_all(source(EVENT), [person(1, data={"book": 1}), person(2, data=data)])
    assert [type(made[n]).__name__ for n in (1, 2)] == ["FilledMail", "Fault"]


def test_products_of_events_and_fixed_ones_load_at_once(shop):
    fixed = ("product", {"which": "fixed", "chosen": 7, "button": ""})
    mail = make_one(source(EVENT, fixed), person(data={"book": 2}))
    assert shop.loads == [[7, 2]]
    assert [a.get_text() for a in soup(mail).select(".product-title a")] == ["Book 2", "Book 7"]


def test_a_fixed_product_that_is_out_holds_everybody(shop):
    fixed = ("product", {"which": "fixed", "chosen": 77, "button": ""})
    assert make_all(source(fixed), [person(1), person(2)]) == {n: Hold("77 is out") for n in (1, 2)}


def test_a_mail_about_nothing_loads_nothing(shop):
    make_one(source(heading("Hi")), person(data={}))
    assert shop.loads == []


def test_merge_fields_know_the_product(shop):
    message = source(heading("For {{ product_price|a song }}"), subject="On {{ product_title }}")
    assert make_one(message, person(data={"book": 4})).subject == "On Book 4"
    assert "For 4.00 €" in part(make_one(message, person(data={"book": 4})), "plain")


def test_a_long_description_is_cut_at_a_word(shop):
    text = part(make_one(source(EVENT), person(data={"book": 1})), "plain")
    assert text.count("Words") == 45 and "Words…" in text


def test_a_long_description_ends_with_a_sentence_where_it_can():
    assert shortened("one " * 29 + "end. " + "two " * 40).endswith("one end.")


def test_queries_do_not_grow_with_products(book, django_assert_num_queries):
    more = book.add_sibling(instance=Page(title="More", slug="more"))
    PageProducts().load([book.pk])  # after this the address of the site is cached
    for refs in ([book.pk], [book.pk, more.pk, 99999]):
        with django_assert_num_queries(2):  # the pages, and what is special to their type
            PageProducts().load(refs)
