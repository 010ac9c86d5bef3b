from __future__ import annotations

import pytest

from example_site.shop.models import BookPage, Order, OrderLine
from example_site.shop.recommending import ShopRecommender, recommend
from tests.example_site.conftest import add_book
from wagtail_drip.content.personalizing import Recipient

pytestmark = pytest.mark.django_db


def order(email: str, *books: BookPage) -> int:
    row = Order.objects.create(email=email, first_name="A", total=1)
    OrderLine.objects.bulk_create(
        OrderLine(order=row, book=book, title=book.title, price=1) for book in books
    )
    return row.pk


@pytest.fixture
def books(shelf) -> dict[str, BookPage]:
    genres = {
        "Ash": "poetry",
        "Birch": "poetry",
        "Cedar": "novel",
        "Dock": "novel",
        "Elm": "nature",
    }
    return {title[0]: add_book(shelf, title, genre=genre) for title, genre in genres.items()}


def titles(pk: int) -> str:
    return "".join(book.title[0] for book in recommend([pk]).get(pk, []))


def test_bought_together_comes_before_the_same_shelf(books):
    order("x@example.com", books["A"], books["D"], books["E"])
    order("y@example.com", books["A"], books["E"])
    assert titles(order("ada@example.com", books["A"])) == "EDB"


def test_never_what_the_buyer_has(books):
    order("x@example.com", books["A"], books["E"])
    order("ada@example.com", books["B"], books["E"])
    assert titles(order("ada@example.com", books["A"])) == ""


def test_live_books_alone(books):
    books["B"].unpublish()
    assert titles(order("ada@example.com", books["A"])) == ""


def test_an_order_whose_book_is_gone_recommends_nothing(books):
    pk = order("ada@example.com", books["A"])
    books["A"].delete()
    assert recommend([pk, 4711]) == {}


def test_who_has_not_ordered_is_shown_what_most_people_bought(books):
    order("x@example.com", books["C"], books["E"])
    order("y@example.com", books["C"], books["D"])
    books["D"].unpublish()
    found = ShopRecommender().recommend([Recipient(1, 1, "new@example.com")], 2)
    assert [one.title for one in found[1]] == ["Cedar", "Elm"]


def test_three_queries_for_however_many(books, django_assert_num_queries):
    orders = [order(f"p{n}@example.com", books["A"], books["C"]) for n in range(20)]
    with django_assert_num_queries(3):
        assert len(recommend(orders)) == 20
