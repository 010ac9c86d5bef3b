"""A copy of one's data goes to the mailbox, to nobody who has a mail that was passed on."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from bs4 import BeautifulSoup
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests import factories
from wagtail_drip.content.person_links import preferences_url
from wagtail_drip.engine.ticking import tick

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]


@pytest.fixture
def path():
    ann = factories.contact("ann@example.com", first_name="Ann")
    return urlsplit(preferences_url(ann.uuid.hex)).path


@pytest.fixture
def link(client, path):
    """Of the mail that the person's page sends."""
    response = client.post(path, {"wish": "export"})
    assert "We send a link to your address" in response.text and "Ann" not in response.text
    tick(timezone.now() + timedelta(minutes=1))
    (message,) = mail.outbox
    assert message.to == ["ann@example.com"]
    return urlsplit(re.search(r"http\S+/copy/\S+", message.body)[0]).path


def heading(response):
    return BeautifulSoup(response.content, "html.parser").h1.get_text(strip=True)


def test_the_link_of_the_mail_gives_the_copy(client, link):
    assert heading(client.get(link)) == "A copy of your data"
    response = client.post(link)
    assert response.json()["contact"]["first_name"] == "Ann"
    assert response["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert (response["Referrer-Policy"], response["Cache-Control"]) == (
        "no-referrer",
        "private, no-store",
    )


def test_it_works_for_a_day(client, link):
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        for response in (client.get(link), client.post(link)):
            assert (response.status_code, heading(response)) == (410, "This link has run out")


def test_one_mail_in_an_hour(client, link, path):
    client.post(path, {"wish": "export"})
    tick(timezone.now() + timedelta(minutes=2))
    assert len(mail.outbox) == 1


def test_the_key_of_the_page_is_none_of_the_copy(client, path):
    signed = path.split("/")[-2]
    assert client.post(f"/post/copy/{signed}/").status_code == 404


def test_the_button_is_of_our_own_page(link, path):
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.post(link).status_code == stranger.post(path).status_code == 403
