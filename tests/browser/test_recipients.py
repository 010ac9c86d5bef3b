"""The pages of people who get mail, in every state: on a phone and a desk, light and dark, in a
language from the left and one from the right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone, translation

from tests import factories
from wagtail_drip.content import links, person_links
from wagtail_drip.engine.signing_up import sign_up
from wagtail_drip.models import SiteSettings
from wagtail_drip.models.consent import grant, suppress
from wagtail_drip.models.signups import Choice
from wagtail_drip.recipients.forms import Offer

from .surfing import Browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützen and other long words"


@pytest.fixture(params=["en", "ar"])
def language(request: Any, settings: Any) -> Iterator[str]:
    settings.LANGUAGES = [("en", "English"), ("ar", "Arabic")]
    settings.WAGTAIL_DRIP_BASE_URL = "http://testserver"
    with translation.override(request.param):
        yield request.param


def pages(language: str) -> Iterator[tuple[str, str]]:
    """(name, HTML) of every page in every state, in the order of somebody's life with us."""
    client, now = Client(headers={"accept-language": language}), timezone.now()

    def page(name: str, response: Any, status: int = 200) -> tuple[str, str]:
        assert response.status_code == status, name
        return name, response.text

    def path(url: str) -> str:
        return urlsplit(url).path

    news = factories.topic("news", name="Book news", description="New books, once a month.")
    offers = factories.topic("offers", name=LONG, opt_in="double")
    SiteSettings.objects.create(site=news.site, track_opens=True)
    form = {"form": Offer.of([news, offers], "/").signed, "email": "nobody"}
    yield page("sign-up-wrong", client.post("/drip/sign-up/", form), 422)
    yield page("sign-up-lost", client.post("/drip/sign-up/", {}), 400)
    yield page("thanks", client.get("/drip/sign-up/thanks/"))

    email = f"{'a-very-long-address-of-somebody' * 2}@example.com"
    contact = factories.contact(email, language=language)
    key = contact.uuid.hex
    confirm = path(person_links.confirm_url(key))
    yield page("confirm-nothing", client.get(confirm))
    choices = [Choice(offers, "Send me offers", 1)]
    site = factories.site()
    sign_up(email, choices, site=site, now=now, source="/", language=language, ip=None)
    yield page("confirm", client.get(confirm))
    yield page("confirmed", client.post(confirm))

    grant(contact, news, at=now - timedelta(days=1), source="form")
    preferences = path(person_links.preferences_url(key))
    yield page("preferences", client.get(preferences))
    yield page("preferences-unclear", client.post(preferences, {"pace": "x"}))
    yield page("preferences-export", client.post(preferences, {"wish": "export"}))
    chosen = {"topics": [news.pk, offers.pk], "language": language, "pace": "pause"}
    yield page("preferences-saved", client.post(preferences, chosen, follow=True))
    yield page("export", client.get(path(person_links.export_url(key))))

    campaign = factories.campaign(topic=news)
    delivery = factories.delivery(factories.enrollment(campaign, contact), state="sent")
    leave = path(links.leave_url(delivery.token))
    yield page("leave", client.get(leave))
    yield page("leave-paused", client.post(leave, {"wish": "pause"}))
    yield page("left", client.post(leave, {"wish": "topic"}))
    yield page("left-told", client.post(leave, {"wish": "why", "why": "too_many"}))
    yield page("left-back", client.post(leave, {"wish": "stay"}))
    yield page("left-all", client.post(leave, {"wish": "everything"}))
    yield page("left-all-told", client.post(leave, {"wish": "why", "words": "Too many"}))
    receipt = factories.campaign("receipt", transactional_reason="you ordered")
    delivery = factories.delivery(
        factories.enrollment(receipt, factories.contact(language=language)), state="sent"
    )
    yield page("leave-receipt", client.get(path(links.leave_url(delivery.token))))

    suppress(email, reason="complained", at=now)
    yield page("confirm-closed", client.get(confirm))
    yield page("erase", client.get(f"{preferences}erase/"))
    yield page("erased", client.post(f"{preferences}erase/"))
    yield page("gone", client.get(preferences))
    yield page("forged", client.get("/drip/leave/x/"), 404)


def test_every_page_of_theirs_can_be_read_by_all(driver: Any, language: str):
    browser = Browser(driver, "")
    found: list[str] = []
    for name, html in pages(language):
        assert f'dir="{"rtl" if language == "ar" else "ltr"}"' in html, name
        for width in (375, 1280):
            for scheme in ("light", "dark"):
                browser.look(width=width, scheme=scheme)
                browser.show(html)
                browser.picture(f"{name}-{language}-{width}-{scheme}")
                found += [f"{name} {width} {scheme}: {text}" for text in browser.problems()]
    assert not found, "\n".join(found)
