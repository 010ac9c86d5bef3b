from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.core import mail
from django.db import OperationalError
from django.urls import include, path
from django.utils import timezone

from tests import factories
from wagtail_drip.engine import tracking as engine
from wagtail_drip.engine.sending import send_due
from wagtail_drip.integrations import anymail
from wagtail_drip.models import Enrollment, Suppression

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.integrations.test_anymail")]
urlpatterns = [path("anymail/", include("anymail.urls"))]

MORNING = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
HARD = ("bounced", "hard")


@pytest.fixture(autouse=True)
def secrets(settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "drip:secret", "MAILGUN_WEBHOOK_SIGNING_KEY": "key"}


@pytest.fixture
def delivery():
    enrollment = factories.enrollment(
        factories.campaign(topic=factories.topic()), factories.contact("ann@example.com")
    )
    return factories.delivery(enrollment, state="sent", provider_id="esp-1")


@pytest.fixture
def call(client):
    """Post to one of Anymail's webhooks as the provider does."""

    def post(esp, data, password="drip:secret", **headers):
        login = base64.b64encode(password.encode()).decode()
        return client.post(
            f"/anymail/{esp}/tracking/",
            json.dumps(data),
            content_type="application/json",
            headers={"authorization": f"Basic {login}", **headers},
        )

    return post


def signal(event_type, **values):
    event = AnymailTrackingEvent(event_type=event_type, **values)
    return tracking.send(sender=object, event=event, esp_name=values.get("esp", "Test"))


def postmark(delivery, record_type, **values):
    metadata = {"drip": delivery.token}
    return {"RecordType": record_type, "MessageID": "x", "Metadata": metadata, **values}


# Whole ways: a provider's webhook, Anymail's own view, our fact


def test_postmark_s_delivery_is_noted(call, delivery):
    data = postmark(delivery, "Delivery", DeliveredAt="2026-03-03T08:00:00Z")
    assert call("postmark", data).status_code == 200
    delivery.refresh_from_db()
    assert delivery.delivered_at == MORNING


def test_postmark_s_hard_bounce_suppresses(call, delivery):
    bounce = {"Type": "HardBounce", "Email": "ann@example.com", "Details": "550 5.1.1 unknown"}
    data = postmark(delivery, "Bounce", BouncedAt="2026-03-03T08:00:00Z", **bounce)
    for _repeated in range(3):
        assert call("postmark", data).status_code == 200
    delivery.refresh_from_db()
    assert (delivery.bounced_at, delivery.bounce_type) == (MORNING, "hard")
    assert delivery.reason == "550 5.1.1 unknown"
    assert Suppression.objects.get().reason == "bounced"
    assert Enrollment.objects.get().reason == "suppressed"


def test_mailgun_s_signed_complaint_is_noted(call, delivery):
    stamp, token = str(int(timezone.now().timestamp())), "a" * 50
    signature = hmac.new(b"key", f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    data = {
        "signature": {"timestamp": stamp, "token": token, "signature": signature},
        "event-data": {
            "event": "complained",
            "timestamp": MORNING.timestamp(),
            "recipient": "ann@example.com",
            "message": {"headers": {"message-id": delivery.message_id.strip("<>")}},
            "user-variables": {},
        },
    }
    assert call("mailgun", data).status_code == 200
    delivery.refresh_from_db()
    assert delivery.complained_at == MORNING
    assert Suppression.objects.get().scope == "marketing"


def test_a_caller_without_the_password_is_turned_away(call, delivery):
    data = postmark(delivery, "Bounce", Type="HardBounce")
    assert call("postmark", data, password="drip:guess").status_code == 400
    assert not Suppression.objects.exists()


@pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailInsecureWebhookWarning")
def test_an_open_webhook_is_not_believed(call, delivery, settings, caplog):
    settings.ANYMAIL = {}
    assert call("postmark", postmark(delivery, "Bounce", Type="HardBounce")).status_code == 200
    assert not Suppression.objects.exists()
    assert "WEBHOOK_SECRET" in caplog.text


def test_what_the_line_sends_comes_back_by_its_token(settings, now):
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    settings.ROOT_URLCONF = "tests.recipients.urls"
    settings.WAGTAIL_DRIP_BASE_URL = "https://www.example.com"
    nodes = {"n1": factories.send(factories.step("Hello Ann"))}
    campaign = factories.campaign(nodes=nodes, topic=factories.topic())
    delivery = factories.delivery(factories.enrollment(campaign))
    factories.consent(delivery.contact, campaign.topic)
    assert send_due(now) == 1
    (message,) = mail.outbox
    sent = message.anymail_test_params
    assert (sent["subject"], sent["tags"]) == ("Hello Ann", [campaign.slug])
    assert sent["extra_headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    signal("delivered", timestamp=MORNING, metadata=sent["metadata"])
    delivery.refresh_from_db()
    assert (delivery.state, delivery.delivered_at) == ("sent", MORNING)


# One event


@pytest.mark.parametrize(
    ("event_type", "field"),
    [("delivered", "delivered_at"), ("opened", "opened_at"), ("clicked", "clicked_at"),
     ("bounced", "bounced_at"), ("rejected", "bounced_at"), ("failed", "bounced_at"),
     ("complained", "complained_at")],
)  # fmt: skip
def test_each_event_becomes_its_fact(delivery, event_type, field):
    signal(event_type, timestamp=MORNING, metadata={"drip": delivery.token})
    delivery.refresh_from_db()
    assert getattr(delivery, field) == MORNING


@pytest.mark.parametrize(
    "event_type", ["queued", "sent", "deferred", "autoresponded", "subscribed", "unknown"]
)
def test_other_events_change_nothing(delivery, event_type):
    before = type(delivery).objects.values().get()
    signal(event_type, timestamp=MORNING, metadata={"drip": delivery.token})
    assert type(delivery).objects.values().get() == before


def test_a_refusal_for_an_earlier_complaint_counts_as_one(delivery):
    signal("rejected", reject_reason="spam", metadata={"drip": delivery.token})
    assert Suppression.objects.get().reason == "complained"


def test_unsubscribing_at_the_provider_leaves(delivery):
    signal("unsubscribed", timestamp=MORNING, metadata={"drip": delivery.token})
    assert Enrollment.objects.get().reason == "unsubscribed"


@pytest.mark.parametrize("metadata", [{}, None, {"drip": None}, "text", {"drip": ["x"]}])
def test_without_our_token_the_provider_s_id_serves(delivery, metadata):
    signal("delivered", timestamp=MORNING, metadata=metadata, message_id="esp-1")
    delivery.refresh_from_db()
    assert delivery.delivered_at == MORNING


@pytest.mark.parametrize("stamp", [None, timezone.now() + timedelta(days=9)])
def test_a_missing_or_future_moment_is_now(delivery, stamp):
    signal("opened", timestamp=stamp, metadata={"drip": delivery.token})
    delivery.refresh_from_db()
    assert abs(timezone.now() - delivery.opened_at) < timedelta(minutes=5)


def test_mail_of_others_is_passed_over(delivery):
    assert signal("bounced", metadata={"order": 7}, message_id="theirs")
    assert not Suppression.objects.exists()


def test_an_error_of_ours_does_not_cost_the_batch(delivery, monkeypatch, caplog):
    monkeypatch.setattr(engine, "note", lambda *args, **kwargs: 1 / 0)
    caplog.set_level(logging.ERROR)
    signal("delivered", metadata={"drip": delivery.token})
    assert "could not be noted" in caplog.text


def test_trouble_with_the_database_makes_the_provider_try_again(
    call, client, delivery, monkeypatch
):
    def down(*args, **kwargs):
        raise OperationalError("gone away")

    monkeypatch.setattr(engine, "note", down)
    client.raise_request_exception = False
    assert call("postmark", postmark(delivery, "Delivery")).status_code == 500


# Hard or soft


@pytest.mark.parametrize(
    ("esp", "raw", "expected"),
    [
        ("Amazon SES", {"bounce": {"bounceType": "Permanent"}}, "hard"),
        ("Amazon SES", {"bounce": {"bounceType": "Transient"}}, "soft"),
        ("Amazon SES", {"bounce": {"bounceType": "Undetermined"}}, ""),
        ("Brevo", {"event": "hard_bounce"}, "hard"),
        ("Brevo", {"event": "soft_bounce"}, "soft"),
        ("SendinBlue", {"event": "invalid_email"}, "hard"),
        ("MailerSend", {"data": {"type": "hard_bounced"}}, "hard"),
        ("MailerSend", {"data": {"type": "soft_bounced"}}, "soft"),
        ("Mailgun", {"event-data": {"reason": "suppress-bounce"}}, "hard"),
        ("Mailgun", {"event-data": {"reason": "old"}}, "soft"),
        ("Mailgun", {"event-data": {"reason": "generic"}}, ""),
        ("Mailjet", {"hard_bounce": True}, "hard"),
        ("Mailjet", {"hard_bounce": False}, "soft"),
        ("Mailtrap", {"event": "bounce"}, "hard"),
        ("Mandrill", {"event": "hard_bounce"}, "hard"),
        ("Mandrill", {"event": "soft_bounce"}, "soft"),
        ("Postmark", {"Type": "SoftBounce"}, "soft"),
        ("Resend", {"data": {"bounce": {"type": "Permanent"}}}, "hard"),
        ("Resend", {"data": {"bounce": {"type": "Transient"}}}, "soft"),
        ("SendGrid", {"type": "bounce"}, "hard"),
        ("SendGrid", {"type": "blocked"}, "soft"),
        ("SparkPost", {"msys": {"message_event": {"bounce_class": "10"}}}, "hard"),
        ("SparkPost", {"msys": {"message_event": {"bounce_class": "22"}}}, "soft"),
        ("SparkPost", {"msys": {"message_event": {"bounce_class": "51"}}}, ""),
        ("Unisender Go", {}, "hard"),
        ("Postal", {"bounce": {}}, ""),
        ("Postmark", {}, ""),
        ("Resend", {"data": None}, ""),
        ("SparkPost", {"msys": {}}, ""),
    ],
)
def test_what_a_provider_says_of_a_bounce(esp, raw, expected):
    event = SimpleNamespace(event_type="bounced", esp_event=raw, reject_reason="bounced")
    assert anymail.bounce_type(event, esp) == expected


@pytest.mark.parametrize(
    ("reason", "expected"), [("invalid", "hard"), ("bounced", "hard"), ("blocked", ""), (None, "")]
)
def test_what_a_provider_says_of_a_refusal(reason, expected):
    event = SimpleNamespace(event_type="rejected", esp_event={}, reject_reason=reason)
    assert anymail.bounce_type(event, "Postmark") == expected


def test_each_provider_is_known_by_the_name_anymail_gives_it():
    from anymail import urls

    views = {pattern.callback.view_class for pattern in urls.urlpatterns}
    assert set(anymail._BOUNCES) <= {view.esp_name for view in views}
