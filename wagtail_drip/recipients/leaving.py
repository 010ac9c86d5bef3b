"""The page behind the link in every mail: leave its topic, or everything.

GET and HEAD change nothing: mail scanners and previews follow links. POST needs no login,
cookie or CSRF token, since mail programs send it for the reader (RFC 8058); the signed link is
the proof.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.signing import BadSignature
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from ..content.links import read_leave_token
from ..engine import leaving
from ..models import Consent, Delivery, Topic

TEMPLATE = "wagtail_drip/recipients/leave.html"


# Not in the request's transaction: what is answered 200 is committed, and a deadlock is repeated.
_DOORS: list[Any] = [csrf_exempt, login_not_required, never_cache, transaction.non_atomic_requests]


@method_decorator(_DOORS, name="dispatch")
class LeaveView(View):
    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        delivery = self._delivery(signed)
        if not isinstance(delivery, Delivery):
            return self._lost(delivery)
        return self._page(delivery, "left" if self._has_left(delivery) else "ask")

    def post(self, request: HttpRequest, signed: str) -> HttpResponse:
        delivery = self._delivery(signed)
        if not isinstance(delivery, Delivery):
            return self._lost(delivery)
        return self._page(delivery, self._act(delivery))

    def _act(self, delivery: Delivery) -> str:
        """Do what the button says; a mail program's one click says nothing but leave."""
        contact, topic = delivery.contact, delivery.campaign.topic
        at, source = timezone.now(), source_of(delivery)
        if self._wish == "stay" and topic is not None:
            back = leaving.rejoin(contact, topic, at=at, source=source)
            return "back" if back else "left" if self._has_left(delivery) else "ask"
        if self._wish == "everything" or topic is None:
            leaving.leave_all(contact, at=at, source=source)
            return "left_all"
        leaving.leave_topic(contact, topic, at=at, source=source)
        return "left"

    @cached_property
    def _wish(self) -> str:
        try:
            return self.request.POST.get("wish", "")
        except MultiPartParserError:  # half a body still carries the whole link
            return ""

    def _delivery(self, signed: str) -> Delivery | str:
        """The delivery the link was sent in; else why there is none: "forged" or "gone"."""
        try:
            token = read_leave_token(signed)
        except BadSignature:
            return "forged"
        found = Delivery.objects.select_related("contact", "campaign__topic", "campaign__site")
        delivery = found.filter(token=token).first()
        return delivery if delivery and not delivery.contact.erased_at else "gone"

    def _has_left(self, delivery: Delivery) -> bool:
        topic = delivery.campaign.topic
        mine = Consent.objects.filter(contact=delivery.contact, topic=topic)
        return topic is not None and mine.filter(state=Consent.State.WITHDRAWN).exists()

    def _lost(self, state: str) -> HttpResponse:
        return self._answer({"state": state}, status=404 if state == "forged" else 200)

    def _page(self, delivery: Delivery, state: str) -> HttpResponse:
        topic, site = delivery.campaign.topic, delivery.campaign.site
        context = {
            "state": state,
            "topic": topic,
            "site_name": site.site_name
            or getattr(settings, "WAGTAIL_SITE_NAME", "")
            or site.hostname,
            "can_return": self._can_return(delivery, topic),
        }
        with translation.override(self._language(delivery)):
            return self._answer(context)

    def _can_return(self, delivery: Delivery, topic: Topic | None) -> bool:
        contact = delivery.contact
        return topic is not None and bool(leaving.left_by(contact, topic, source_of(delivery)))

    def _language(self, delivery: Delivery) -> str | None:
        """The language of the mail, where the site speaks it."""
        try:
            return translation.get_supported_language_variant(delivery.contact.language)
        except LookupError:
            return translation.get_language()

    def _answer(self, context: dict[str, Any], status: int = 200) -> HttpResponse:
        response = render(self.request, TEMPLATE, context, status=status)
        # The address is a key: it must not travel to other sites or into a search engine.
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response


def source_of(delivery: Delivery) -> str:
    """What the proof says of a change made by this link; "a mistake" is told by it too."""
    return f"link in mail {delivery.pk}"
