"""Twilio's Programmable Messaging: text messages by its REST API.

It knows no key by which the same message twice would be one. So whatever breaks once the request is
on its way leaves a doubt, which Twilio's own call back settles (integrations/twilio.py).
"""

from __future__ import annotations

import contextlib
import json
import time
from base64 import b64encode
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from ..conf import conf
from .base import Again, Outcome, Refused, Sent, Session, Uncertain

API = "https://api.twilio.com"
MOST_BYTES = 64 * 1024  # of an answer that are read
FRESH_SECONDS = 3.0  # so long an unused connection is taken for alive
LOCAL = {"localhost", "127.0.0.1", "::1"}  # which nobody calls back
# Its error codes: https://www.twilio.com/docs/api/errors
OPTED_OUT = 21610
# The account, its sender or its queue is at fault, whatever the message.
OURS = {
    14107, 20003, 20005, 20404, 20429, 21212, 21603, 21606, 21611, 21659, 21660, 21661, 21703,
    21704, 21705, 30001, 30002,
}  # fmt: skip
OUTAGE_STATUS = {401, 402, 403, 404, 407, 429, 503}


class Twilio:
    """A back end of text messages; its options are `WAGTAIL_DRIP_TWILIO`."""

    def obstacle(self) -> str:
        options = conf.TWILIO
        missing = [name for name in ("ACCOUNT_SID", "AUTH_TOKEN") if not options.get(name)]
        if not options.get("FROM") and not options.get("MESSAGING_SERVICE_SID"):
            missing.append("FROM")
        return _("WAGTAIL_DRIP_TWILIO lacks: %s") % ", ".join(missing) if missing else ""

    def open(self) -> Session:
        return TwilioSession()


class TwilioSession(Session):
    """A connection for each message: one that was kept may be closed by now, and then nobody would
    know whether the message went."""

    def __init__(self) -> None:
        self.connection: HTTPConnection | None = None
        self.opened = 0.0

    def ready(self) -> Again | None:
        if self.connection is not None and time.monotonic() - self.opened < FRESH_SECONDS:
            return None
        self.close()
        to = target()
        kind = HTTPSConnection if to.scheme == "https" else HTTPConnection
        connection = kind(to.hostname or "", to.port, timeout=conf.SMS_SECONDS)
        try:
            connection.connect()
        except (OSError, HTTPException) as error:
            connection.close()
            return Again(_told(error), outage=True)
        self.connection, self.opened = connection, time.monotonic()
        return None

    def transmit(self, mail: Any) -> Outcome:
        if failure := self.ready():
            return failure
        options, connection = conf.TWILIO, self.connection
        assert connection is not None
        account = options.get("ACCOUNT_SID", "")
        path = f"{target().path.rstrip('/')}/2010-04-01/Accounts/{quote(account, safe='')}"
        login = b64encode(f"{account}:{options.get('AUTH_TOKEN', '')}".encode()).decode()
        headers = {
            "Authorization": f"Basic {login}",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "wagtail-drip",
            "Connection": "close",
        }
        body = urlencode(form(mail)).encode()
        try:
            connection.request("POST", f"{path}/Messages.json", body, headers)
            response = connection.getresponse()
            return outcome(response.status, _read(response), mail.to)
        except (OSError, HTTPException) as error:
            return Uncertain(_told(error))
        finally:
            self.close()

    def close(self) -> None:
        if self.connection is not None:
            with contextlib.suppress(Exception):
                self.connection.close()
        self.connection = None


def target() -> SplitResult:
    return urlsplit(conf.TWILIO.get("BASE_URL") or API)


def form(mail: Any) -> dict[str, str]:
    """What is posted for one message."""
    options = conf.TWILIO
    service = options.get("MESSAGING_SERVICE_SID")
    told = {"MessagingServiceSid": service} if service else {"From": options.get("FROM", "")}
    if back := status_url(mail.token):
        told["StatusCallback"] = back
    return {"To": mail.to, "Body": mail.text, **told}


def status_url(token: str) -> str:
    """Where Twilio is to tell what became of a delivery; "" where it can't reach this site."""
    if (urlsplit(conf.BASE_URL).hostname or "localhost") in LOCAL:
        return ""
    try:
        return conf.BASE_URL + reverse("wagtail_drip:twilio_status", args=[token])
    except NoReverseMatch:
        return ""


def outcome(status: int, body: bytes, to: str) -> Outcome:
    """What an answer means for the message to this number."""
    told = _parsed(body)
    if 200 <= status < 300:
        return Sent(str(told.get("sid") or ""))
    code = told.get("code") if isinstance(told.get("code"), int) else 0
    reason = " ".join(f"{code or status} {told.get('message') or ''}".split())
    if code == OPTED_OUT:
        return Refused(reason, opted_out=to)
    if code in OURS or 300 <= status < 400:
        return Again(reason, outage=True)
    if status in OUTAGE_STATUS and not 21000 <= (code or 0) < 22000:
        return Again(reason, outage=True)
    if status in (408, 425):
        return Again(reason)
    if status >= 500:  # it, or what stands before it, failed while it had the message
        return Uncertain(reason)
    return Refused(reason)


def _read(response: HTTPResponse) -> bytes:
    """The body. Its status is the answer, whether the rest of it comes or not."""
    try:
        return response.read(MOST_BYTES)
    except (OSError, HTTPException):
        return b""


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
