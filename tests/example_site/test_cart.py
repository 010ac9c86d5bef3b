from __future__ import annotations

import pytest

from tests.example_site.conftest import add_book
from wagtail_drip.models import Event

pytestmark = pytest.mark.django_db

ADA = {"first_name": "Ada", "email": "ada@example.com"}


def add(client, book, quantity=1):
    return client.post(book.url, {"form": "cart", "quantity": quantity})


def change(client, book, quantity, **extra):
    return client.post("/cart/", {"book": book.pk, "quantity": quantity}, **extra)


def in_cart(client) -> dict[str, int]:
    bill = client.get("/cart/").context["bill"]
    return {line.title: line.quantity for line in bill.lines}


def events(name: str) -> list[dict]:
    return [event.data for event in Event.objects.filter(name=name).order_by("pk")]


def test_a_book_goes_in_and_again_on_top(client, book):
    assert add(client, book, 2).url == "/cart/"
    add(client, book)
    assert in_cart(client) == {"Swifts": 3}
    assert "Cart (3)" in client.get("/").content.decode()


def test_copies_are_changed_and_taken_out(client, book):
    add(client, book)
    change(client, book, 4)
    assert in_cart(client) == {"Swifts": 4}
    page = change(client, book, 0, follow=True).content.decode()
    assert "back on its shelf" in page and "It is empty so far" in page


def test_what_was_taken_out_again_stands_below_the_cart_with_a_way_back(client, book):
    add(client, book, 2)
    assert "Taken out again" not in client.get("/cart/").content.decode()
    change(client, book, 0)
    page = client.get("/cart/")
    assert page.context["taken_out"] == [book]
    assert "Taken out again" in page.content.decode() and "Swifts" in page.content.decode()
    change(client, book, 1)
    page = client.get("/cart/")
    assert in_cart(client) == {"Swifts": 1} and page.context["taken_out"] == []


def test_of_what_was_taken_out_the_last_five_that_are_for_sale_are_kept(client, book, shelf):
    others = [add_book(shelf, f"Firs {number}") for number in range(6)]
    for one in [book, *others]:
        add(client, one)
        change(client, one, 0)
    others[3].unpublish()
    taken = [one.title for one in client.get("/cart/").context["taken_out"]]
    assert taken == ["Firs 5", "Firs 4", "Firs 2", "Firs 1"]


def test_nothing_was_taken_out_by_who_never_had_it(client, book):
    change(client, book, 0)
    assert client.get("/cart/").context["taken_out"] == []


@pytest.mark.parametrize("quantity", ["", "many", "-1", "21", "1.5"])
def test_no_number_of_copies_gets_a_sentence(client, book, quantity):
    add(client, book, 2)
    page = change(client, book, quantity, follow=True)
    assert "a number of copies from 0 to 20" in page.content.decode()
    assert in_cart(client) == {"Swifts": 2}


def test_twenty_copies_are_the_most(client, book):
    add(client, book, 15)
    page = client.post(book.url, {"form": "cart", "quantity": 15}, follow=True)
    assert "the most we can send" in page.content.decode()
    assert in_cart(client) == {"Swifts": 20}


@pytest.mark.parametrize("number", ["", "0", "x", "99999999999999999999"])
def test_no_such_book_changes_nothing(client, shelf, number):
    assert client.post("/cart/", {"book": number, "quantity": 1}).url == "/cart/"
    assert in_cart(client) == {}


def test_a_book_that_is_no_longer_for_sale_leaves_the_cart(client, book):
    add(client, book)
    book.unpublish()
    assert "“Swifts” is no longer for sale" in client.get("/cart/").content.decode()
    assert client.get("/checkout/").url == "/cart/"
    change(client, book, 1)
    assert in_cart(client) == {}


def test_prices_are_those_of_the_moment(client, book):
    add(client, book, 2)
    book.price = "9.50"
    book.save_revision().publish()
    assert "Total € 19.00" in client.get("/cart/").content.decode()


def test_nobody_knows_whose_cart_a_stranger_fills(client, book):
    add(client, book)
    assert not Event.objects.exists()


def test_who_gave_an_address_is_known_with_the_cart_so_far(client, book, shelf):
    add(client, book, 2)
    other = add_book(shelf, "Firs")
    client.post(other.url, {**ADA, "form": "interest"})
    (changed,) = events("cart_changed")
    about = {"book": book.pk, "books": [book.pk], "lines": 1, "total": "24.00"}
    item = {"book": book.pk, "title": "Swifts", "price": "12.00", "quantity": 2}
    assert changed == {**about, "items": [item]}


def test_what_is_taken_out_again_is_told(client, book, shelf):
    other = add_book(shelf, "Firs")
    client.post(other.url, {**ADA, "form": "interest"})
    add(client, book, 2)
    add(client, other)
    change(client, book, 0)
    (removed,) = events("cart_item_removed")
    assert (removed["book"], removed["quantity"]) == (book.pk, 2)
    assert [data["books"] for data in events("cart_changed")] == [
        [book.pk],
        [book.pk, other.pk],
        [other.pk],
    ]


def test_the_same_number_again_tells_nothing(client, book):
    client.post(book.url, {**ADA, "form": "interest"})
    add(client, book)
    change(client, book, 1)
    assert len(events("cart_changed")) == 1
