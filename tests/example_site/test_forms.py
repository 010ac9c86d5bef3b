from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from example_site.shop.forms import NEWS_WORDING
from example_site.shop.models import Order
from wagtail_drip.models import Consent, ConsentRecord, Contact, Event

pytestmark = pytest.mark.django_db

PERSON = {"first_name": "Ada", "email": "Ada@Example.com"}
ACCOUNT = {**PERSON, "password": "a long enough one"}


def sign_up(client, **changes):
    return client.post("/signup/", {**ACCOUNT, **changes})


def test_sign_up_makes_a_user_and_records_it(client, shelf):
    assert sign_up(client).url == "/signup/thanks/"
    user = get_user_model().objects.get(email="ada@example.com")
    assert (user.first_name, user.check_password("a long enough one")) == ("Ada", True)
    assert Event.objects.get(name="user_signed_up").contact.email == "ada@example.com"


def test_news_unticked_gives_no_consent(client, shelf):
    sign_up(client)
    assert not Consent.objects.exists()
    assert "checked" not in client.get("/signup/").content.decode()


def test_news_ticked_keeps_the_proof(client, shelf):
    sign_up(client, news="on")
    proof = ConsentRecord.objects.get(topic__slug="news", state="granted")
    assert (proof.contact.email, proof.source) == ("ada@example.com", "/signup/")
    assert proof.wording == str(NEWS_WORDING)


def test_a_known_address_gets_the_same_answer(client, shelf):
    first = sign_up(client)
    again = sign_up(client, news="on", first_name="Eve", password="quite another one")
    assert (first.status_code, first.url) == (again.status_code, again.url)
    user = get_user_model().objects.get()
    assert user.first_name == "Ada" and not user.check_password("quite another one")
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"first_name": ""}, "tell us your first name"),
        ({"email": "ada"}, "should look like name@example.com"),
        ({"password": "short"}, "at least 8 characters"),
    ],
)
def test_sign_up_says_what_is_wrong(client, shelf, changes, words):
    page = sign_up(client, **changes)
    assert page.status_code == 200 and words in page.content.decode()
    assert not get_user_model().objects.exists()


def test_forms_want_a_csrf_token(shelf):
    from django.test import Client

    assert sign_up(Client(enforce_csrf_checks=True)).status_code == 403


def test_interest_is_recorded_with_consent_and_name(client, book):
    answer = client.post(book.url, {**PERSON, "form": "interest"})
    assert answer.url.endswith("?asked=1#answer")
    event = Event.objects.get(name="interest_shown")
    assert event.data == {"book": book.pk} and event.contact.first_name == "Ada"
    assert ConsentRecord.objects.get().topic.slug == "books-you-asked-about"


def test_interest_renames_nobody(client, book):
    client.post(book.url, {**PERSON, "form": "interest"})
    client.post(book.url, {**PERSON, "form": "interest", "first_name": "Eve"})
    assert Contact.objects.get().first_name == "Ada"


def test_interest_without_an_address_records_nothing(client, book):
    page = client.post(book.url, {"form": "interest", "first_name": "Ada"})
    assert "Please give your e-mail address." in page.content.decode()
    assert not Event.objects.exists()


def test_an_order_is_recorded_under_its_number(client, book):
    answer = client.post(book.url, {**PERSON, "form": "buy"})
    order = Order.objects.get()
    event = Event.objects.get(name="order_placed")
    about = {"book": book.pk, "books": [book.pk], "lines": 1, "total": "12.00"}
    assert event.data == {**about, "order": order.pk}
    assert event.key == str(order.pk)
    assert "Thank you, Ada" in client.get(answer.url).content.decode()


def test_orders_can_not_be_counted_through(client, book):
    client.post(book.url, {**PERSON, "form": "buy"})
    assert client.get(f"/orders/{Order.objects.get().pk}/").status_code == 404


def test_pages_show_the_books(client, book):
    for url in ("/", "/shop/", "/shop/?genre=poetry"):
        assert "Swifts" in client.get(url).content.decode()
    assert "Swifts" not in client.get("/shop/?genre=novel").content.decode()
