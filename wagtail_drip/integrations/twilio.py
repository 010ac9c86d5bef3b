"""Twilio calls: what became of a text message, and what somebody answered to one.

Only calls that Twilio has signed with the account's token are heard; who sends one again changes
nothing. It answers STOP, START and HELP itself, so nothing is answered here.
"""

from __future__ import annotations

import hmac
import logging
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from ..conf import conf
from ..content.phone import normalize
from ..engine import heeding, tracking

logger = logging.getLogger("wagtail_drip")

NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
OPTED_OUT = 21610
# Error codes of messages that never arrive at this number, and of those that may at another time.
HARD = {21211, 21614, 30005, 30006}
SOFT = {30001, 30003, 30008}
_FACTS = {
    "queued": tracking.TAKEN,
    "sending": tracking.TAKEN,
    "sent": tracking.TAKEN,
    "delivered": tracking.DELIVERED,
    "read": tracking.DELIVERED,
    "undelivered": tracking.BOUNCED,
    "failed": tracking.BOUNCED,
}


def signature(token: str, url: str, posted: Mapping[str, Iterable[str]]) -> str:
    """HMAC-SHA1 over the URL and each name with its values, in order; in base64."""
    told = url + "".join(
        f"{name}{value}" for name in sorted(posted) for value in sorted(set(posted[name]))
    )
    digest = hmac.digest(token.encode(), told.encode("utf-8", "replace"), "sha1")
    return b64encode(digest).decode()


# No session and no cookie speaks here, so there is nothing for a forged form to use.
@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(login_not_required, name="dispatch")
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class TwilioView(View):
    """A signed form of Twilio's. The URL that it signs is that below conf.BASE_URL."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        token = conf.TWILIO.get("AUTH_TOKEN")
        if not token:
            raise Http404
        try:
            posted = dict(request.POST.lists())
        except (MultiPartParserError, SuspiciousOperation, UnreadablePostError, LookupError):
            return HttpResponse(status=400)
        wanted = signature(token, conf.BASE_URL + request.get_full_path(), posted)
        if not constant_time_compare(request.headers.get("X-Twilio-Signature", ""), wanted):
            logger.warning("A call that Twilio has not signed was refused: %s", request.path)
            return HttpResponse(status=403)
        self.heard({name: values[-1] for name, values in posted.items()}, **kwargs)
        response = HttpResponse(NOTHING, content_type="text/xml")
        response["Cache-Control"] = "no-store"
        return response

    def heard(self, told: Mapping[str, str], **kwargs: Any) -> None:
        raise NotImplementedError


class InboundView(TwilioView):
    """Somebody has answered."""

    def heard(self, told: Mapping[str, str], **kwargs: Any) -> None:
        wish = told.get("OptOutType", "").casefold() or heeding.meant(told.get("Body", ""))
        if wish in (heeding.STOP, heeding.START):
            _heed(wish, told.get("From", ""), told.get("MessageSid", ""))


class StatusView(TwilioView):
    """What became of the delivery whose token stands in the address."""

    def heard(self, told: Mapping[str, str], token: str = "", **kwargs: Any) -> None:
        fact = _FACTS.get(told.get("MessageStatus", "").casefold())
        if fact is None:
            return
        given = told.get("ErrorCode", "")
        code = int(given) if given.isdecimal() and len(given) < 8 else 0
        words = " ".join(filter(None, [given, told.get("ErrorMessage", "")]))
        kind = tracking.HARD if code in HARD else tracking.SOFT if code in SOFT else ""
        number, now = told.get("To", ""), timezone.now()
        tracking.note(
            token,
            fact,
            now,
            detail=words if fact == tracking.BOUNCED else "",
            bounce_type=kind if fact == tracking.BOUNCED else "",
            email=number,
            provider_id=told.get("MessageSid", ""),
        )
        if code == OPTED_OUT:
            _heed(heeding.STOP, number, told.get("MessageSid", ""))


def _heed(wish: str, number: str, key: str) -> None:
    try:
        normalize(number)
    except ValueError:  # a short code, or another of Twilio's channels
        return
    heeding.heed(wish, number, at=timezone.now(), key=f"twilio:{key}" if key else "")
