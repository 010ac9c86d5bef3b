from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from django.core import mail
from django.test import Client

from tests import factories
from wagtail_drip.content import links
from wagtail_drip.engine import tracking
from wagtail_drip.engine.erasing import erase
from wagtail_drip.engine.sending import send_due
from wagtail_drip.models import Consent, Link, Reaction, Suppression
from wagtail_drip.models.reactions import keys_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]
FIREFOX = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"}
TARGET = "https://elsewhere.example/book?a=1&b=ü#top"


@pytest.fixture(autouse=True)
def site(settings):
    settings.WAGTAIL_DRIP_BASE_URL = "https://www.example.com"


@pytest.fixture
def delivery(now):
    campaign = factories.campaign(topic=factories.topic())
    enrollment = factories.enrollment(campaign, factories.contact("ann@example.com"))
    return factories.delivery(enrollment, state="sent", settled_at=now)


@pytest.fixture
def key():
    return keys_of([TARGET])[TARGET]


def path(url):
    return url.removeprefix("https://www.example.com")


def signed(delivery):
    return links.sign_reaction(delivery.token)


def test_a_click_leads_on_and_is_noted(client, delivery, key):
    response = client.get(path(links.click_url(key, signed(delivery))), headers=FIREFOX)
    assert (response.status_code, response["Location"]) == (
        302,
        "https://elsewhere.example/book?a=1&b=%C3%BC#top",
    )
    assert "no-store" in response["Cache-Control"] and not response.cookies
    assert response["Referrer-Policy"] == "no-referrer"
    delivery.refresh_from_db()
    assert delivery.clicked_at and Reaction.objects.get().link.url == TARGET


def test_where_it_leads_is_never_taken_from_the_address(client, delivery, key):
    url = path(links.click_url(key, signed(delivery), "evil.example/login"))
    for extra in ("", "?url=https://evil.example", "?next=//evil.example"):
        assert client.get(url + extra)["Location"].startswith("https://elsewhere.example/")


def test_head_leads_on_and_counts_as_a_program(client, delivery, key):
    response = client.head(path(links.click_url(key, signed(delivery))), headers=FIREFOX)
    assert response.status_code == 302
    delivery.refresh_from_db()
    assert delivery.clicked_at is None and Reaction.objects.get().by == "head"


@pytest.mark.parametrize("token", ["0" * 64, "x", "é" * 64, "a:b"])
def test_a_forged_signature_leads_on_and_counts_for_nobody(client, delivery, key, token):
    assert client.get(path(links.click_url(key, token)), headers=FIREFOX).status_code == 302
    assert not Reaction.objects.exists()


def test_a_signature_of_another_purpose_counts_for_nobody(client, delivery, key):
    leave = links.leave_url(delivery.token).rstrip("/").rpartition("/")[2]
    client.get(path(links.click_url(key, leave)), headers=FIREFOX)
    assert not Reaction.objects.exists()


@pytest.mark.parametrize("name", ["f" * 16, "x", "0" * 15, "é", "%00"])
def test_an_unknown_link_says_so(client, delivery, name):
    response = client.get(f"/post/c/{name}/{signed(delivery)}/")
    assert response.status_code == 404 and b"<h1>" in response.content


def test_the_hidden_link_leads_home(client, delivery):
    response = client.get(path(links.click_url(links.TRAP, signed(delivery))), headers=FIREFOX)
    assert response["Location"] == "https://www.example.com/"
    assert Reaction.objects.get().by == "trap"


def test_the_pixel_is_a_picture_whoever_asks(client, delivery):
    for token in (signed(delivery), "x"):
        response = client.get(path(links.open_url(token)), headers=FIREFOX)
        assert (response["Content-Type"], len(response.content)) == ("image/gif", 42)
        assert "no-store" in response["Cache-Control"]
    delivery.refresh_from_db()
    assert delivery.opened_at


def test_a_link_works_for_ever(client, delivery, key, now, settings):
    url = path(links.click_url(key, signed(delivery)))
    erase(delivery.contact, now=now)
    assert client.get(url).status_code == 302
    delivery.delete()
    settings.SECRET_KEY = "another one"
    assert client.get(url)["Location"].startswith("https://elsewhere.example/")


def test_an_older_secret_still_counts(client, delivery, key, settings):
    url = path(links.click_url(key, signed(delivery)))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another one"
    client.get(url, headers=FIREFOX)
    assert Reaction.objects.count() == 1


def test_trouble_of_ours_keeps_nobody_from_the_page(client, delivery, key, monkeypatch):
    monkeypatch.setattr(tracking, "react", lambda *args, **kwargs: 1 / 0)
    assert client.get(path(links.click_url(key, signed(delivery)))).status_code == 302


def test_looking_changes_nothing_but_the_fact(client, delivery, key):
    before = type(delivery.enrollment).objects.values().get()
    for url in (links.click_url(key, signed(delivery)), links.open_url(signed(delivery))):
        client.get(path(url), headers=FIREFOX)
        client.head(path(url), headers=FIREFOX)
        assert Client(enforce_csrf_checks=True).post(path(url)).status_code in (403, 405)
    assert type(delivery.enrollment).objects.values().get() == before
    assert not Suppression.objects.exists() and not Consent.objects.exists()


def test_links_are_stored_once_and_with_their_case(django_assert_num_queries):
    urls = ["https://a.example/X", "https://a.example/x", "https://a.example/é"]
    with django_assert_num_queries(5):
        keys = keys_of(urls)
    with django_assert_num_queries(1):
        assert keys_of(urls) == keys
    assert len(set(keys.values())) == Link.objects.count() == 3


def test_a_click_costs_few_queries(client, delivery, key, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):
        client.get(path(links.click_url(key, signed(delivery))), headers=FIREFOX)


def test_what_the_line_sends_leads_back(client, now):
    body = [{"type": "text", "value": f'<p><a href="{TARGET}">The book</a></p>'}]
    nodes = {"n1": factories.send(factories.step(body=body))}
    campaign = factories.campaign(nodes=nodes, topic=factories.topic())
    delivery = factories.delivery(factories.enrollment(campaign))
    factories.consent(delivery.contact, campaign.topic)
    assert send_due(now) == 1
    (message,) = mail.outbox
    html = BeautifulSoup(message.alternatives[0][0], "html.parser")
    link = html.find("a", string="The book")["href"]
    assert TARGET in message.body and TARGET not in str(html)
    assert client.get(path(link), headers=FIREFOX)["Location"].startswith("https://elsewhere.")
    assert factories.Delivery.objects.get().clicked_at
    assert message.extra_headers["List-Unsubscribe"].strip("<>") in str(html)
