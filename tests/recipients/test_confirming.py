from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from tests import factories
from wagtail_drip.content.person_links import confirm_url, preferences_url
from wagtail_drip.engine.signing_up import sign_up
from wagtail_drip.models import ConsentRecord, Contact
from wagtail_drip.models.consent import granted, suppress
from wagtail_drip.models.signups import Choice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]


@pytest.fixture
def news():
    return factories.topic("news", name="Book news", opt_in="double", wording="Yes, weekly.")


@pytest.fixture
def ann(news, now):
    choice = Choice(news, news.agreement, 1)
    sign_up("ann@example.com", [choice], site=factories.site(), now=now, source="/news/")
    return Contact.objects.get()


@pytest.fixture
def path(ann):
    return urlsplit(confirm_url(ann.uuid.hex)).path


def heading(response):
    return BeautifulSoup(response.content, "html.parser").h1.get_text(strip=True)


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_opening_the_link_confirms_nothing(client, path, ann, news, method):
    assert getattr(client, method)(path).status_code == 200
    assert not granted([ann.pk], news.pk)
    assert not ConsentRecord.objects.exists()


def test_the_page_says_what_was_asked_for_in_which_words(client, path):
    page = client.get(path).text
    assert "Book news" in page and "Yes, weekly." in page and "a•••@example.com" in page
    assert "ann@" not in page


def test_the_button_confirms(client, path, ann, news):
    assert heading(client.post(path)) == "Thank you: you are in"
    assert granted([ann.pk], news.pk)
    assert heading(client.get(path)) == heading(client.post(path)) == "There is nothing to confirm"


def test_the_button_is_of_our_own_page(path, ann, news):
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403
    assert not granted([ann.pk], news.pk)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_link_for_another_purpose_confirms_nothing(client, ann, news, method):
    signed = urlsplit(preferences_url(ann.uuid.hex)).path.split("/")[-2]
    response = getattr(client, method)(f"/post/confirm/{signed}/")
    assert (response.status_code, heading(response)) == (404, "This link doesn't work")
    assert not granted([ann.pk], news.pk)


def test_who_complained_since_is_told_how_it_stands(client, path, ann, news, now):
    suppress(ann.email, reason="complained", at=now)
    assert heading(client.post(path)) == "We can't write to this address"
    assert not granted([ann.pk], news.pk)


def test_the_proof_keeps_an_address_where_the_site_says_so(client, path, ann, settings):
    settings.WAGTAIL_DRIP_KEEP_IP = True
    client.post(path, REMOTE_ADDR="192.0.2.9")
    assert ConsentRecord.objects.get().ip == "192.0.2.9"
