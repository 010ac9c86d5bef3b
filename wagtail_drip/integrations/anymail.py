"""Anymail: what its webhooks tell of our messages becomes facts on deliveries.

The webhook views, and the check of who calls them, are Anymail's; `engine.tracking` decides
what follows.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db import InterfaceError, OperationalError
from django.urls import NoReverseMatch
from django.utils import timezone

from ..checks import is_open
from ..content import links
from ..engine import judging, tracking
from ..models import Reaction
from . import anymail_guards

logger = logging.getLogger(__name__)

# Anymail's event types → our facts. The rest (queued, sent, deferred, autoresponded, subscribed,
# unknown) changes nothing: sending knows it, or a later event says how it ended.
_FACTS = {
    "delivered": tracking.DELIVERED,
    "bounced": tracking.BOUNCED,
    "rejected": tracking.BOUNCED,
    "failed": tracking.BOUNCED,
    "complained": tracking.COMPLAINED,
    "opened": tracking.OPENED,
    "clicked": tracking.CLICKED,
    "unsubscribed": tracking.UNSUBSCRIBED,
}
# A provider that refuses an address for what happened earlier says so by Anymail's reject reason.
_REJECTED = {"spam": tracking.COMPLAINED, "unsubscribed": tracking.UNSUBSCRIBED}

HARD, SOFT, UNKNOWN = "hard", "soft", ""


def connect() -> None:
    """Listen to Anymail where the site uses it."""
    if apps.is_installed("anymail"):
        from anymail.signals import tracking as signal

        signal.connect(receive, dispatch_uid="wagtail_drip.anymail")
        anymail_guards.install()


def receive(sender: Any, event: Any, esp_name: str = "", **kwargs: Any) -> None:
    """Note one event. An error of ours is logged: it would cost the batch's other events.

    Trouble with the database is raised: the provider then tries the whole batch again later.
    """
    # Anymail itself only warns about an open webhook, and whoever found one could mark any
    # address as bounced.
    if is_open(sender):
        logger.error("An event from an open %s webhook was refused: set WEBHOOK_SECRET.", esp_name)
        return
    try:
        _note(event, esp_name)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("An event from %s could not be noted.", esp_name)


def _note(event: Any, esp_name: str) -> None:
    fact = _FACTS.get(event.event_type)
    if fact is None:
        return
    if event.event_type == "rejected":
        fact = _REJECTED.get(event.reject_reason, fact)
    if fact == tracking.CLICKED and _is_ours(event.click_url):
        return  # the provider's link led to ours, which has noted it
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    token, provider_id = str(metadata.get("drip") or ""), str(event.message_id or "")
    told = {
        "detail": str(event.mta_response or event.description or ""),
        "bounce_type": bounce_type(event, esp_name) if fact == tracking.BOUNCED else "",
        "email": str(event.recipient or ""),
        "by": _by(event, fact, esp_name),
    }
    at = _moment(event)
    found = tracking.note(token, fact, at, provider_id=provider_id, **told)
    if not found and provider_id and not token:
        tracking.keep_for_later(provider_id, timezone.now(), fact, at, **told)


def _is_ours(url: Any) -> bool:
    try:
        return str(url or "").startswith(links.click_url("", "").rstrip("/"))
    except NoReverseMatch:  # our pages are nowhere, so no link leads there
        return False


def _by(event: Any, fact: str, esp_name: str) -> str:
    """Who opened or clicked: the provider's word, else by the name of the program."""
    if fact not in (tracking.OPENED, tracking.CLICKED):
        return Reaction.By.PERSON
    raw = event.esp_event
    try:
        if esp_name in _MACHINES and _MACHINES[esp_name](raw):
            return Reaction.By.PROVIDER
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    agent = str(event.user_agent or "")
    return judging.by_agent(fact, agent) if agent else Reaction.By.PERSON


def _moment(event: Any) -> Any:
    """When it happened; now where the provider doesn't say, or claims the future."""
    now = timezone.now()
    at = event.timestamp or now
    return min(timezone.make_aware(at) if timezone.is_naive(at) else at, now)


def bounce_type(event: Any, esp_name: str) -> str:
    """ "hard" (the address doesn't work), "soft" (it may later) or "" (the provider doesn't say).

    Only "hard" suppresses an address, so what isn't clear is not called hard.
    """
    if event.event_type == "rejected":
        return HARD if event.reject_reason in ("invalid", "bounced") else UNKNOWN
    found, read = UNKNOWN, _BOUNCES.get(esp_name)
    if event.event_type == "bounced" and read is not None:
        try:
            found = read(event.esp_event)
        except (KeyError, TypeError, ValueError, AttributeError):
            found = UNKNOWN
    return found or by_status(str(getattr(event, "mta_response", "") or ""))


# RFC 3463: no such mailbox, no such host, a bad address, a mailbox that moved, a null MX (RFC
# 7505), a disabled mailbox. Of other permanent failures many are about the mail or its sender.
_DEAD = re.compile(r"\b5\.(?:1\.(?:1|2|3|6|10)|2\.1)\b")
_LATER = re.compile(r"\b(?:4\.\d{1,3}\.\d{1,3}|5\.2\.2)\b")


def by_status(answer: str) -> str:
    """Hard or soft by the enhanced status code in a server's answer, where there is one."""
    return HARD if _DEAD.search(answer) else SOFT if _LATER.search(answer) else UNKNOWN


def _one_of(value: Any, *, hard: tuple[str, ...], soft: tuple[str, ...]) -> str:
    return HARD if value in hard else SOFT if value in soft else UNKNOWN


def _sparkpost(raw: dict[str, Any]) -> str:
    (message,) = raw["msys"].values()
    return _one_of(
        str(message["bounce_class"]),
        hard=("10", "30"),
        soft=("20", "21", "22", "23", "24", "40", "70"),
    )


# How each provider tells hard from soft, by Anymail's name of it. Reads the provider's own event.
_BOUNCES: dict[str, Callable[[Any], str]] = {
    # bounce object: bounceType
    # https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
    "Amazon SES": lambda raw: _one_of(
        raw["bounce"]["bounceType"], hard=("Permanent",), soft=("Transient",)
    ),
    # https://developers.brevo.com/docs/transactional-webhooks
    "Brevo": lambda raw: _one_of(
        raw["event"], hard=("hard_bounce", "invalid_email"), soft=("soft_bounce",)
    ),
    # https://developers.mailersend.com/api/v1/webhooks.html
    "MailerSend": lambda raw: _one_of(
        raw["data"]["type"], hard=("hard_bounced",), soft=("soft_bounced",)
    ),
    # "failed" is also said of what was tried long enough ("old") or blocked ("espblock").
    # https://documentation.mailgun.com/docs/mailgun/user-manual/events/events
    "Mailgun": lambda raw: _one_of(
        raw["event-data"]["reason"],
        hard=("bounce", "suppress-bounce"),
        soft=("old", "espblock", "greylisted"),
    ),
    # https://dev.mailjet.com/email/guides/webhooks/
    "Mailjet": lambda raw: HARD if raw["hard_bounce"] in (True, 1, "true") else SOFT,
    # Soft ones have an event of their own, which Anymail calls deferred.
    # https://docs.mailtrap.io/email-api-smtp/advanced/webhooks
    "Mailtrap": lambda raw: HARD,
    # https://mailchimp.com/developer/transactional/docs/webhooks/
    "Mandrill": lambda raw: _one_of(raw["event"], hard=("hard_bounce",), soft=("soft_bounce",)),
    # https://postmarkapp.com/developer/api/bounce-api#bounce-types
    "Postmark": lambda raw: _one_of(
        raw["Type"], hard=("HardBounce",), soft=("SoftBounce", "VirusNotification")
    ),
    # https://resend.com/docs/webhooks/emails/bounced
    "Resend": lambda raw: _one_of(
        raw["data"]["bounce"]["type"], hard=("Permanent",), soft=("Transient",)
    ),
    # https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
    "SendGrid": lambda raw: _one_of(raw["type"], hard=("bounce",), soft=("blocked", "expired")),
    # https://support.sparkpost.com/docs/deliverability/bounce-classification-codes
    "SparkPost": _sparkpost,
    # Likewise: only hard ones are called bounced.
    "Unisender Go": lambda raw: HARD,
}
_BOUNCES["SendinBlue"] = _BOUNCES["Brevo"]

# Where a provider itself knows that a program opened or clicked. Reads the provider's own event.
_MACHINES: dict[str, Callable[[Any], Any]] = {
    "Brevo": lambda raw: raw["event"] in ("proxy_open", "unique_proxy_open"),
    "Mailgun": lambda raw: raw["event-data"]["client-info"].get("bot"),
    "SendGrid": lambda raw: raw["sg_machine_open"],
    "SparkPost": lambda raw: next(iter(raw["msys"].values()))["user_agent_parsed"]["is_prefetched"],
}
_MACHINES["SendinBlue"] = _MACHINES["Brevo"]
