from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import resolve

from tests import factories
from wagtail_drip.content.links import leave_url
from wagtail_drip.engine.pruning import prune
from wagtail_drip.models import ConsentRecord, Suppression
from wagtail_drip.models.consent import grant, granted, withdraw

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def news():
    return factories.topic("news", name="Book news", description="New books, once a week.")


@pytest.fixture
def delivery(news, now):
    ann = factories.contact("ann@example.com")
    grant(ann, news, at=now - timedelta(days=1), source="form")
    return factories.delivery(factories.enrollment(factories.campaign(topic=news), ann))


@pytest.fixture
def path(delivery):
    return urlsplit(leave_url(delivery.token)).path


@pytest.fixture
def client():
    """As a mail program comes: no cookie, no CSRF token."""
    return Client(enforce_csrf_checks=True)


def wants(delivery):
    return bool(granted([delivery.contact_id], delivery.campaign.topic_id))


def heading(response):
    return BeautifulSoup(response.content, "html.parser").h1.get_text(strip=True)


def buttons(response):
    found = BeautifulSoup(response.content, "html.parser").find_all("button")
    return [(button["name"], button["value"]) for button in found]


def test_the_link_of_a_pruned_mail_still_leaves_and_returns(client, path, delivery, settings, now):
    settings.WAGTAIL_DRIP_RETENTION = {"deliveries": 30}
    long_ago = now - timedelta(days=99)
    delivery.enrollment.__class__.objects.update(state="completed", ended_at=long_ago)
    delivery.__class__.objects.update(state="sent", settled_at=long_ago, created_at=long_ago)
    prune(now)
    assert not delivery.__class__.objects.exists()
    assert client.post(path, ONE_CLICK).status_code == 200
    assert not wants(delivery)
    client.post(path, {"wish": "stay"})
    assert wants(delivery)


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_changes_nothing(client, path, delivery, method):
    assert getattr(client, method)(path).status_code == 200
    delivery.refresh_from_db()
    assert delivery.state == "waiting"
    assert wants(delivery)
    assert ConsentRecord.objects.count() == 1


def test_the_page_says_what_stops_and_offers_both(client, path):
    response = client.get(path)
    assert heading(response) == "Stop getting “Book news”?"
    assert "New books, once a week." in response.text
    assert buttons(response) == [("wish", "topic"), ("wish", "everything"), ("wish", "pause")]


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
def test_one_click_leaves_at_once(client, path, delivery, kind):
    form = {"content_type": "application/x-www-form-urlencoded"} if kind == "urlencoded" else {}
    data = "List-Unsubscribe=One-Click" if form else ONE_CLICK
    response = client.post(path, data, **form)
    assert (response.status_code, response.cookies.output()) == (200, "")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == ("skipped", "unsubscribed")
    assert not wants(delivery)


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", ""), (b"\xff\xfe", "text/plain"), (b"--x\r\n", "multipart/form-data; boundary=x"),
     (b"--", "multipart/form-data"), (b"{", "application/json")],
)  # fmt: skip
def test_a_mangled_body_still_leaves(client, path, delivery, body, kind):
    response = client.generic("POST", path, body, content_type=kind)
    assert response.status_code == 200
    assert not wants(delivery)


def test_the_proof_names_the_link(client, path, delivery):
    client.post(path, ONE_CLICK)
    record = ConsentRecord.objects.get(state="withdrawn")
    assert record.source == f"link in mail {delivery.pk}"


def test_repeating_it_is_harmless(client, path):
    pages = [heading(client.post(path, ONE_CLICK)) for _ in range(3)]
    assert set(pages) == {"You won't get “Book news” any more"}
    assert heading(client.get(path)) == pages[0]
    assert ConsentRecord.objects.filter(state="withdrawn").count() == 1


def test_leaving_everything(client, path, delivery):
    response = client.post(path, {"wish": "everything"})
    assert heading(response) == "You won't get news from us any more"
    assert Suppression.objects.get().scope == "marketing"
    assert not wants(delivery)


@pytest.mark.parametrize("wish", ["topic", "everything"])
def test_a_mistake_is_taken_back(client, path, delivery, wish):
    assert ("wish", "stay") in buttons(client.post(path, {"wish": wish}))
    assert heading(client.post(path, {"wish": "stay"})) == "You get “Book news” as before"
    delivery.refresh_from_db()
    assert delivery.state == "waiting"
    assert wants(delivery)
    assert not Suppression.objects.exists()


def test_staying_gives_nothing_to_somebody_who_left_another_way(client, path, delivery, news, now):
    withdraw(delivery.contact, news, at=now, source="preferences")
    response = client.post(path, {"wish": "stay"})
    assert ("wish", "stay") not in buttons(response)
    assert not wants(delivery)


def test_one_click_in_a_transactional_mail_leaves_all_marketing(client, now):
    receipt = factories.delivery(factories.enrollment(factories.campaign("receipt")))
    path = urlsplit(leave_url(receipt.token)).path
    assert buttons(client.get(path)) == [("wish", "everything"), ("wish", "pause")]
    client.post(path, ONE_CLICK)
    assert Suppression.objects.get().scope == "marketing"
    receipt.refresh_from_db()
    assert receipt.state == "waiting"


@pytest.mark.parametrize("method", ["get", "head", "post"])
@pytest.mark.parametrize(
    "mangle",
    [lambda s: s[:-3], lambda s: "x" + s, lambda s: s.split(":")[0], lambda s: ":", lambda s: "%00",
     lambda s: "%FF%FE", lambda s: "é" * 500],
)  # fmt: skip
def test_a_forged_link_gets_a_page_in_words(client, path, delivery, method, mangle):
    signed = path.split("/")[-2]
    response = getattr(client, method)(f"/post/leave/{mangle(signed)}/")
    assert response.status_code == 404
    assert method == "head" or heading(response) == "This link doesn't work"
    assert wants(delivery)


def test_a_link_signed_under_an_older_key_works(client, path, delivery, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "rotated"
    assert client.post(path, ONE_CLICK).status_code == 200
    assert not wants(delivery)


def test_an_erased_person_gets_a_friendly_answer(client, path, delivery, now):
    type(delivery.contact).objects.update(erased_at=now)
    for response in (client.get(path), client.post(path, ONE_CLICK)):
        assert (response.status_code, heading(response)) == (200, "There is nothing left to stop")
    assert wants(delivery)


def test_a_mail_that_was_only_a_test_too(client):
    response = client.get(urlsplit(leave_url("0" * 32)).path)
    assert heading(response) == "There is nothing left to stop"


def test_the_address_of_the_page_goes_nowhere(client, path):
    response = client.get(path)
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in response["Cache-Control"]
    page = BeautifulSoup(response.content, "html.parser")
    assert not page.find_all(["script", "img", "link", "iframe"])
    assert "http" not in str(page.style)


def test_the_page_speaks_the_language_of_the_mail(client, path, delivery, settings):
    settings.LANGUAGES = [("en", "English"), ("ar", "Arabic")]
    type(delivery.contact).objects.update(language="ar")
    page = BeautifulSoup(client.get(path).content, "html.parser")
    assert (page.html["lang"], page.html["dir"]) == ("ar", "rtl")


def test_names_are_escaped(client, path, news):
    type(news).objects.update(name="<b>Books & more</b>")
    assert "<b>Books" not in client.get(path).text


def test_login_is_not_asked_for(path, delivery, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert Client().post(path, ONE_CLICK).status_code == 200
    assert not wants(delivery)


def test_what_is_answered_is_committed(path):
    assert resolve(path).func._non_atomic_requests == {"default"}
