from __future__ import annotations

import pytest
from anymail.webhooks.mailtrap import MailtrapTrackingWebhookView
from django.core.checks import INFO, run_checks
from django.urls import include, path

from tests import factories as make
from wagtail_drip import checks

GOOD_CLUSTER = {
    "name": "site", "workers": 2, "queue_limit": 2, "timeout": 120, "retry": 300,
    "ack_failures": True, "max_attempts": 1, "catch_up": False, "orm": "default",
}  # fmt: skip
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}
WAITING = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = WAL;"}


class OpenWebhooks:
    urlpatterns = [
        path("drip/", include("wagtail_drip.urls")),
        path("anymail/", include("anymail.urls")),
    ]


class SignedWebhook:
    from anymail.webhooks.mailgun import MailgunTrackingWebhookView

    urlpatterns = [path("mailgun/", MailgunTrackingWebhookView.as_view())]


class NoUrls:
    urlpatterns: list = []


pytestmark = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")


@pytest.fixture(autouse=True)
def good(settings):
    """A site with nothing to complain of."""
    settings.ROOT_URLCONF = "tests.recipients.urls"
    settings.Q_CLUSTER = dict(GOOD_CLUSTER)
    settings.WAGTAIL_DRIP_SENDING = "on"
    settings.WAGTAIL_DRIP_BASE_URL = "https://www.example.com"
    settings.WAGTAIL_DRIP_FROM_EMAIL = "The Shop <shop@example.com>"
    settings.WAGTAIL_DRIP_POSTAL_ADDRESS = "1 Harbour Street"
    settings.WAGTAIL_DRIP_HASH_KEY = "a key of its own"


def found(**kwargs) -> list[str]:
    messages = run_checks(tags=[checks.TAG], **kwargs)
    assert all(message.hint for message in messages)
    faults = [message for message in messages if message.level > INFO]
    return [message.id.removeprefix("wagtail_drip.") for message in faults]


def test_a_good_site_hears_nothing():
    assert found(include_deployment_checks=True) == []


def test_a_good_site_is_reminded_of_what_no_check_sees(settings):
    (note,) = run_checks(tags=[checks.TAG], include_deployment_checks=True)
    assert (note.id, note.level) == ("wagtail_drip.I001", INFO)
    assert "example.com" in note.msg and "DKIM" in note.hint
    settings.WAGTAIL_DRIP_SENDING = "off"
    assert run_checks(tags=[checks.TAG], include_deployment_checks=True) == []


def test_no_check_asks_the_database():
    # Outside a database test any query raises.
    found(include_deployment_checks=True)


@pytest.mark.parametrize(
    ("id", "name", "value"),
    [
        ("E001", "WAGTAIL_DRIP_SENDING", "yes"),
        ("E002", "WAGTAIL_DRIP_PRODUCTS", "nowhere.Products"),
        ("E003", "ROOT_URLCONF", NoUrls),
        ("E004", "ROOT_URLCONF", OpenWebhooks),
        ("E005", "WAGTAIL_DRIP_BASE_URL", "www.example.com"),
        ("E006", "WAGTAIL_DRIP_CLUSTER", "mails"),
        ("E007", "EMAIL_BACKEND", "anymail.backends.amazon_ses.EmailBackend"),
        ("E026", "WAGTAIL_DRIP_CACHE", "mails"),
        ("W002", "WAGTAIL_DRIP_FROM_EMAIL", "webmaster@localhost"),
        ("W003", "WAGTAIL_DRIP_FROM_EMAIL", "Shop <shop@GMAIL.com>"),
        ("W004", "WAGTAIL_DRIP_POSTAL_ADDRESS", " "),
        ("W005", "WAGTAIL_DRIP_HASH_KEY", None),
        ("W006", "DATABASES", {"default": SQLITE}),
    ],
)
def test_each_wrong_setting_is_named(settings, id, name, value):
    setattr(settings, name, value)
    assert found() == [id]


@pytest.mark.parametrize(
    ("id", "option", "value"),
    [
        ("W010", "timeout", None),
        ("W010", "timeout", 50),
        ("W011", "retry", 120),
        ("W012", "ack_failures", False),
        ("W013", "max_attempts", 0),
        ("W014", "catch_up", True),
        ("W015", "queue_limit", 4),
        ("W016", "orm", "queue"),
    ],
)
def test_each_wrong_option_of_the_cluster_is_named(settings, id, option, value):
    settings.Q_CLUSTER[option] = value
    assert found() == [id]


def test_a_cluster_nobody_set_up_has_all_of_django_q2_s_defaults(settings):
    settings.Q_CLUSTER = {"workers": 4}
    assert found() == ["W010", "W012", "W013", "W014", "W015"]


@pytest.mark.parametrize(("timeout", "wrong"), [(None, []), (20, []), (60, ["W017"])])
def test_a_lease_outlives_the_wait_on_a_slow_server(settings, timeout, wrong):
    settings.EMAIL_TIMEOUT = timeout
    assert found() == wrong


def test_our_own_cluster_is_the_one_that_counts(settings):
    settings.Q_CLUSTER["timeout"] = None
    settings.Q_CLUSTER["ALT_CLUSTERS"] = {"mails": {"timeout": 120}}
    settings.WAGTAIL_DRIP_CLUSTER = "mails"
    assert found() == []


def test_without_django_q2_there_is_no_cluster_to_check(settings, monkeypatch):
    settings.Q_CLUSTER = {}
    monkeypatch.setattr(checks.apps, "is_installed", lambda name: name != "django_q")
    assert checks.cluster() == []


@pytest.mark.parametrize("name", ["ANYMAIL", "ANYMAIL_WEBHOOK_SECRET"])
def test_webhooks_with_a_secret_are_fine(settings, name):
    settings.ROOT_URLCONF = OpenWebhooks
    setattr(settings, name, {"WEBHOOK_SECRET": "u:p"} if name == "ANYMAIL" else "u:p")
    assert found() == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_signatures_of_every_routed_provider_are_as_good_as_a_secret(settings):
    """SendGrid, Resend and Mailtrap sign only where a key is set; the others need the secret."""
    settings.ROOT_URLCONF = OpenWebhooks
    assert checks.is_open(MailtrapTrackingWebhookView)
    settings.ANYMAIL = {"MAILTRAP_TRACKING_SECRET": "key"}
    assert not checks.is_open(MailtrapTrackingWebhookView)
    assert found() == ["E004"]


def test_a_webhook_that_checks_signatures_needs_no_secret(settings):
    settings.ROOT_URLCONF = SignedWebhook
    assert checks.webhook_secret() == []


@pytest.mark.parametrize("database", [SQLITE | {"OPTIONS": WAITING}, {"ENGINE": "x.postgresql"}])
def test_databases_that_wait_are_fine(settings, database):
    settings.DATABASES = {"default": database}
    assert found() == []


def test_unencrypted_links_matter_only_when_deploying(settings):
    settings.WAGTAIL_DRIP_BASE_URL = "http://www.example.com"
    assert found() == []
    assert found(include_deployment_checks=True) == ["W001"]
    settings.WAGTAIL_DRIP_BASE_URL = "http://localhost:8000"
    assert found(include_deployment_checks=True) == []


def test_a_fresh_site_is_not_nagged(settings):
    settings.WAGTAIL_DRIP_SENDING = "off"
    for name in ("BASE_URL", "FROM_EMAIL", "POSTAL_ADDRESS", "HASH_KEY"):
        setattr(settings, f"WAGTAIL_DRIP_{name}", "")
    assert found(include_deployment_checks=True) == []


TWILIO = {"ACCOUNT_SID": "AC1", "AUTH_TOKEN": "secret", "FROM": "+15005550006"}


@pytest.mark.parametrize(
    ("backend", "options", "region", "wrong"),
    [
        ("", {}, "", []),
        ("", {"TOKEN": "x"}, "", ["E023"]),
        ("", "AC1", "", ["E023"]),
        ("wagtail_drip.channels.twilio.Twilio", TWILIO, "DE", []),
        ("wagtail_drip.channels.twilio.Twilio", TWILIO, "", ["W018"]),
        ("wagtail_drip.channels.twilio.Twilio", {**TWILIO, "AUTH_TOKEN": ""}, "DE", ["E024"]),
        ("wagtail_drip.channels.twilio.Twilio", {}, "DE", ["E024"]),
        ("no.such.Backend", {}, "DE", ["E024"]),
        ("wagtail_drip.channels.console.ConsoleTexts", {}, "DE", []),
    ],
)
def test_text_messages(settings, backend, options, region, wrong):
    settings.WAGTAIL_DRIP_SMS_BACKEND = backend
    settings.WAGTAIL_DRIP_TWILIO = options
    settings.WAGTAIL_DRIP_SMS_REGION = region
    assert found() == wrong


def test_text_messages_without_the_library_for_numbers(settings, monkeypatch):
    settings.WAGTAIL_DRIP_SMS_BACKEND = "wagtail_drip.channels.console.ConsoleTexts"
    settings.WAGTAIL_DRIP_SMS_REGION = "DE"
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert found() == ["E025"]


@pytest.mark.django_db
def test_live_text_messages_that_no_back_end_sends(settings):
    settings.WAGTAIL_DRIP_SMS_BACKEND = ""
    live = make.step("Soon", channel="sms")
    make.step("A draft", channel="sms", live=False)
    [told] = checks.check_texts(None, ["default"])
    assert told.id == "wagtail_drip.W019" and "Soon." in told.msg and "draft" not in told.msg
    assert checks.check_texts(None) == [] == checks.check_texts(None, ["other"])
    settings.WAGTAIL_DRIP_SMS_BACKEND = "wagtail_drip.channels.console.ConsoleTexts"
    assert checks.check_texts(None, ["default"]) == []
    settings.WAGTAIL_DRIP_SMS_BACKEND = ""
    live.delete()
    assert checks.check_texts(None, ["default"]) == []
