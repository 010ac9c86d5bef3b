"""What Anymail's webhook views don't check of their callers, checked before they read a thing.

Anymail runs every `validate_request` that a view's classes define, so ours is one more.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from django.utils import timezone

from . import sns

# Both try again for most of a day, with the stamp they began with. Older ones are replays.
OLDEST = timedelta(days=1)
_STAMP = "X-Twilio-Email-Event-Webhook-Timestamp"


def install() -> None:
    """Guard the views of Mailgun, SendGrid and Amazon SES, tracking and inbound alike."""
    from anymail.webhooks import amazon_ses, mailgun, sendgrid

    guards: list[tuple[Any, Any]] = [
        (mailgun.MailgunTrackingWebhookView, _mailgun),
        (mailgun.MailgunInboundWebhookView, _mailgun),
        (sendgrid.SendGridTrackingWebhookView, _sendgrid),
        (amazon_ses.AmazonSESTrackingWebhookView, _amazon_ses),
        (amazon_ses.AmazonSESInboundWebhookView, _amazon_ses),
    ]
    for view, guard in guards:
        view.validate_request = guard


def _refuse(reason: str) -> NoReturn:
    from anymail.exceptions import AnymailWebhookValidationFailure

    raise AnymailWebhookValidationFailure(f"Refused by wagtail-drip. {reason}")


def _check_age(stamp: Any) -> None:
    """`stamp`: seconds since 1970."""
    try:
        at = datetime.fromtimestamp(float(stamp), tz=UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        _refuse("Its timestamp can't be read.")
    if at < timezone.now() - OLDEST:
        _refuse(f"It was signed at {at:%Y-%m-%d %H:%M} UTC: too long ago.")


def _mailgun(self: Any, request: Any) -> None:
    if request.content_type != "application/json":
        _check_age(request.POST.get("timestamp"))
        return
    body = _json(request)
    signature = body.get("signature") if isinstance(body, dict) else None
    _check_age(signature.get("timestamp") if isinstance(signature, dict) else None)


def _sendgrid(self: Any, request: Any) -> None:
    """By its signed stamp; without a signature, by the latest event of the batch."""
    if stamp := request.headers.get(_STAMP):
        _check_age(stamp)
        return
    body = _json(request)
    if not isinstance(body, list) or not all(isinstance(one, dict) for one in body):
        _refuse("Its body is no list of events.")
    stamps = [one["timestamp"] for one in body if isinstance(one.get("timestamp"), int | float)]
    if stamps:
        _check_age(max(stamps))


def _amazon_ses(self: Any, request: Any) -> None:
    if reason := sns.refusal(_json(request)):
        _refuse(reason)


def _json(request: Any) -> Any:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        _refuse("Its body is no JSON.")
