"""Signing up for text messages: the number, whose word it takes, and the proof."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from django.utils import timezone

from tests import factories
from wagtail_drip.content.person_links import confirm_url, preferences_url
from wagtail_drip.engine.subscribing import keep_number
from wagtail_drip.models import Consent, ConsentRecord, Contact, PendingConsent
from wagtail_drip.models.consent import grant, standing_against, suppress
from wagtail_drip.recipients.form_pages import NUMBER
from wagtail_drip.recipients.forms import Offer

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]
PATH, NUMBER_ = "/post/sign-up/", "+447400123456"


@pytest.fixture(autouse=True)
def no_country(settings):
    settings.WAGTAIL_DRIP_SMS_REGION = ""


@pytest.fixture
def news():
    return factories.topic("news", name="Letters")


@pytest.fixture
def texts():
    return factories.topic("texts", name="Texts", channel="sms")


def sign_up(client, *topics, **fields):
    form = {"form": Offer.of(topics, "/news/").signed, "email": "ann@example.com", **fields}
    return client.post(PATH, form)


def number_of(email: str = "ann@example.com") -> str | None:
    return Contact.objects.get(email=email).attributes.get("phone")


def soup(response):
    return BeautifulSoup(response.content, "html.parser")


def test_the_number_comes_with_the_consent_and_into_its_proof(client, texts):
    assert sign_up(client, texts, number="+44 7400 123456").status_code == 302
    record = ConsentRecord.objects.get()
    assert (number_of(), record.number) == (NUMBER_, NUMBER_)
    assert "as text messages" in record.wording and record.source == "/news/"


@pytest.mark.parametrize(
    ("number", "said"),
    [("", "need your number"), ("seven", "is no phone number"), ("0170 1234567", "country")],
)
def test_without_a_number_there_are_no_text_messages(client, texts, number, said):
    response = sign_up(client, texts, number=number)
    assert response.status_code == 422 and said in soup(response).text
    assert not Contact.objects.exists()


def test_mails_alone_need_none_and_ask_for_none(client, news, texts):
    response = sign_up(client, news, texts, topics=[texts.pk])
    assert response.status_code == 422 and soup(response).find(attrs={"name": "number"})
    assert sign_up(client, news, texts, topics=[news.pk]).status_code == 302
    assert [one.topic for one in Consent.objects.all()] == [news]
    response = sign_up(client, news, email="no address")
    assert not soup(response).find(attrs={"name": "number"})


def test_a_number_that_is_not_needed_is_not_kept(client, news, texts):
    sign_up(client, news, texts, topics=[news.pk], number=NUMBER_)
    assert number_of() is None


def test_a_stranger_turns_nobody_s_text_messages_elsewhere(client, texts):
    ann = factories.contact("ann@example.com", attributes={"phone": NUMBER_})
    response = sign_up(client, texts, number="+447400123457")
    assert response.status_code == 302 and number_of() == NUMBER_
    asked = PendingConsent.objects.get()
    assert (asked.number, Consent.objects.count()) == ("+447400123457", 0)
    path = urlsplit(confirm_url(ann.uuid.hex)).path
    assert "+447400123457" in soup(client.get(path)).text
    assert number_of() == NUMBER_
    client.post(path)
    assert number_of() == "+447400123457" and Consent.objects.get().state == "granted"
    assert ConsentRecord.objects.get().number == "+447400123457"


def test_the_same_number_again_needs_no_word(client, texts):
    factories.contact("ann@example.com", attributes={"phone": "+44 7400 123 456"})
    sign_up(client, texts, number=NUMBER_)
    assert Consent.objects.get().state == "granted"


def test_signing_up_lifts_no_stop(client, texts, now):
    suppress(NUMBER_, reason="unsubscribed", at=now)
    sign_up(client, texts, number=NUMBER_)
    assert standing_against(NUMBER_)


def test_other_attributes_stay(now):
    ann = factories.contact(attributes={"city": "Köln"})
    Contact.objects.filter(pk=ann.pk).update(attributes={"city": "Bonn", "size": 3})
    keep_number(ann, NUMBER_)
    ann.refresh_from_db()
    assert ann.attributes == {"city": "Bonn", "size": 3, "phone": NUMBER_}


# Their own page


@pytest.fixture
def ann():
    return factories.contact("ann@example.com")


@pytest.fixture
def path(ann):
    return urlsplit(preferences_url(ann.uuid.hex)).path


def states(ann) -> dict[str, str]:
    return dict(Consent.objects.filter(contact=ann).values_list("topic__slug", "state"))


def test_the_page_asks_for_a_number_where_text_messages_are_on_offer(client, path, news):
    assert not soup(client.get(path)).find(attrs={"name": "number"})
    factories.topic("texts", channel="sms")
    assert soup(client.get(path)).find(attrs={"name": "number"})


def test_choosing_takes_a_number(client, path, ann, news, texts):
    chosen = {"topics": [news.pk, texts.pk], "pace": "all"}
    for number in ("", "seven"):
        page = soup(client.post(path, {**chosen, "number": number}))
        assert "look at your number" in page.text and states(ann) == {}
    client.post(path, {**chosen, "number": "+44 7400 123456"})
    assert states(ann) == {"news": "granted", "texts": "granted"}
    assert (number_of(), ConsentRecord.objects.get(topic=texts).number) == (NUMBER_, NUMBER_)
    assert ConsentRecord.objects.get(topic=news).number == ""


def test_the_number_shows_to_its_owner_alone_and_may_change(client, path, ann, texts):
    keep_number(ann, NUMBER_)
    grant(ann, texts, at=timezone.now(), source="form")
    page = client.get(path).content.decode()
    assert "+44••••56" in page and "7400123456" not in page
    client.post(path, {"topics": [texts.pk], "pace": "all", "number": ""})
    assert number_of() == NUMBER_
    client.post(path, {"topics": [texts.pk], "pace": "all", "number": "+447400123457"})
    assert number_of() == "+447400123457" and states(ann) == {"texts": "granted"}
    client.post(path, {"pace": "all", "number": NUMBER_})
    assert number_of() == "+447400123457" and states(ann) == {"texts": "withdrawn"}


def test_who_answered_stop_reads_how_to_go_on(client, path, ann, texts, now):
    keep_number(ann, NUMBER_)
    suppress(NUMBER_, reason="unsubscribed", at=now)
    assert "Answer START" in soup(client.get(path)).text


# Wagtail's form pages


def test_a_form_page_asks_for_the_number_too(db, news, texts):
    from example_site.shop.models import QuestionPage

    page = QuestionPage(title="Ask", slug="ask")
    page.drip_topics = [news, texts]
    form = page.get_form_class()
    assert form.base_fields[NUMBER].required is False
    page.drip_topics = [news]
    assert NUMBER not in page.get_form_class().base_fields
