from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.test import Client, RequestFactory

from tests import factories
from wagtail_drip.models import ConsentRecord, Contact, PendingConsent, Throttle
from wagtail_drip.models.consent import grant, withdraw
from wagtail_drip.recipients.forms import Offer
from wagtail_drip.recipients.pages import SignUpBlock
from wagtail_drip.recipients.subscribing import network

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]

PATH = "/post/sign-up/"


@pytest.fixture
def news():
    return factories.topic("news", name="Book news", opt_in="double")


@pytest.fixture
def offers():
    return factories.topic("offers", opt_in="single")


def sent_form(*topics, email="ann@example.com", **fields):
    return {"form": Offer.of(topics, "/news/").signed, "email": email, **fields}


def said(response):
    """The whole of an answer, as far as it may differ."""
    return response.status_code, response.get("Location"), response.content


def heading(response):
    return BeautifulSoup(response.content, "html.parser").h1.get_text(strip=True)


def test_a_form_of_one_topic_signs_up_for_it(client, news):
    response = client.post(PATH, sent_form(news), follow=True)
    assert heading(response) == "Thank you. Please look into your mailbox"
    pending = PendingConsent.objects.get()
    assert (pending.contact.email, pending.source, pending.ip) == (
        "ann@example.com",
        "/news/",
        None,
    )
    assert pending.wording.startswith("I want to get “Book news” by e-mail.")


def test_of_several_topics_the_chosen_ones(client, news, offers):
    more = factories.topic("more", opt_in="single")
    client.post(PATH, sent_form(news, offers, more, topics=[offers.pk]))
    assert [record.topic for record in ConsentRecord.objects.all()] == [offers]
    assert not PendingConsent.objects.exists()


def test_the_words_are_those_that_were_read(client, offers):
    form = sent_form(offers)
    offers.wording = "Something else altogether."
    offers.save()
    client.post(PATH, form)
    record = ConsentRecord.objects.get()
    assert (record.wording_version, offers.wording_version) == (1, 2)
    assert "offers" in record.wording.lower()


@pytest.mark.parametrize("known", ["unknown", "subscribed", "left", "erased"])
@pytest.mark.parametrize("kind", ["single", "double"])
def test_known_and_unknown_addresses_get_the_same_answer(client, now, known, kind):
    topic = factories.topic(opt_in=kind)
    if known != "unknown":
        ann = factories.contact("ann@example.com")
        grant(ann, topic, at=now, source="shop")
        if known == "left":
            withdraw(ann, topic, at=now, source="link")
    response = client.post(PATH, sent_form(topic))
    assert said(response) == (302, "/post/sign-up/thanks/", b"")


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"email": "nonsense"}, "That is not an e-mail address."), ({"email": ""}, "required"),
     ({"email": "a" * 300 + "@example.com"}, "254"), ({"topics": ["4711"]}, "not on offer"),
     ({"topics": []}, "Choose at least one.")],
)  # fmt: skip
def test_a_mistake_is_said_beside_its_field(client, news, offers, fields, words):
    response = client.post(PATH, sent_form(news, offers, **{"topics": [news.pk], **fields}))
    assert response.status_code == 422
    assert words in BeautifulSoup(response.content, "html.parser").select_one(".bad").text
    assert not Contact.objects.exists()


def test_what_robots_fill_in_signs_nobody_up(client, news):
    response = client.post(PATH, sent_form(news, website="http://evil.example"))
    assert said(response) == (302, "/post/sign-up/thanks/", b"")
    assert not Contact.objects.exists()


def test_so_many_an_hour_from_one_network(client, news, settings):
    settings.WAGTAIL_DRIP_SIGN_UPS_PER_HOUR = 2
    for number, status in enumerate([302, 302, 429, 429]):
        form = sent_form(news, email=f"p{number}@example.com")
        assert client.post(PATH, form, REMOTE_ADDR=f"2001:db8::{number}").status_code == status
    assert Contact.objects.count() == 2
    assert client.post(PATH, sent_form(news), REMOTE_ADDR="192.0.2.1").status_code == 302


@pytest.mark.parametrize(
    ("ip", "counted"),
    [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"),
     ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("", "unknown"), ("<b>", "unknown")],
)  # fmt: skip
def test_what_counts_as_one_network(ip, counted):
    assert network(ip) == counted


def test_forwarded_for_is_believed_as_far_as_trusted(client, news, settings):
    settings.WAGTAIL_DRIP_KEEP_IP = True
    header = {"HTTP_X_FORWARDED_FOR": "198.51.100.1, 203.0.113.5", "REMOTE_ADDR": "10.0.0.1"}
    for proxies, ip in [(0, "10.0.0.1"), (1, "203.0.113.5"), (9, "10.0.0.1")]:
        settings.WAGTAIL_DRIP_TRUSTED_PROXIES = proxies
        client.post(PATH, sent_form(news), **header)
        assert PendingConsent.objects.get().ip == ip


@pytest.mark.parametrize("form", ["", "x", "eyJ0IjpbXX0:1x:y"])
def test_a_form_that_is_none_of_ours(client, news, form):
    response = client.post(PATH, {"form": form, "email": "ann@example.com"})
    assert (response.status_code, heading(response)) == (400, "That didn't reach us")
    assert not Throttle.objects.exists()


def test_a_topic_that_was_deleted_meanwhile(client, news):
    form = sent_form(news)
    news.delete()
    response = client.post(PATH, form)
    assert (response.status_code, heading(response)) == (422, "There is nothing to sign up for")


def test_other_sites_send_no_form_of_ours(news):
    assert Client(enforce_csrf_checks=True).post(PATH, sent_form(news)).status_code == 403


def test_looking_is_not_signing_up(client):
    assert client.get(PATH).status_code == 405
    assert client.get("/post/sign-up/thanks/").status_code == 200


# On a site's own pages


@pytest.fixture
def request_of(rf: RequestFactory):
    request = rf.get("/news/")
    request.META["CSRF_COOKIE"] = "x" * 32
    return request


def test_the_tag_takes_short_names(client, news, offers, request_of):
    template = Template('{% load wagtail_drip %}{% drip_sign_up "news" "gone" button="Go" %}')
    html = template.render(Context({"request": request_of, "csrf_token": "token"}))
    page = BeautifulSoup(html, "html.parser")
    values = {field["name"]: field.get("value") for field in page.find_all("input")}
    assert (values["csrfmiddlewaretoken"], page.button.text) == ("token", "Go")
    assert Offer.read(values["form"]).source == "/news/"
    client.post(page.form["action"], {**values, "email": "ann@example.com", "website": ""})
    assert PendingConsent.objects.get().topic == news


def test_the_tag_shows_nothing_without_topics(request_of):
    template = Template('{% load wagtail_drip %}{% drip_sign_up "gone" %}')
    assert template.render(Context({"request": request_of})).strip() == ""


def test_the_block_offers_what_editors_chose(news, offers, request_of):
    block = SignUpBlock()
    value = block.to_python({"heading": "<Letters>", "topics": [news.pk, offers.pk]})
    html = block.render(value, {"request": request_of})
    page = BeautifulSoup(html, "html.parser")
    assert page.h2.text == "<Letters>"
    assert [box["value"] for box in page.select("[type=checkbox]")] == [
        str(news.pk), str(offers.pk)
    ]  # fmt: skip
    assert page.select_one("[name=csrfmiddlewaretoken]")


def test_who_is_logged_in_finds_their_own_page(client, request_of):
    template = Template("{% load wagtail_drip %}{% drip_preferences_url %}")
    request_of.user = AnonymousUser()
    assert template.render(Context({"request": request_of})) == ""
    request_of.user = factories.user("ann@example.com")
    Contact.objects.update(user=request_of.user)
    url = template.render(Context({"request": request_of}))
    assert "a•••@example.com" in client.get(urlsplit(url).path).text
