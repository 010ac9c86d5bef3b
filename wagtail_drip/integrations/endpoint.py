"""The endpoint at which other systems record events, by a key of their own.

Each answer is JSON, and a refusal says what to change. A key that was given is recorded once,
however often it is sent; so is a signed request that somebody sends again.
"""

from __future__ import annotations

import hmac
import json
import logging
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from .. import registry
from ..conf import conf
from ..engine import recording
from ..flow.occasions import TimeTrigger
from ..flow.triggers import OWN, SITE
from ..models.api_keys import ApiKey, by_id, by_token, signature
from ..models.signups import take
from ..models.visitors import client_ip, network

logger = logging.getLogger("wagtail_drip")

MOST_BYTES = 128 * 1024
WINDOW = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
FIELDS = {"event", "email", "key", "data", "at"}


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers

    def answer(self) -> JsonResponse:
        told = {"error": {"code": self.code, "message": self.message}}
        named = {name.replace("_", "-"): value for name, value in self.headers.items()}
        return _closed(JsonResponse(told, status=self.status, headers=named))


# No session and no cookie speaks here, so there is nothing for a forged form to use.
@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(login_not_required, name="dispatch")
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class EventsView(View):
    """POST {"event", "email", "key", "data", "at"}."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            return _closed(_take(request, timezone.now()))
        except Refused as refused:
            return refused.answer()
        except (DatabaseError, InterfaceError):
            logger.exception("An event of another system could not be recorded")
            text = _("The database can't take it now. Send it again, with the same key.")
            return Refused(503, "unavailable", text, Retry_After="30").answer()

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return Refused(405, "method", _("Send events by POST."), Allow="POST").answer()


def _closed(response: JsonResponse) -> JsonResponse:
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _take(request: HttpRequest, now: datetime) -> JsonResponse:
    body = _body(request)
    try:
        key = _authorized(request, body, now)
    except Refused:
        _count_refused(request, now)
        raise
    most = conf.EVENTS_PER_MINUTE
    if not take(f"api-key:{key.public_id}", most=most, per=MINUTE, now=now):
        text = _("This key may record %d events a minute. Send it again later.") % most
        raise Refused(429, "rate", text, Retry_After="60")
    key.note_use(now)
    told = _read(request, body)
    recorded = _record(key, told, now)
    return JsonResponse({"recorded": recorded}, status=201 if recorded else 200)


def _count_refused(request: HttpRequest, now: datetime) -> None:
    """Who has no key is answered so many times a minute. Who has one is looked up before this, so
    no neighbor of theirs can keep them out."""
    most, where = conf.REFUSED_CALLS_PER_MINUTE, network(client_ip(request.META))
    if not take(f"api-refused:{where}", most=most, per=MINUTE, now=now):
        text = _("There were too many calls without a right key from here. Try again later.")
        raise Refused(429, "rate", text, Retry_After="60")


# What was sent


def _body(request: HttpRequest) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal():
        raise Refused(400, "length", _("The Content-Length is no number."))
    try:
        body = b"" if int(length) > MOST_BYTES else request.body
    except RequestDataTooBig:
        body = b" " * (MOST_BYTES + 1)
    except (UnreadablePostError, OSError):
        raise Refused(400, "broken", _("The request broke off. Send it again.")) from None
    if max(len(body), int(length)) > MOST_BYTES:
        text = _("An event may have at most 128 KB, and its data 64 KB: send what mails need.")
        raise Refused(413, "size", text)
    return body


def _read(request: HttpRequest, body: bytes) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise Refused(415, "type", _("Send JSON, with the Content-Type application/json."))
    try:
        told = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(400, "json", _("The body is no JSON.")) from None
    if not isinstance(told, dict):
        raise Refused(400, "json", _("Send one JSON object.")) from None
    if unknown := sorted(map(str, told.keys() - FIELDS)):
        text = _("Unknown: %(unknown)s. An event has %(known)s.") % {
            "unknown": ", ".join(unknown)[:200], "known": ", ".join(sorted(FIELDS)),
        }  # fmt: skip
        raise Refused(422, "fields", text)
    for name in ("event", "email", "key"):
        if not _is_text(told.get(name)):
            raise Refused(422, name, _("“%s” must be a text, and not empty.") % name)
    if len(told["key"]) > 150:
        raise Refused(422, "key", _("A key has at most 150 letters."))
    if not isinstance(told.get("data", {}), dict):
        raise Refused(422, "data", _("“data” must be a JSON object."))
    return told


def _is_text(value: Any) -> bool:
    """Half a character (a lone surrogate) is none: no database takes it."""
    try:
        return isinstance(value, str) and bool(value.strip()) and bool(value.encode())
    except UnicodeEncodeError:
        return False


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


# Who sends it


def _authorized(request: HttpRequest, body: bytes, now: datetime) -> ApiKey:
    """The key it was sent by. All that is wrong with one is told alike."""
    if "X-Drip-Signature" in request.headers:
        return _signed(request, body, now)
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    key = by_token(token.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        raise _unknown()
    if key.must_sign:
        text = _("Requests with this key must be signed.")
        raise Refused(401, "signature", text, WWW_Authenticate="Bearer")
    return key


def _signed(request: HttpRequest, body: bytes, now: datetime) -> ApiKey:
    timestamp = request.headers.get("X-Drip-Timestamp", "")
    key = by_id(request.headers.get("X-Drip-Key", ""))
    if key is None:
        raise _unknown()
    given = request.headers["X-Drip-Signature"].encode("utf-8", "replace")
    try:
        right = hmac.compare_digest(signature(key.secret(), timestamp, body).encode(), given)
    except ValueError:  # HASH_KEY has changed
        logger.exception("Nobody can sign by the key %s", key.public_id)
        raise _unknown() from None
    if not right:
        raise _unknown()
    if not (timestamp.isdecimal() and len(timestamp) < 12):
        raise Refused(401, "timestamp", _("X-Drip-Timestamp must be seconds since 1970."))
    if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        text = _("This request is older than 5 minutes, or a clock is wrong. Sign it anew.")
        raise Refused(401, "timestamp", text)
    return key


def _unknown() -> Refused:
    text = _("There is no such key, it was revoked, or the signature is wrong.")
    return Refused(401, "key", text, WWW_Authenticate="Bearer")


# What becomes of it


def _record(key: ApiKey, told: dict[str, Any], now: datetime) -> bool:
    """Whether it is new. Events of a key start campaigns of its site alone."""
    name = told["event"]
    trigger = registry.triggers().get(name)
    if name in OWN or isinstance(trigger, TimeTrigger):
        raise Refused(422, "event", _("“%s” is recorded by this site alone.") % name)
    try:
        event = recording.record(
            name,
            email=told["email"],
            data={**told.get("data", {}), SITE: key.site_id},
            key=f"{key.public_id}:{told['key']}",
            at=_moment(told.get("at")),
            now=now,
        )
    except ValueError as error:
        raise Refused(422, "event", str(error)[:500]) from None
    return event is not None


def _moment(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Refused(422, "at", _("“at” must be a moment such as 2026-12-31T18:00Z.")) from None
    if timezone.is_naive(at):
        raise Refused(422, "at", _("“at” lacks its time zone: end it with Z or +01:00."))
    return at
