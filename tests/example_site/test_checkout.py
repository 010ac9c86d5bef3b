from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model

from example_site.shop import ordering, views
from example_site.shop.cart import Bill, Line
from example_site.shop.models import DiscountCode, Order
from tests.example_site.conftest import add_book
from wagtail_drip import api
from wagtail_drip.models import Consent, Event

pytestmark = pytest.mark.django_db

ADA = {"first_name": "Ada", "email": "ada@example.com"}


@pytest.fixture
def firs(shelf):
    return add_book(shelf, "Firs", price=Decimal("10.00"))


@pytest.fixture
def full(client, book, firs):
    """A client with two copies of Swifts (€ 12) and one of Firs (€ 10) in the cart."""
    client.post(book.url, {"form": "cart", "quantity": 2})
    client.post(firs.url, {"form": "cart"})
    return client


def code(book=None, **fields) -> DiscountCode:
    return DiscountCode.objects.create(code="PAGE10-ADA", email=ADA["email"], percent=10, book=book)


def check_out(client, **changes):
    return client.post("/checkout/", {**ADA, **changes})


def test_an_order_keeps_its_lines_and_empties_the_cart(full):
    page = full.get(check_out(full, address="12 Quay").url).content.decode()
    order = Order.objects.get()
    assert (order.total, order.contents) == (Decimal("34.00"), "2 × Swifts, 1 × Firs")
    assert "Thank you, Ada" in page and "2 × Swifts" in page and "12 Quay" in page
    assert full.get("/checkout/").url == "/cart/"


def test_one_event_for_the_order_and_one_for_each_book(full, book, firs):
    check_out(full)
    order = Order.objects.get()
    (placed,) = Event.objects.filter(name="order_placed")
    about = {"book": book.pk, "books": [book.pk, firs.pk], "lines": 2}
    assert placed.data == {**about, "order": order.pk, "total": "34.00"}
    bought = Event.objects.filter(name="book_bought").order_by("pk")
    assert [(event.data["book"], event.data["quantity"]) for event in bought] == [
        (book.pk, 2),
        (firs.pk, 1),
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"first_name": ""}, "tell us your first name"),
        ({"email": "ada"}, "should look like name@example.com"),
        ({"code": "NONE"}, "it was used already"),
    ],
)
def test_checkout_says_what_is_wrong(full, changes, words):
    page = check_out(full, **changes)
    assert page.status_code == 200 and words in page.content.decode()
    assert not Order.objects.exists()


def test_a_code_takes_its_percent_off_the_cart_once(full):
    code()
    check_out(full, code="page10-ada")
    assert Order.objects.get().total == Decimal("30.60")
    assert DiscountCode.objects.get().used_at


def test_a_code_for_a_book_takes_it_off_that_book_alone(full, firs):
    code(firs)
    page = full.get(check_out(full, code="PAGE10-ADA").url).content.decode()
    assert Order.objects.get().total == Decimal("33.00")
    assert "−€ 1.00" in page


def test_a_code_for_a_book_that_is_not_in_the_cart_is_refused(full, shelf):
    code(add_book(shelf, "Moss"))
    assert "another book" in check_out(full, code="PAGE10-ADA").content.decode()


def test_looking_what_a_code_takes_off_uses_nothing(full):
    code()
    page = check_out(full, code="PAGE10-ADA", apply="1").content.decode()
    assert "Order for € 30.60" in page and "−€ 3.40" in page and "It takes off € 3.40" in page
    assert not Order.objects.exists() and not DiscountCode.objects.get().used_at


def test_a_second_click_orders_nothing_twice(book):
    bill = Bill((Line(book),), code())
    first, second = (ordering.place(bill, **ADA, cart="c1") for _click in range(2))
    assert first == second and Order.objects.count() == 1


def test_a_code_that_somebody_was_faster_with_orders_nothing(book):
    bill = Bill((Line(book),), code())
    bill.code.use()
    with pytest.raises(ordering.CodeUsed):
        ordering.place(bill, **ADA)
    assert not Order.objects.exists()


def test_the_account_is_kept_with_the_order(full):
    user = get_user_model().objects.create_user("ada@example.com", "ada@example.com")
    full.force_login(user)
    check_out(full)
    assert Order.objects.get().user == user


def test_letters_after_an_order_are_agreed_to_by_the_words_beside_them(full):
    assert "we write a thank-you" in full.get("/checkout/").content.decode()
    check_out(full)
    consent = Consent.objects.get()
    assert (consent.topic.slug, consent.state) == ("after-your-order", "granted")


def test_who_wants_no_letters_gets_none(full):
    check_out(full, quiet="on")
    assert not Consent.objects.exists()


def test_an_order_takes_back_no_earlier_word(full):
    api.unsubscribe("after-your-order", email=ADA["email"])
    check_out(full)
    assert Consent.objects.get().state == "withdrawn"


def test_the_confirmation_recommends_other_books(full, shelf):
    add_book(shelf, "Moss")
    books = full.get(check_out(full).url).context["books"]
    assert [page.title for page in books] == ["Moss"]


def test_only_the_signed_address_shows_an_order(full):
    check_out(full)
    signed = views.signed(Order.objects.get())
    assert full.get(f"/orders/{signed}x/").status_code == 404
