"""Public pages are in the language of whoever comes, to the last word."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from bs4 import BeautifulSoup

from tests import factories as make
from wagtail_drip.content.links import TEST, leave_url
from wagtail_drip.content.person_links import confirm_url, export_url, preferences_url
from wagtail_drip.engine.erasing import erase
from wagtail_drip.engine.signing_up import sign_up
from wagtail_drip.models import Contact
from wagtail_drip.models.consent import grant, suppress
from wagtail_drip.models.signups import Choice
from wagtail_drip.recipients.forms import Offer

from .support import LANGUAGES, latin_words

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]


@pytest.fixture(autouse=True)
def languages(settings):
    settings.LANGUAGES = LANGUAGES
    settings.WAGTAIL_SITE_NAME = "۱"
    make.site().__class__.objects.update(site_name="۱")


@pytest.fixture(params=["fa", "ar", "ru"])
def contact(request):
    return make.contact("ann@example.com", language=request.param)


@pytest.fixture
def topic(contact, now):
    topic = make.topic("news", name="۱۹۸۴")
    grant(contact, topic, at=now, source="form")
    return topic


@pytest.fixture
def leave(contact, topic):
    delivery = make.delivery(make.enrollment(make.campaign(topic=topic), contact))
    return urlsplit(leave_url(delivery.token)).path


def assert_spoken(response, contact, status: int = 200) -> None:
    assert response.status_code == status
    page = BeautifulSoup(response.content, "html.parser")
    assert page.html["lang"] == response["Content-Language"] == contact.language
    assert page.html["dir"] == ("ltr" if contact.language == "ru" else "rtl")
    assert latin_words(response.text, ("JSON",)) == []


@pytest.mark.parametrize("wish", ["", "topic", "everything", "pause", "why"])
def test_leaving(client, contact, leave, wish):
    """The browser speaks English; the link's owner doesn't."""
    assert_spoken(client.get(leave), contact)
    assert_spoken(client.post(leave, {"wish": wish}), contact)
    told = client.post(leave, {"wish": "why", "why": "other", "words": "۱"})
    assert_spoken(told, contact)


def test_preferences_and_what_they_lead_to(client, contact, topic):
    contact.most_per_week = 2
    contact.save()
    page = urlsplit(preferences_url(contact.uuid.hex)).path
    assert_spoken(client.get(page), contact)
    assert_spoken(client.post(page, {"pace": "x"}), contact)
    assert_spoken(client.post(page, {"wish": "export"}), contact)
    assert_spoken(client.post(page, {"pace": "pause"}, follow=True), contact)
    forget = f"{page}erase/"
    assert_spoken(client.get(forget), contact)
    assert_spoken(client.post(forget), contact)


def test_the_copy_of_their_data(client, contact):
    assert_spoken(client.get(urlsplit(export_url(contact.uuid.hex)).path), contact)


def test_confirming(client, contact, now):
    topic = make.topic("asked", name="۱", opt_in="double")
    choice = Choice(topic, "۱", 1)
    sign_up(contact.email, [choice], site=topic.site, now=now, source="/")
    page = urlsplit(confirm_url(contact.uuid.hex)).path
    asked = client.get(page)
    assert_spoken(asked, contact)
    assert "<button" in asked.text
    assert_spoken(client.post(page), contact)
    assert_spoken(client.get(page), contact)
    suppress(contact.email, reason="complained", at=now)
    assert_spoken(client.get(page), contact)


def test_links_that_lead_nowhere_any_more(client, contact, leave, now):
    headers = {"HTTP_ACCEPT_LANGUAGE": contact.language}
    with time_machine.travel(now - timedelta(days=2)):
        copy = urlsplit(export_url(contact.uuid.hex)).path
    with time_machine.travel(now):
        assert_spoken(client.get(copy, **headers), contact, 410)
    erase(Contact.objects.get(pk=contact.pk), now=now)
    assert_spoken(client.get(leave, **headers), contact)


def test_too_many_sign_ups(client, contact, topic, settings):
    settings.WAGTAIL_DRIP_SIGN_UPS_PER_HOUR = 0
    form = {"form": Offer.of([topic]).signed, "email": "bob@example.com"}
    headers = {"HTTP_ACCEPT_LANGUAGE": contact.language}
    assert_spoken(client.post("/post/sign-up/", form, **headers), contact, 429)


def test_pages_without_anybody_are_in_the_visitor_s_language(client, contact, topic):
    """Nobody is known there, so the browser's wish counts."""
    headers = {"HTTP_ACCEPT_LANGUAGE": contact.language}
    other = make.topic("offers", name="۱")
    form = {"form": Offer.of([topic, other]).signed}
    assert_spoken(client.post("/post/sign-up/", form, **headers), contact, 422)
    assert_spoken(client.post("/post/sign-up/", {"form": "x"}, **headers), contact, 400)
    assert_spoken(client.get("/post/sign-up/thanks/", **headers), contact)
    assert_spoken(client.get(urlsplit(leave_url(TEST)).path, **headers), contact)
    assert_spoken(client.get("/post/leave/forged/", **headers), contact, 404)
