"""Test mails: made and sent as all are, and nothing comes of them."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.test import Client
from wagtail import hooks

from tests import factories as make
from tests.content.support import Answering, person
from wagtail_drip.channels.base import Refused, Sent
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.channels.sms import SmsChannel
from wagtail_drip.content.merge_fields import MergeField
from wagtail_drip.engine.testing import send_test
from wagtail_drip.models import Suppression
from wagtail_drip.models.addresses import keyed_hash
from wagtail_drip.models.consent import suppress

pytestmark = pytest.mark.django_db
BODY = [
    {"type": "text", "value": "<p>Hi {{ first_name|you }}</p>", "id": "b1"},
    {"type": "button", "value": {"label": "Go", "url": "/books/", "page": None}, "id": "b2"},
]
ASKED = {"type": "confirm", "value": {"label": "Yes"}, "id": "b3"}


@pytest.fixture(autouse=True)
def sending(settings):
    settings.WAGTAIL_DRIP_SENDING = "on"
    settings.WAGTAIL_DRIP_BASE_URL = "https://shop.example"


@pytest.fixture
def channel():
    channel = MemoryChannel(lambda mail: Refused("no") if "bad" in mail.to else Sent())
    with hooks.register_temporarily("register_drip_channels", lambda: {"email": channel}):
        yield channel


def rows() -> list[object]:
    models = apps.get_app_config("wagtail_drip").get_models()
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_it_is_marked_and_made_as_all_mails(channel, now):
    step = make.step("Hello", body=BODY)
    campaign = make.campaign(topic=make.topic(), sender_name="Ann", sender_email="ann@shop.example")
    [told] = send_test(step, ["me@shop.example"], campaign=campaign, now=now)
    [mail] = channel.taken
    assert not told.trouble and mail.to == "me@shop.example"
    assert mail.subject == "[Test] Hello" and mail.from_email == '"Ann" <ann@shop.example>'
    assert "Hi Alex" in mail.text and "https://shop.example/books/" in mail.html
    assert mail.headers["List-Unsubscribe-Post"] and b"[Test] Hello" in mail.as_bytes()
    assert "utm_" not in mail.html and "/drip/c/" not in mail.html and "/o/" not in mail.html


@pytest.mark.urls("tests.recipients.urls")
def test_none_of_its_links_changes_anything(channel, now):
    """Not even as somebody real, whose mail asks for confirmation."""
    ann = make.contact("ann@example.com", first_name="Ann")
    reader = person(
        0, email=ann.email, first_name="Ann", data={"asks": "topics", "key": ann.uuid.hex}
    )
    campaign = make.campaign(topic=make.topic())
    step = make.step("Hello", body=[*BODY, ASKED])
    send_test(step, ["me@shop.example"], campaign=campaign, reader=reader, now=now)
    [mail] = channel.taken
    assert "Hi Ann" in mail.text and ann.uuid.hex not in mail.html
    before = rows()
    header = mail.headers["List-Unsubscribe"].strip("<>")
    found = {*re.findall(r'href="(https://shop.example/[^"]+)"', mail.html), header}
    ours = {urlsplit(url).path for url in found if "/leave/" in url}
    assert ours and header in found
    for path in ours:
        for response in (Client().get(path), Client(enforce_csrf_checks=True).post(path)):
            assert response.status_code == 200 and b"This was a test mail" in response.content
    assert rows() == before


def test_a_real_person_without_a_name_gets_the_fallback(channel, now):
    send_test(make.step(body=BODY), ["me@shop.example"], reader=person(first_name=""), now=now)
    assert "Hi you" in channel.taken[0].text


def test_no_field_is_asked(channel, now):
    field: MergeField = Answering(lambda who: "CODE")
    step = make.step(body=[{"type": "text", "value": "<p>{{ extra|x }}</p>", "id": "b"}])
    with hooks.register_temporarily("register_drip_merge_fields", lambda: {"extra": field}):
        send_test(step, ["me@shop.example"], reader=person(), now=now)
    assert field.asked == 0 and "SAMPLE" in channel.taken[0].text


@pytest.mark.parametrize(
    ("sending", "addresses", "said"),
    [
        ("off", ["me@shop.example"], "WAGTAIL_DRIP_SENDING is off."),
        ("allowlist", ["me@ok.example", "me@shop.example"], "doesn't name: me@shop.example"),
        ("on", [f"{n}@shop.example" for n in range(6)], "5 addresses at most"),
    ],
)
def test_what_keeps_it_back_says_so(channel, now, settings, sending, addresses, said):
    settings.WAGTAIL_DRIP_SENDING, settings.WAGTAIL_DRIP_ALLOWLIST = sending, ["ok.example"]
    with pytest.raises(ValueError, match=re.escape(said)):
        send_test(make.step(body=BODY), addresses, now=now)
    assert channel.opened == 0


def test_who_complained_gets_no_test_either(channel, now):
    Suppression.objects.create(
        address_hash=keyed_hash("me@shop.example"), scope="all", reason="complained", created_at=now
    )
    with pytest.raises(ValueError, match=r"get no mail at all: me@shop\.example"):
        send_test(make.step(body=BODY), ["me@shop.example"], now=now)


def test_each_address_has_its_own_answer(channel, now):
    told = send_test(make.step(body=BODY), ["bad@shop.example", "me@shop.example"], now=now)
    assert [(one.address, one.trouble) for one in told] == [
        ("bad@shop.example", "no"), ("me@shop.example", ""),
    ]  # fmt: skip


def test_an_outage_is_told(channel, now):
    channel.outage = "down"
    with pytest.raises(ValueError, match="can't be reached: down"):
        send_test(make.step(body=BODY), ["me@shop.example"], now=now)


# Text messages


@pytest.fixture
def texts():
    channel = MemoryChannel(slug="sms")
    found = {"sms": SmsChannel(channel)}
    with hooks.register_temporarily("register_drip_channels", lambda: found):
        yield channel


def words(text: str):
    return make.step(
        "Hi", channel="sms", message=json.dumps([{"type": "sms", "value": {"text": text}}])
    )


def test_a_text_message_is_marked_and_goes_to_the_number_alone(texts, now):
    step = words("Hi {{ first_name|you }}: https://shop.example/books/")
    ann = person(email="ann@example.com", first_name="Ann", attributes={"phone": "+447400999999"})
    before = rows()
    [told] = send_test(step, ["+447400123456"], reader=ann, now=now)
    [sent] = texts.taken
    assert not told.trouble and sent.to == "+447400123456"
    assert sent.text == "[Test] Hi Ann: https://shop.example/books/"
    assert rows() == before


def test_a_number_that_said_stop_gets_no_test(texts, now):
    suppress("+447400123456", reason=Suppression.Reason.UNSUBSCRIBED, at=now)
    with pytest.raises(ValueError, match=r"get no text messages at all: \+447400123456"):
        send_test(words("Hi"), ["+447400123456"], now=now)
    assert texts.tried == []


def test_a_number_must_be_on_the_allowlist_itself(texts, now, settings):
    settings.WAGTAIL_DRIP_SENDING = "allowlist"
    settings.WAGTAIL_DRIP_ALLOWLIST = ["+447400123456"]
    assert send_test(words("Hi"), ["+447400123456"], now=now)[0].trouble == ""
    with pytest.raises(ValueError, match=r"doesn't name: \+447400999999"):
        send_test(words("Hi"), ["+447400999999"], now=now)


def test_a_site_without_text_messages_says_so(now, settings):
    settings.WAGTAIL_DRIP_SMS_BACKEND = ""
    with pytest.raises(ValueError, match="SMS_BACKEND is not set"):
        send_test(words("Hi"), ["+447400123456"], now=now)


def test_what_goes_to_other_systems_is_no_test(channel, now):
    with pytest.raises(ValueError, match="Only mails and text messages"):
        send_test(make.step("Call", channel="webhook"), ["me@shop.example"], now=now)
