"""System checks: settings that would cost mails, or double them. `check_texts` alone asks rows.

Each function returns what is wrong, with a hint that says what to change; `drip_doctor` shows the
same ones beside what only the running system can tell. docs/reference.md lists all ids.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from email.utils import parseaddr
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils.module_loading import import_string

from . import registry
from .conf import conf

TAG = "wagtail_drip"
Findings = list[checks.CheckMessage]

# Their owners refuse mail of these domains that others send (DMARC p=reject or quarantine).
FREE_MAIL = {
    "aol.com", "gmail.com", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com",
    "icloud.com", "live.com", "mail.ru", "me.com", "msn.com", "outlook.com", "proton.me",
    "protonmail.com", "qq.com", "web.de", "yahoo.com", "yahoo.co.uk", "yahoo.fr", "yandex.ru",
}  # fmt: skip
SMS = "sms"  # the channel of text messages
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


def register() -> None:
    """Called once the apps are ready."""
    checks.register(check_settings, TAG)
    checks.register(check_deployment, TAG, deploy=True)
    checks.register(check_texts, checks.Tags.database)


def check_settings(app_configs: Any, **kwargs: Any) -> Findings:
    """What only matters to the people who get mail waits until mail goes out."""
    found = [
        *sending_mode(),
        *products(),
        *urls(),
        *webhook_secret(),
        *sns_topics(),
        *cluster(),
        *database(),
    ]
    found += [*retention(), *sources(), *webhooks(), *texts(), *cache()]
    if _sends():
        found += [*base_url(), *sender(), *postal_address(), *hash_key(), *patience()]
    return found


def check_deployment(app_configs: Any, **kwargs: Any) -> Findings:
    return [*loopback(), *(https() if _sends() else []), *(dkim() if _sends() else [])]


def _sends() -> bool:
    try:
        return conf.SENDING != "off"
    except ImproperlyConfigured:  # sending_mode says so
        return False


def sending_mode() -> Findings:
    try:
        conf.SENDING  # noqa: B018 - reading it is the check
    except ImproperlyConfigured as error:
        hint = "Set WAGTAIL_DRIP_SENDING to 'off', 'allowlist' or 'on'."
        return [checks.Error(str(error), hint=hint, id="wagtail_drip.E001")]
    return []


def retention() -> Findings:
    try:
        conf.RETENTION  # noqa: B018 - reading it is the check
    except ImproperlyConfigured as error:
        hint = "Set WAGTAIL_DRIP_RETENTION to something like {'events': 730, 'deliveries': None}."
        return [checks.Error(str(error), hint=hint, id="wagtail_drip.E020")]
    return []


def cache() -> Findings:
    """Without it every batch is rendered anew; nothing is lost."""
    if conf.CACHE in settings.CACHES:
        return []
    text = f"WAGTAIL_DRIP_CACHE names {conf.CACHE!r}, which is none of CACHES."
    hint = f"Name one of: {', '.join(sorted(settings.CACHES))}."
    return [checks.Error(text, hint=hint, id="wagtail_drip.E026")]


def webhooks() -> Findings:
    try:
        conf.WEBHOOK_SECRETS  # noqa: B018 - reading it is the check
    except ImproperlyConfigured as error:
        hint = "Make each with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        return [checks.Error(str(error), hint=hint, id="wagtail_drip.E022")]
    return []


def texts() -> Findings:
    """Text messages that could not go, or not to whom they are meant."""
    try:
        conf.TWILIO  # noqa: B018 - reading it is the check
    except ImproperlyConfigured as error:
        hint = "Give it ACCOUNT_SID, AUTH_TOKEN and FROM or MESSAGING_SERVICE_SID."
        return [checks.Error(str(error), hint=hint, id="wagtail_drip.E023")]
    if not conf.SMS_BACKEND:
        return []
    found: Findings = []
    channel = registry.channels().get(SMS)
    if channel and (trouble := channel.obstacle()):
        hint = (
            "Set WAGTAIL_DRIP_SMS_BACKEND to 'wagtail_drip.channels.twilio.Twilio' and what it "
            "needs, or to '' to send none."
        )
        found.append(checks.Error(str(trouble), hint=hint, id="wagtail_drip.E024"))
    if not find_spec("phonenumbers"):
        text = "Phone numbers can't be understood: the library phonenumbers is missing."
        hint = "Install it: pip install 'wagtail-drip[sms]'."
        found.append(checks.Error(text, hint=hint, id="wagtail_drip.E025"))
    if not conf.SMS_REGION:
        text = "Numbers written without a country's code can't be used: no country is set."
        hint = (
            "Set it to the country of most of your contacts, e.g. WAGTAIL_DRIP_SMS_REGION = 'DE'."
        )
        found.append(checks.Warning(text, hint=hint, id="wagtail_drip.W018"))
    return found


def check_texts(app_configs: Any, databases: Any = None, **kwargs: Any) -> Findings:
    """Text messages that are live and can't go. Asked where the database may be asked."""
    channel = registry.channels().get(SMS)
    if DEFAULT_DB_ALIAS not in (databases or ()) or not channel or not channel.obstacle():
        return []
    try:
        live = apps.get_model("wagtail_drip.Step").objects.filter(channel=SMS, live=True)
        names = list(live.order_by("pk").values_list("name", flat=True)[:5])
    except DatabaseError:  # not migrated yet
        return []
    if not names:
        return []
    text = f"Live text messages can't go: {', '.join(names)}. {channel.obstacle()}"
    hint = "Set WAGTAIL_DRIP_SMS_BACKEND and what it needs, or unpublish them."
    return [checks.Warning(text, hint=hint, id="wagtail_drip.W019")]


def loopback() -> Findings:
    """Editors could make this host call services of its own."""
    if not conf.WEBHOOK_LOOPBACK:
        return []
    hint = "Take the setting out: it is for tests and demos."
    text = "WAGTAIL_DRIP_WEBHOOK_LOOPBACK lets webhooks call this very machine."
    return [checks.Warning(text, hint=hint, id="wagtail_drip.W007")]


def sources() -> Findings:
    """Declared triggers whose model has changed since: what they tell of is lost."""
    hint = "Change the declaration of the trigger, or give the model its field."
    return [
        checks.Error(text, hint=hint, id="wagtail_drip.E021")
        for source in [*registry.SOURCES, *registry.triggers().values()]
        for text in getattr(source, "faults", list)()
    ]


def products() -> Findings:
    found: list[checks.CheckMessage] = []
    for name in ("PRODUCTS", "LINES", "RECOMMENDATIONS", "COUPONS"):
        try:
            if path := getattr(conf, name):
                import_string(path)
        except ImportError as error:
            text = f"WAGTAIL_DRIP_{name} can't be imported: {error}"
            hint = "Give the dotted path of a class, e.g. 'myshop.drip.ShopProducts'."
            found.append(checks.Error(text, hint=hint, id="wagtail_drip.E002"))
    return found


def urls() -> Findings:
    try:
        reverse("wagtail_drip:leave", args=["x"])
    except NoReverseMatch:
        text = "The pages behind the links in mails have no address, so no mail can be made."
        hint = 'Add path("drip/", include("wagtail_drip.urls")) to the urlpatterns of ROOT_URLCONF.'
        return [checks.Error(text, hint=hint, id="wagtail_drip.E003")]
    return []


def webhook_secret() -> Findings:
    routes = _walk(get_resolver().url_patterns)
    if not any(_is_open(pattern) for pattern in routes):
        return []
    text = "Anymail's webhooks are open: anybody could mark addresses as bounced."
    hint = (
        "Set ANYMAIL['WEBHOOK_SECRET'] = 'user:password' (long and random) and put user:password@ "
        "into the webhook URL at your mail provider. Until then their events are refused."
    )
    return [checks.Error(text, hint=hint, id="wagtail_drip.E004")]


def sns_topics() -> Findings:
    """Amazon SES tells by SNS, where anybody may open a topic that posts here."""
    if conf.SNS_TOPICS or not any("amazon_ses" in backend for backend, _wait in _mailers()):
        return []
    text = "Mails go by Amazon SES, and no SNS topic may tell of them: what it tells is refused."
    hint = "Set WAGTAIL_DRIP_SNS_TOPICS to the ARNs of your topics, and install wagtail-drip[ses]."
    return [checks.Error(text, hint=hint, id="wagtail_drip.E007")]


def _mailers() -> list[tuple[str, float | None]]:
    """Back end and time-out of each mailer, by whichever settings this Django is told."""
    if (mailers := getattr(settings, "MAILERS", None)) is not None:
        return [
            (str(one.get("BACKEND", "")), one.get("OPTIONS", {}).get("timeout"))
            for one in mailers.values()
        ]
    with warnings.catch_warnings():  # from Django 6.1 on, who reads the old names is warned
        warnings.simplefilter("ignore")
        return [(str(settings.EMAIL_BACKEND), settings.EMAIL_TIMEOUT)]


def _walk(patterns: Iterable[URLPattern | URLResolver]) -> Iterable[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns)
        else:
            yield pattern


def _is_open(pattern: URLPattern) -> bool:
    """A webhook of Anymail that checks no signature, so only a secret keeps others out."""
    view: Any = getattr(pattern.callback, "view_class", None)
    if view is None or not view.__module__.startswith("anymail.webhooks."):
        return False
    return is_open(view, getattr(pattern.callback, "view_initkwargs", None))


def is_open(view: Any, options: dict[str, Any] | None = None) -> bool:
    """Whether anybody may call this webhook of Anymail's. `view`: its class.

    What it checks hangs on settings and options, so one is made.
    """
    if not getattr(view, "warn_if_no_basic_auth", False):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = view(**(options or {}))
    except Exception:  # lacks a setting or a package: it answers nobody
        return False
    return bool(made.warn_if_no_basic_auth and not made.basic_auth)


def base_url() -> Findings:
    parts = urlsplit(conf.BASE_URL)
    if parts.scheme in ("http", "https") and parts.hostname:
        return []
    text = f"Links in mails need a scheme and a host to start with, not {conf.BASE_URL!r}."
    hint = "Set WAGTAIL_DRIP_BASE_URL or WAGTAILADMIN_BASE_URL, e.g. 'https://www.example.com'."
    return [checks.Error(text, hint=hint, id="wagtail_drip.E005")]


def https() -> Findings:
    parts = urlsplit(conf.BASE_URL)
    if parts.scheme != "http" or parts.hostname in LOCAL_HOSTS:
        return []
    text = f"Links in mails start with {conf.BASE_URL}, which is not encrypted."
    hint = "Let WAGTAIL_DRIP_BASE_URL start with https://; one-click leaving works with no other."
    return [checks.Warning(text, hint=hint, id="wagtail_drip.W001")]


def sender() -> Findings:
    email = parseaddr(conf.FROM_EMAIL)[1].lower()
    domain = email.rpartition("@")[2]
    hint = "Set WAGTAIL_DRIP_FROM_EMAIL or DEFAULT_FROM_EMAIL to an address of your own domain."
    if "." not in domain:
        text = f"Mails would come from {conf.FROM_EMAIL!r}, which nobody can answer."
        return [checks.Warning(text, hint=hint, id="wagtail_drip.W002")]
    if domain in FREE_MAIL:
        text = f"Mails would come from {email}, and {domain} tells others to refuse such mail."
        return [checks.Warning(text, hint=hint, id="wagtail_drip.W003")]
    return []


def dkim() -> Findings:
    """A note, not a fault: DNS and the mail server know, and no check asks either."""
    domain = parseaddr(conf.FROM_EMAIL)[1].rpartition("@")[2]
    text = (
        f"Mail of {domain or 'your domain'} must be signed (DKIM), which can't be seen from here."
    )
    hint = (
        "Set up DKIM, SPF and DMARC of that domain at your mail server or provider. Then look at "
        "the headers of a mail by drip_doctor --send-to: they must say dkim=pass."
    )
    return [checks.Info(text, hint=hint, id="wagtail_drip.I001")]


def postal_address() -> Findings:
    if conf.POSTAL_ADDRESS.strip():
        return []
    text = "Mails carry no postal address; the law asks for one in many countries."
    hint = "Set WAGTAIL_DRIP_POSTAL_ADDRESS, e.g. 'The Paper Lantern, 1 Harbour Street, Bookham'."
    return [checks.Warning(text, hint=hint, id="wagtail_drip.W004")]


def hash_key() -> Findings:
    if getattr(settings, "WAGTAIL_DRIP_HASH_KEY", None):
        return []
    text = "Suppressed addresses are kept under SECRET_KEY: changing it would lift them all."
    hint = (
        "Set WAGTAIL_DRIP_HASH_KEY to a long random text of its own; where mails went out already, "
        "to the present SECRET_KEY's value."
    )
    return [checks.Warning(text, hint=hint, id="wagtail_drip.W005")]


def cluster() -> Findings:
    """What django-q2 must be told: by default it repeats tasks. Nothing where it isn't used."""
    if not apps.is_installed("django_q"):
        return []
    options = dict(getattr(settings, "Q_CLUSTER", {}))
    alternatives = options.pop("ALT_CLUSTERS", {})
    if conf.CLUSTER and options.get("name") != conf.CLUSTER:
        if conf.CLUSTER not in alternatives:
            text = f"WAGTAIL_DRIP_CLUSTER names {conf.CLUSTER!r}, a cluster that is not set up."
            hint = f"Add {conf.CLUSTER!r} to Q_CLUSTER['ALT_CLUSTERS'], or name another one."
            return [checks.Error(text, hint=hint, id="wagtail_drip.E006")]
        options |= alternatives[conf.CLUSTER]
    wrong = [row for row in _cluster_rules(options) if row[1]]
    return [checks.Warning(text, hint=hint, id=id) for id, _wrong, text, hint in wrong]


def _cluster_rules(options: dict[str, Any]) -> list[tuple[str, bool, str, str]]:
    """Id, whether it is wrong, what that costs, what to change."""
    timeout, retry = options.get("timeout"), options.get("retry", 60)
    workers = options.get("workers") or os.cpu_count() or 4
    limit = options.get("queue_limit", workers**2)
    least = conf.PUMP_SECONDS + 10
    prefix = "Q_CLUSTER: "
    return [
        (
            "wagtail_drip.W010",
            not timeout or timeout < least,
            f"{prefix}timeout is {timeout}; a task of ours may take {least} seconds.",
            f"Set timeout to 120, at least {least} (WAGTAIL_DRIP_PUMP_SECONDS + 10).",
        ),
        (
            "wagtail_drip.W011",
            bool(timeout) and retry <= timeout,
            f"{prefix}retry ({retry}) is not above timeout ({timeout}): tasks run twice.",
            "Set retry to more than twice the timeout, e.g. timeout 120 and retry 300.",
        ),
        (
            "wagtail_drip.W012",
            not options.get("ack_failures", False),
            f"{prefix}without ack_failures a task that fails is repeated for ever.",
            "Set ack_failures to True.",
        ),
        (
            "wagtail_drip.W013",
            options.get("max_attempts", 0) != 1,
            f"{prefix}max_attempts is not 1, so tasks are repeated; the line repeats by itself.",
            "Set max_attempts to 1.",
        ),
        (
            "wagtail_drip.W014",
            options.get("catch_up", True),
            f"{prefix}catch_up replays each run that was missed while the cluster stood still.",
            "Set catch_up to False.",
        ),
        (
            "wagtail_drip.W015",
            limit > workers,
            f"{prefix}queue_limit ({limit}) exceeds workers ({workers}): waiting tasks run twice.",
            "Set workers and queue_limit to the same number, e.g. 2.",
        ),
        (
            "wagtail_drip.W016",
            options.get("orm", "default") != "default",
            f"{prefix}orm names {options.get('orm')!r}; django-q2 fails with a second database.",
            "Set orm to 'default', or use another broker.",
        ),
    ]


def patience() -> Findings:
    """A worker begins its last message at two thirds of its lease, and each message has five waits
    on the server. Another host takes a claim for lost at one and a half leases."""
    seconds = max(wait or conf.SOCKET_SECONDS for _backend, wait in _mailers() or [("", None)])
    if seconds * 6 <= conf.LEASE_SECONDS:
        return []
    text = (
        f"A mail server may take {seconds} s for each answer, too long for a lease of "
        f"{conf.LEASE_SECONDS} s: another host may take a slow worker for dead."
    )
    hint = (
        f"Set EMAIL_TIMEOUT (or WAGTAIL_DRIP_SOCKET_SECONDS) to {conf.LEASE_SECONDS // 6} or less, "
        f"or WAGTAIL_DRIP_LEASE_SECONDS to {seconds * 6} or more."
    )
    return [checks.Warning(text, hint=hint, id="wagtail_drip.W017")]


def database() -> Findings:
    """SQLite: two writers at once fail unless they are told to wait."""
    options = settings.DATABASES.get("default", {})
    name = str(options.get("NAME", ""))
    if not options.get("ENGINE", "").endswith("sqlite3") or "memory" in name:
        return []
    extra = options.get("OPTIONS", {})
    immediate = str(extra.get("transaction_mode", "")).upper() == "IMMEDIATE"
    if immediate and "journal_mode=wal" in extra.get("init_command", "").lower().replace(" ", ""):
        return []
    text = "A site and a cluster that write to this SQLite file will meet 'database is locked'."
    hint = (
        "Add to DATABASES['default']['OPTIONS']: 'transaction_mode': 'IMMEDIATE', 'timeout': 20, "
        "'init_command': 'PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;'."
    )
    return [checks.Warning(text, hint=hint, id="wagtail_drip.W006")]
