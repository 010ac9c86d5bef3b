"""Links that are counted, and the pixel: what is behind the addresses that mails carry.

GET and HEAD add a fact and change nothing else. Where a link leads is stored, never taken from
the address; so a link works for ever, whatever became of campaign, person or signature.
"""

from __future__ import annotations

import logging
from base64 import b64decode
from typing import Any

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from ..conf import conf
from ..content import links
from ..engine import judging, tracking
from ..models import Link
from .doors import LOST, PublicView, closed

logger = logging.getLogger("wagtail_drip")

# One transparent pixel.
PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


class ClickView(PublicView):
    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest, key: str, signed: str, shown: str = "") -> HttpResponse:
        if key == links.TRAP:
            _note(request, signed, tracking.CLICKED, trap=True)
            return closed(HttpResponseRedirect(f"{conf.BASE_URL}/"))
        # PostgreSQL refuses to be asked for a NUL.
        link = Link.objects.filter(key=key).first() if key.isalnum() else None
        if link is None:
            return self.answer({"state": "forged"}, template=LOST, status=404)
        _note(request, signed, tracking.CLICKED, link=link)
        return closed(HttpResponseRedirect(link.url))


class OpenView(PublicView):
    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        _note(request, signed, tracking.OPENED)
        return closed(HttpResponse(PIXEL, content_type="image/gif"))


def _note(request: HttpRequest, signed: str, fact: str, **what: Any) -> None:
    """Note it if the signature is ours. No trouble of ours may keep a reader from the page."""
    try:
        short = "-" in signed
        which = links.read_short_reaction(signed) if short else links.read_reaction(signed)
    except BadSignature:
        return
    by = judging.by_request(fact, request.method or "", request.headers)
    try:
        tracking.react(which, fact, timezone.now(), by=by, **what)
    except Exception:
        logger.exception("A reader's %s could not be noted.", fact)
