from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.utils import timezone

from tests import factories
from wagtail_drip.content.person_links import preferences_url
from wagtail_drip.models import Contact, SiteSettings
from wagtail_drip.models.consent import grant, granted

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]


@pytest.fixture
def ann():
    return factories.contact("ann@example.com", first_name="Ann")


@pytest.fixture
def news(ann, now):
    topic = factories.topic("news", name="Book news")
    grant(ann, topic, at=now - timedelta(days=1), source="form")
    return topic


@pytest.fixture
def offers():
    return factories.topic("offers", name="Offers")


@pytest.fixture
def path(ann):
    return urlsplit(preferences_url(ann.uuid.hex)).path


def soup(response):
    return BeautifulSoup(response.content, "html.parser")


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_changes_nothing(client, path, ann, news, method):
    assert getattr(client, method)(path).status_code == 200
    assert granted([ann.pk], news.pk)


def test_the_page_shows_what_is_on_and_no_more_of_the_person(client, path, news, offers):
    page = soup(client.get(path))
    boxes = {box.parent.span.text: box.has_attr("checked") for box in page.select("[name=topics]")}
    assert boxes == {"Book news": True, "Offers": False}
    assert "Ann" not in page.text and "ann@" not in page.text
    assert "a•••@example.com" in page.text


def test_saving(client, path, ann, news, offers, settings):
    settings.LANGUAGES = [("en", "English"), ("ar", "Arabic")]
    wish = {"topics": [offers.pk], "language": "ar", "pace": "pause"}
    response = client.post(path, wish, follow=True)
    ann.refresh_from_db()
    assert response.redirect_chain == [(f"{path}?saved", 302)]
    assert (granted([ann.pk], news.pk), granted([ann.pk], offers.pk)) == (set(), {ann.pk})
    assert ann.language == "ar" and ann.paused_until > timezone.now() + timedelta(days=29)
    page = soup(response)
    assert (page.html["dir"], page.select_one("[name=pace][checked]")["value"]) == ("rtl", "pause")


@pytest.mark.parametrize(
    "wish",
    [{"topics": ["4711"]}, {"topics": ["x"]}, {"language": "xx"}, {"pace": "9"},
             {"asked": ["email"]}, {"asked": ["track_clicks"], "seen": ["erased_at"]}],
)  # fmt: skip
def test_what_is_not_on_offer_changes_nothing(client, path, ann, news, wish):
    response = client.post(path, wish)
    assert "Nothing has changed" in response.text
    assert granted([ann.pk], news.pk)


def test_fewer_a_week(client, path, ann, news):
    wish = {"topics": [news.pk], "pace": "1"}
    page = soup(client.post(path, wish, follow=True))
    assert page.select_one("[name=pace][checked]")["value"] == "1"
    assert page.select_one("[name=pace][checked]").parent.span.text == "At most 1 mail a week"
    client.post(path, wish | {"pace": "pause"})  # and then as before
    ann.refresh_from_db()
    assert (ann.most_per_week, bool(ann.paused_until)) == (1, True)
    client.post(path, wish | {"pace": "all"})
    ann.refresh_from_db()
    assert (ann.most_per_week, ann.paused_until) == (None, None)


def test_a_number_that_is_not_on_offer_stays_until_another_is_chosen(client, path, ann, news):
    ann.most_per_week = 5
    ann.save()
    chosen = soup(client.get(path)).select("[name=pace]")
    assert [one["value"] for one in chosen] == ["all", "5", "3", "1", "pause"]
    client.post(path, {"pace": "5"})
    ann.refresh_from_db()
    assert ann.most_per_week == 5


def test_other_sites_change_nothing(path, ann, news):
    assert Client(enforce_csrf_checks=True).post(path, {}).status_code == 403
    assert granted([ann.pk], news.pk)


def test_being_forgotten_is_asked_once_more(client, path, ann):
    url = soup(client.get(path)).find("a", string="Forget me")["href"]
    page = soup(client.get(url))
    assert page.h1.text == "Shall we forget you?"
    assert Contact.objects.get().erased_at is None
    assert soup(client.post(url)).h1.text == "You are forgotten"
    assert Contact.objects.get().erased_at
    for gone in (client.get(path), client.post(path), client.get(url)):
        assert soup(gone).h1.text == "There is nothing left to stop"


@pytest.mark.parametrize("key", ["", "x", "0" * 32, "é" * 500, "%00"])
def test_a_forged_link_gets_a_page_in_words(client, path, key):
    for suffix in ("", "erase/"):
        response = client.get(f"/post/preferences/{key or ':'}/{suffix}")
        assert (response.status_code, soup(response).h1.text) == (404, "This link doesn't work")


def test_the_address_of_the_page_goes_nowhere(client, path):
    for response in (client.get(path), client.post(path, {"pace": "all"})):
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert "no-store" in response["Cache-Control"]


def switches(response):
    return {box["value"]: box.has_attr("checked") for box in soup(response).select("[name=seen]")}


def test_what_is_seen_is_asked_where_the_site_looks(client, path, ann):
    assert switches(client.get(path)) == {"track_clicks": True}
    SiteSettings.objects.create(site=factories.site(), track_opens=True)
    assert switches(client.get(path)) == {"track_clicks": True, "track_opens": True}
    SiteSettings.objects.update(track_clicks=False, track_opens=False)
    assert switches(client.get(path)) == {}


def test_nobody_sees_what_they_click_once_they_say_so(client, path, ann):
    SiteSettings.objects.create(site=factories.site(), track_opens=True)
    asked = {"asked": ["track_clicks", "track_opens"], "pace": "all"}
    page = client.post(path, asked | {"seen": ["track_opens"]}, follow=True)
    assert switches(page) == {"track_clicks": False, "track_opens": True}
    ann.refresh_from_db()
    assert (ann.track_clicks, ann.track_opens) == (False, True)
    client.post(path, asked | {"seen": ["track_clicks", "track_opens"]})
    ann.refresh_from_db()
    assert ann.track_clicks


def test_a_page_that_asked_nothing_switches_nothing(client, path, ann):
    client.post(path, {"pace": "all"})
    ann.refresh_from_db()
    assert ann.track_clicks and ann.track_opens
