from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from example_site.shop import drip
from example_site.shop.models import BookPage, DiscountCode
from wagtail_drip import registry
from wagtail_drip.content.personalizing import Hold, Recipient

pytestmark = pytest.mark.django_db


def recipients(amount: int, **data) -> list[Recipient]:
    return [
        Recipient(id=n, contact_id=n, email=f"p{n}@example.com", data=data)
        for n in range(1, amount + 1)
    ]


def test_the_hooks_are_registered():
    assert {"interest_shown", "order_placed"} <= set(registry.triggers())
    assert {"book", "price", "code_10", "code_15"} <= set(registry.merge_fields())


def test_a_product_is_the_book_of_this_moment(book):
    BookPage.objects.update(price=Decimal("9.50"))
    (product,) = drip.BookProducts().load([book.pk]).values()
    assert (product.title, product.price) == ("Swifts", "€ 9.50")
    assert (product.url, product.description) == ("/shop/swifts/", "Thin.")


def test_an_unpublished_book_holds_its_mail(book):
    book.unpublish()
    hold = Hold('The book "Swifts" is not published')
    assert drip.BookProducts().load([book.pk]) == {book.pk: hold}
    assert registry.merge_fields()["price"].values(recipients(1, book=book.pk)) == {1: hold}


def test_words_about_the_book(book):
    one = recipients(1, book=book.pk)
    fields = registry.merge_fields()
    assert fields["book"].values(one) == {1: "Swifts"}
    assert fields["price"].values(one) == {1: "€ 12.00"}
    assert fields["book"].values(recipients(1, book="nonsense")) == {1: None}


@pytest.mark.parametrize("slug", ["book", "price", "author"])
def test_a_preview_s_words_and_picture_are_of_one_book(book, slug):
    BookPage.objects.update(title="Tides", price=Decimal("7.00"), author="Ann Other")
    assert drip.BookProducts().sample().title == "Tides"
    field, (asker,) = registry.merge_fields()[slug], recipients(1, book=book.pk)
    assert field.preview(None) == field.preview(asker) == field.values([asker])[1]
    assert field.preview(recipients(1)[0]) == ""
    book.unpublish()
    assert field.preview(None) == str(field.sample)


def test_each_gets_a_code_of_their_own(book):
    codes = drip.CodeField(10).values(recipients(3, book=book.pk))
    assert len(set(codes.values())) == 3
    issued = DiscountCode.objects.get(code=codes[2])
    assert (issued.email, issued.percent, issued.book) == ("p2@example.com", 10, book)


def test_a_mail_that_is_made_again_shows_the_same_code(book):
    field = drip.CodeField(10)
    assert field.values(recipients(2)) == field.values(recipients(2))
    assert DiscountCode.objects.count() == 2


def test_a_preview_issues_no_code():
    field = drip.CodeField(15)
    assert field.preview(None) == "PAGE15-SAMPLE"
    assert not DiscountCode.objects.exists()


@pytest.mark.parametrize("slug", ["book", "code_10"])
def test_queries_do_not_grow_with_people(book, slug):
    def count(people):
        with CaptureQueriesContext(connection) as queries:
            registry.merge_fields()[slug].values(people)
        return len(queries)

    few = count(recipients(2, book=book.pk))
    DiscountCode.objects.all().delete()
    assert count(recipients(100, book=book.pk)) == few
