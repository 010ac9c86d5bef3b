"""Twilio's calls: who is heard, what an answer means, what became of a message."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests import factories as make
from wagtail_drip.engine import heeding, tracking
from wagtail_drip.engine.erasing import erase
from wagtail_drip.integrations.twilio import signature
from wagtail_drip.models import Consent, ConsentRecord, Enrollment, Suppression
from wagtail_drip.models.consent import standing_against, suppress

pytestmark = pytest.mark.django_db
TOKEN, BASE = "12345", "https://shop.example"
NUMBER = "+447400123456"


@pytest.fixture(autouse=True)
def configured(settings):
    settings.WAGTAIL_DRIP_BASE_URL = BASE
    settings.WAGTAIL_DRIP_TWILIO = {"ACCOUNT_SID": "AC1", "AUTH_TOKEN": TOKEN, "FROM": "+1"}


@pytest.fixture
def call(client):
    def call(path: str, *, signed: str | None = None, **posted):
        wanted = signature(TOKEN, BASE + path, {name: [value] for name, value in posted.items()})
        headers = {"X-Twilio-Signature": wanted if signed is None else signed}
        return client.post(path, posted, headers=headers)

    return call


@pytest.fixture
def answer(call):
    numbers = iter(range(10**6))

    def answer(words: str, number: str = NUMBER, **more):
        told = {"From": number, "Body": words, "MessageSid": f"SM{next(numbers)}", **more}
        return call(reverse("wagtail_drip:twilio"), **told)

    return answer


def somebody(*topics, number: str = NUMBER):
    person = make.contact(attributes={"phone": number})
    for topic in topics:
        make.consent(person, topic)
    return person


def states(person) -> dict[str, str]:
    return dict(Consent.objects.filter(contact=person).values_list("topic__slug", "state"))


def test_the_signature_is_the_one_that_twilio_documents():
    told = {
        "CallSid": ["CA1234567890ABCDE"], "Caller": ["+12349013030"], "Digits": ["1234"],
        "From": ["+12349013030"], "To": ["+18005551212"],
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, told) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


@pytest.mark.parametrize("signed", ["", "x", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "é"])
@pytest.mark.parametrize("name", ["inbound", "status"])
def test_who_has_not_signed_is_not_heard(call, signed, name):
    row = make.delivery(make.enrollment(make.campaign(), due_at=None), channel="sms", state="sent")
    args = [row.token] if name == "status" else []
    path = reverse("wagtail_drip:twilio_status" if args else "wagtail_drip:twilio", args=args)
    told = {"From": NUMBER, "To": NUMBER, "Body": "STOP", "MessageStatus": "delivered"}
    assert call(path, signed=signed, **told).status_code == 403
    row.refresh_from_db()
    assert not Suppression.objects.exists() and row.delivered_at is None


def test_a_signature_holds_for_what_was_signed_alone(client, call):
    path = reverse("wagtail_drip:twilio")
    told = {"From": NUMBER, "Body": "Hello"}
    good = signature(TOKEN, BASE + path, {name: [value] for name, value in told.items()})
    assert call(path, signed=good, **told).status_code == 200
    assert call(path, signed=good, **{**told, "Body": "STOP"}).status_code == 403
    assert call(f"{path}?a=1", signed=good, **told).status_code == 403
    assert call(path, signed=good, **told, More="x").status_code == 403


def test_without_a_token_there_is_no_such_page(call, settings):
    settings.WAGTAIL_DRIP_TWILIO = {}
    assert call(reverse("wagtail_drip:twilio"), Body="STOP").status_code == 404


def test_get_changes_nothing(client):
    assert client.get(reverse("wagtail_drip:twilio")).status_code == 405


@pytest.mark.parametrize("body", [b"\xff\xfe", b"--x\r\nContent-", b"a=" + b"%" * 50])
def test_a_body_that_is_no_form_breaks_nothing(client, body):
    for kind in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        path = reverse("wagtail_drip:twilio")
        assert client.generic("POST", path, body, kind).status_code in (400, 403)


STOPS = [
    "STOP", "stop", " Stop. ", "S T O P", "stop all", "STOPALL", "unsubscribe", "Cancel", "END!",
    "quit", "«СТОП»", "стоп", "لغو", "إلغاء", "الغاء", "إيقاف", "ايقاف", "لغو\u200c",
    "\u202bلغو\u202c",
]  # fmt: skip


@pytest.mark.parametrize("words", STOPS)
def test_stop_words(words):
    assert heeding.meant(words) == "stop"


@pytest.mark.parametrize(
    "words", ["", "Please stop", "stopp", "STOP it", "hello", "help", "1", "."]
)
def test_words_that_stop_nothing(words):
    assert heeding.meant(words) == ""


def test_a_site_has_words_of_its_own(settings):
    settings.WAGTAIL_DRIP_SMS_STOP_WORDS = ["halt", "", "  "]
    assert heeding.meant("Halt!") == "stop" == heeding.meant("STOP")
    assert heeding.meant("لغو") == "" == heeding.meant("  ") and heeding.meant("start") == "start"


def test_stop_holds_for_the_number_and_takes_back_consent_to_text_messages(answer):
    news, texts = make.topic("news"), make.topic("texts", channel="sms")
    one, two = somebody(news, texts), somebody(texts, number="+44 7400 123 456")
    other = somebody(texts, number="+447400123457")
    campaign = make.campaign(sms_topic=texts, transactional_reason="")
    make.enrollment(campaign, one)
    response = answer("Stop")
    assert response.status_code == 200 and b"<Response></Response>" in response.content
    found = standing_against(NUMBER)
    assert found and (found.reason, found.scope, found.kind) == ("unsubscribed", "all", "number")
    assert states(one) == {"news": "granted", "texts": "withdrawn"}
    assert (states(two), states(other)) == ({"texts": "withdrawn"}, {"texts": "granted"})
    assert ConsentRecord.objects.filter(contact=one).latest("pk").source == heeding.SOURCE
    assert Enrollment.objects.get().reason == "unsubscribed"


def test_start_lifts_the_number_alone(answer):
    texts = make.topic("texts", channel="sms")
    person = somebody(texts)
    answer("STOP"), answer("START")
    assert standing_against(NUMBER) is None
    assert states(person) == {"texts": "withdrawn"}  # what they agree to is said elsewhere


@pytest.mark.parametrize("reason", ["bounced", "manual"])
def test_start_lifts_nothing_but_stop(answer, now, reason):
    suppress(NUMBER, reason=reason, at=now)
    answer("START")
    assert standing_against(NUMBER).reason == reason


def test_a_call_that_is_sent_again_changes_nothing(answer):
    first = {"MessageSid": "SM-first"}
    answer("STOP", **first), answer("START")
    answer("STOP", **first)
    assert standing_against(NUMBER) is None
    answer("STOP")
    assert standing_against(NUMBER)


def test_what_twilio_itself_says_is_meant_counts(answer):
    answer("Arrêt", OptOutType="STOP")
    assert standing_against(NUMBER)
    answer("anything", OptOutType="HELP")


@pytest.mark.parametrize("number", ["", "12345", "whatsapp:+447400123456", "ACME"])
def test_a_number_that_is_none_breaks_nothing(answer, number):
    assert answer("STOP", number).status_code == 200 and not Suppression.objects.exists()


def test_it_outlives_erasing_and_comes_back_with_nobody(answer, now):
    texts = make.topic("texts", channel="sms")
    person = somebody(texts)
    answer("STOP")
    erase(person, now=now)
    again = somebody(texts)
    assert standing_against(NUMBER) and states(again) == {"texts": "granted"}
    assert "7400123456" not in str(list(Suppression.objects.values()))


# What became of a message


@pytest.fixture
def tell(call):
    def tell(row, status: str, **more):
        path = reverse("wagtail_drip:twilio_status", args=[row.token])
        told = {"MessageSid": "SM1", "MessageStatus": status, "To": NUMBER, **more}
        assert call(path, **told).status_code == 200
        row.refresh_from_db()
        return row

    return tell


def message(state: str = "sent", **fields):
    row = make.enrollment(make.campaign(), somebody(), due_at=None)
    return make.delivery(row, channel="sms", state=state, **fields)


def test_delivered_is_a_fact_and_its_first_moment_is_kept(tell):
    row = tell(message(), "delivered")
    first = row.delivered_at
    assert first and tell(row, "delivered").delivered_at == first and row.state == "sent"


@pytest.mark.parametrize("status", ["queued", "sent", "delivered", "undelivered"])
@pytest.mark.parametrize("state", ["uncertain", "waiting"])
def test_whatever_it_tells_settles_a_doubt(tell, status, state):
    row = tell(message(state), status)
    assert row.state == "sent" and (row.delivered_at is not None) is (status == "delivered")


@pytest.mark.parametrize(
    ("code", "kind", "suppressed"),
    [
        ("30005", "hard", True),
        ("30006", "hard", True),
        ("30003", "soft", False),
        ("30007", "", False),
        ("x", "", False),
        ("9" * 50, "", False),
    ],
)
def test_what_does_not_arrive(tell, mailoutbox, code, kind, suppressed):
    row = tell(message(), "undelivered", ErrorCode=code)
    assert row.bounced_at and (row.bounce_type, row.reason) == (kind, code)
    assert bool(standing_against(NUMBER)) is suppressed
    assert standing_against(row.contact.email) is None  # their mails go on
    row.enrollment.refresh_from_db()
    assert row.enrollment.state == "active"


def test_text_messages_that_bounce_softly_give_no_address_up(tell, settings, now):
    settings.WAGTAIL_DRIP_SOFT_BOUNCES = 2
    row = tell(message(settled_at=now), "failed", ErrorCode="30003")
    inside = make.enrollment(make.campaign("mails"), row.contact, due_at=None)
    mail = make.delivery(inside, state="sent", settled_at=now)
    tracking.note(mail.token, tracking.BOUNCED, now, bounce_type="soft")
    assert row.bounce_type == "soft" and not Suppression.objects.exists()


def test_who_has_opted_out_is_suppressed(tell):
    texts = make.topic("texts", channel="sms")
    row = message()
    make.consent(row.contact, texts)
    tell(row, "failed", ErrorCode="21610")
    assert standing_against(NUMBER).reason == "unsubscribed"
    assert states(row.contact) == {"texts": "withdrawn"}


def test_what_it_tells_of_nobodys_message_is_nothing(call, tell):
    path = reverse("wagtail_drip:twilio_status", args=["0" * 32])
    assert call(path, MessageStatus="delivered", MessageSid="SM9").status_code == 200
    assert tell(message(), "canceled").delivered_at is None
