"""Each provider's own payloads, through Anymail's own views, to our facts."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from anymail.urls import urlpatterns as routes
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.urls import include, path

from tests import factories
from wagtail_drip.engine.tracking import hear_again
from wagtail_drip.integrations import sns
from wagtail_drip.models import Consent, Delivery, EarlyFact, Reaction, Suppression
from wagtail_drip.models.consent import grant

from . import providers
from .providers import KINDS, NOTED, PROVIDERS, Post

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.integrations.test_providers"),
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
urlpatterns = [path("anymail/", include("anymail.urls"))]

TOPIC = "arn:aws:sns:us-east-1:123456789012:SES_Events"
PEM_URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def at():
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)


@pytest.fixture
def delivery(at):
    topic = factories.topic()
    ann = factories.contact(providers.ANN)
    grant(ann, topic, at=at - timedelta(days=9), source="form")
    enrollment = factories.enrollment(factories.campaign(topic=topic), ann)
    sent = at - timedelta(minutes=1)
    return factories.delivery(enrollment, state="sent", settled_at=sent, provider_id="esp-1")


@pytest.fixture(autouse=True)
def secrets(settings, rsa_key):
    public = rsa_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = "".join(public.decode().splitlines()[1:-1])
    settings.ANYMAIL = {**providers.SETTINGS, "POSTAL_WEBHOOK_KEY": key}
    settings.WAGTAIL_DRIP_SNS_TOPICS = [TOPIC]


@pytest.fixture
def call(client):
    def post(esp: str, made: Post, password: str = "drip:secret"):
        login = base64.b64encode(password.encode()).decode()
        headers = {"authorization": f"Basic {login}", **made.headers}
        place = "mandrill/" if esp == "mandrill" else f"{esp}/tracking/"
        if made.content_type == "multipart":
            return client.post(f"/anymail/{place}", made.data, headers=headers)
        return client.post(f"/anymail/{place}", made.data, made.content_type, headers=headers)

    return post


CASES = [(esp, kind) for esp in PROVIDERS for kind in KINDS]


@pytest.mark.parametrize(("esp", "kind"), CASES)
def test_each_thing_a_provider_tells_is_noted_once(call, delivery, at, esp, kind):
    made = PROVIDERS[esp](kind, delivery.token, at)
    if made is None:
        pytest.skip("this provider doesn't tell of it")
    for _repeated in range(3):
        assert call(esp, made).status_code == 200
    _assert_noted(delivery, kind, at)


@pytest.mark.parametrize("kind", KINDS)
def test_postal_signs_with_its_own_key(call, delivery, at, kind, rsa_key):
    made = providers.postal(kind, delivery.token, at, key=rsa_key)
    if made is None:
        pytest.skip("this provider doesn't tell of it")
    assert call("postal", made).status_code == 200
    _assert_noted(delivery, kind, at)
    made.headers["x-postal-signature"] = base64.b64encode(b"x" * 256).decode()
    assert call("postal", made).status_code == 400


def _assert_noted(delivery, kind, at):
    delivery.refresh_from_db()
    assert [name for name in sorted(set(NOTED.values())) if getattr(delivery, name)] == [
        NOTED[kind] for kind in [kind] if kind in NOTED
    ]
    if kind in NOTED:
        assert abs(getattr(delivery, NOTED[kind]) - at) <= timedelta(seconds=1)
    assert delivery.bounce_type == (kind if kind in ("hard", "soft") else "")
    reasons = {"hard": "bounced", "complain": "complained"}
    assert list(Suppression.objects.values_list("reason", flat=True)) == [
        reasons[one] for one in [kind] if one in reasons
    ]
    withdrawn = Consent.objects.get().state == "withdrawn"
    assert withdrawn == (kind in ("complain", "unsubscribe"))
    assert Reaction.objects.count() == (kind in ("open", "click"))


def test_every_route_of_anymail_is_tested():
    named = {route.name for route in routes if "tracking" in (route.name or "")}
    tested = {f"{esp}_tracking_webhook" for esp in [*PROVIDERS, "postal", "amazon_ses"]}
    assert named == tested


@pytest.mark.parametrize("esp", PROVIDERS)
def test_without_the_password_or_the_signature_nothing_is_believed(call, delivery, at, esp):
    made = PROVIDERS[esp]("hard", delivery.token, at)
    made.headers = {}
    assert call(esp, made, password="drip:guess").status_code == 400
    assert not Suppression.objects.exists()


# What comes before our commit


def test_what_is_told_before_our_commit_is_heard_again(call, delivery, at):
    Delivery.objects.update(provider_id="", state="sending", settled_at=None)
    for kind in ("hard", "deliver", "deliver"):
        assert call("mailersend", providers.mailersend(kind, "", at)).status_code == 200
    now = datetime.now(UTC)
    assert (EarlyFact.objects.count(), hear_again(now)) == (2, 0)
    Delivery.objects.update(provider_id="esp-1", state="sent", settled_at=now)
    assert (hear_again(now), EarlyFact.objects.count()) == (2, 0)
    delivery.refresh_from_db()
    assert delivery.delivered_at == at and delivery.bounce_type == "hard"
    assert Suppression.objects.count() == 1


def test_what_nobody_knows_is_forgotten_after_an_hour(call, at):
    call("mailersend", providers.mailersend("hard", "", at))
    hear_again(datetime.now(UTC) + timedelta(minutes=50))
    assert EarlyFact.objects.count() == 1
    hear_again(datetime.now(UTC) + timedelta(minutes=70))
    assert not EarlyFact.objects.exists() and not Suppression.objects.exists()


def test_another_installation_s_token_is_not_kept(call, at):
    call("postmark", providers.postmark("hard", "0" * 32, at))
    assert not EarlyFact.objects.exists()


# Old stamps


@pytest.mark.parametrize(("hours", "status"), [(0, 200), (10, 200), (25, 400), (24 * 365, 400)])
def test_mailgun_s_old_signatures_are_refused(call, delivery, at, hours, status):
    signed = datetime.now(UTC) - timedelta(hours=hours)
    made = providers.mailgun("hard", delivery.token, at, signed=signed)
    assert call("mailgun", made).status_code == status
    assert Suppression.objects.count() == (status == 200)


@pytest.mark.parametrize(("hours", "status"), [(10, 200), (25, 400)])
def test_sendgrid_s_old_batches_are_refused(call, delivery, at, hours, status):
    made = providers.sendgrid("hard", delivery.token, datetime.now(UTC) - timedelta(hours=hours))
    assert call("sendgrid", made).status_code == status
    stamp = str((datetime.now(UTC) - timedelta(hours=hours)).timestamp())
    made = providers.sendgrid("hard", delivery.token, at)
    made.headers["X-Twilio-Email-Event-Webhook-Timestamp"] = stamp
    assert call("sendgrid", made).status_code == status
    assert Suppression.objects.count() == (status == 200)


@pytest.mark.parametrize("esp", ["mailgun", "sendgrid", "amazon_ses"])
@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"{}", b"\xff", b'[{"timestamp": 1e400}]'])
def test_rubbish_is_refused_without_an_error(call, esp, body):
    assert call(esp, Post(body)).status_code in (200, 400)


# Amazon: the topic and its signature


@pytest.fixture
def certificate(monkeypatch, rsa_key):
    """Amazon's certificate, made here; no network is asked."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder(name, name, rsa_key.public_key(), 1)
        .not_valid_before(datetime(2020, 1, 1))
        .not_valid_after(datetime(2040, 1, 1))
        .sign(rsa_key, hashes.SHA256())
    )
    asked = []
    pem = made.public_bytes(serialization.Encoding.PEM)
    monkeypatch.setattr(sns, "certificate", lambda url: asked.append(url) or pem)
    return asked


@pytest.fixture
def notify(call, rsa_key, certificate):
    def post(message, *, sign=True, **fields):
        data = {
            "Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC,
            "Message": json.dumps(message), "Timestamp": datetime.now(UTC).isoformat(),
            "SignatureVersion": "2", "SigningCertURL": PEM_URL, **fields,
        }  # fmt: skip
        digest = {"1": hashes.SHA1, "2": hashes.SHA256}.get(data["SignatureVersion"], hashes.SHA512)
        signature = rsa_key.sign(sns.canonical(data), padding.PKCS1v15(), digest())
        data["Signature"] = base64.b64encode(signature if sign else b"x" * 256).decode()
        headers = {"x-amz-sns-message-type": data["Type"], "x-amz-sns-message-id": "m-1"}
        return call("amazon_ses", Post(data, headers))

    return post


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", ["1", "2"])
def test_amazon_s_signed_notifications_are_noted(notify, delivery, at, kind, version):
    told = providers.amazon_ses(kind, delivery.token, at)
    if told is None:
        pytest.skip("this provider doesn't tell of it")
    fields = {"Timestamp": at.isoformat(), "SignatureVersion": version, "Subject": "SES"}
    assert notify(told, **fields).status_code == 200
    _assert_noted(delivery, kind, at)


@pytest.mark.parametrize(
    "fields",
    [
        {"sign": False},
        {"SignatureVersion": "3"},
        {"TopicArn": "arn:aws:sns:us-east-1:999:Theirs"},
        {"SigningCertURL": "http://sns.us-east-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://sns.us-east-1.amazonaws.com.evil.example/x.pem"},
        {"SigningCertURL": "https://sns.us-east-1.amazonaws.com@evil.example/x.pem"},
        {"SigningCertURL": "https://sns.us-east-1.amazonaws.com:8443/x.pem"},
        {"SigningCertURL": "https://s3.us-east-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://sns.us-east-1.amazonaws.com/../x.pem?a=.pem"},
        {"SigningCertURL": "https://127.0.0.1/x.pem"},
        {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": "u", "sign": False},
    ],
)
def test_what_amazon_did_not_sign_is_refused(notify, delivery, at, certificate, fields):
    told = providers.amazon_ses("hard", delivery.token, at)
    assert notify(told, **fields).status_code == 400
    assert not Suppression.objects.exists()
    assert "SigningCertURL" not in fields or certificate == []


def test_without_topics_amazon_is_not_heard(notify, delivery, at, settings):
    settings.WAGTAIL_DRIP_SNS_TOPICS = []
    assert notify(providers.amazon_ses("hard", delivery.token, at)).status_code == 400
