from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from example_site.shop.models import Order
from wagtail_drip.models import Consent, ConsentRecord, Contact, Event, consent

pytestmark = pytest.mark.django_db

ADA = "ada@example.com"
WORD = "a quiet harbor"


@pytest.fixture
def ada(shelf):
    return get_user_model().objects.create_user(ADA, ADA, WORD, first_name="Ada")


def log_in(client, email=ADA, password=WORD, **fields):
    return client.post("/login/", {"email": email, "password": password, **fields})


def topics(client) -> dict[str, bool]:
    return {topic.slug: on for topic, on in client.get("/account/mail/").context["topics"]}


def test_log_in_and_out(client, ada):
    assert log_in(client, email=" Ada@Example.com").url == "/account/"
    assert "Hello, Ada" in client.get("/account/").content.decode()
    assert client.post("/logout/").url == "/"
    assert client.get("/account/").url == "/login/?next=/account/"


@pytest.mark.parametrize("fields", [{"password": "wrong"}, {"email": "eve@example.com"}])
def test_a_wrong_word_says_not_which(client, ada, fields):
    page = log_in(client, **fields).content.decode()
    assert "Address and password don&#x27;t belong together." in page


def test_log_in_leads_nowhere_else(client, ada):
    assert log_in(client, next="https://evil.example/").url == "/account/"
    client.logout()
    assert log_in(client, next="/account/mail/").url == "/account/mail/"


def test_the_cart_comes_along_and_is_told(client, ada, book):
    client.post(book.url, {"form": "cart"})
    log_in(client)
    assert Event.objects.get(name="cart_changed").contact.user == ada
    assert "Cart (1)" in client.get("/account/").content.decode()


def test_an_account_shows_its_own_orders_alone(client, ada):
    Order.objects.create(user=ada, email=ADA, first_name="Ada", total=1)
    # Whoever signs up with an address has not proved that it is theirs.
    Order.objects.create(email=ADA, first_name="Ada", total=2)
    client.force_login(ada)
    assert [order.total for order, _signed in client.get("/account/").context["orders"]] == [1]


def test_staff_without_an_address_break_nothing(client, book):
    client.force_login(get_user_model().objects.create_user("admin"))
    assert client.post(book.url, {"form": "cart"}).status_code == 302
    assert "has no e-mail address" in client.get("/account/mail/").content.decode()
    assert client.post("/account/mail/", {"topics": ["news"]}).status_code == 200


def test_a_topic_goes_on_with_its_proof_and_off_again(client, ada):
    client.force_login(ada)
    client.post("/account/mail/", {"topics": ["news"]})
    assert topics(client) == {
        "news": True,
        "books-you-asked-about": False,
        "after-your-order": False,
    }
    proof = ConsentRecord.objects.get()
    assert (proof.source, proof.contact.user) == ("/account/mail/", ada)
    assert proof.wording.startswith("Letters from the shop: About once a month")
    client.post("/account/mail/")
    assert Consent.objects.get().state == "withdrawn" and not topics(client)["news"]


def test_saving_unchanged_settings_writes_nothing(client, ada):
    client.force_login(ada)
    for _time in range(2):
        client.post("/account/mail/", {"topics": ["news"]})
    assert ConsentRecord.objects.count() == 1


def test_an_account_does_not_take_back_that_somebody_left_everything(client, ada):
    consent.suppress(ADA, reason="unsubscribed", scope="marketing", at=timezone.now())
    client.force_login(ada)
    page = client.post("/account/mail/", {"topics": ["news"]}).content.decode()
    assert "no letters at all to ada@example.com" in page and not Consent.objects.exists()


def test_from_the_mail_settings_one_comes_to_the_page_of_all_choices(client, ada):
    client.force_login(ada)
    client.post("/account/mail/", {"topics": ["news"]})
    link = re.search(
        r'href="http://[^/"]+(/drip/preferences/[^"]+)"', client.get("/account/mail/").text
    )
    client.logout()  # the link needs no login
    page = client.post(link[1], {"pace": "1"}, follow=True)
    assert "Saved, and it holds at once" in page.text
    contact = Contact.objects.get(user=ada)
    assert contact.most_per_week == 1
    assert Consent.objects.get(contact=contact).state == "withdrawn"  # its box was not sent
