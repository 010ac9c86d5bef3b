from __future__ import annotations

from decimal import Decimal

import pytest

from example_site.shop.drip import ShopCoupons
from example_site.shop.models import DiscountCode, Order, reduced
from tests.example_site.conftest import add_book
from wagtail_drip.content.personalizing import Recipient

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"


@pytest.fixture
def code(book) -> DiscountCode:
    return DiscountCode.objects.create(code="PAGE10-ADA", email=ADA, percent=10, book=book)


def buy(client, book, code="PAGE10-ADA", email=ADA):
    fields = {"form": "buy", "first_name": "Ada", "email": email, "code": code}
    return client.post(book.url, fields)


def refused(answer) -> bool:
    return answer.status_code == 200 and "it was used already" in answer.content.decode()


def test_a_code_takes_its_percent_off(client, book, code):
    assert buy(client, book, code=" page10-ada ").status_code == 302
    assert Order.objects.get().total == Decimal("10.80")


def test_a_code_works_once(client, book, code):
    buy(client, book)
    assert refused(buy(client, book))
    assert Order.objects.count() == 1


def test_a_code_is_for_its_person_alone(client, book, code):
    assert refused(buy(client, book, email="eve@example.com"))
    assert not Order.objects.exists()


def test_a_code_is_for_its_book_alone(client, book, shelf, code):
    other = add_book(shelf, "Firs")
    assert refused(buy(client, other))
    DiscountCode.objects.update(book=None)
    assert buy(client, other).status_code == 302


def test_of_two_orders_at_once_one_gets_the_code(book, code):
    same = DiscountCode.objects.get()
    assert [code.use(), same.use()] == [True, False]


def test_reduced_rounds_to_the_cent():
    assert reduced(Decimal("12.95"), 15) == Decimal("11.01")


def test_the_coupon_block_gives_the_same_codes():
    reader = Recipient(id=7, contact_id=1, email="ada@example.com")
    first = ShopCoupons().issue("10", [reader])
    assert ShopCoupons().issue("10", [reader]) == first
    assert [code.code for code in DiscountCode.objects.all()] == [first[7].code]
    assert ShopCoupons().sample("10").code == "PAGE10-SAMPLE" and DiscountCode.objects.count() == 1
