"""Where sign-up forms of all pages lead.

Known and unknown addresses get the same answer, by the same steps. What a robot sends gets it too.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from ipaddress import ip_address

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone, translation

from ..conf import conf
from ..engine.signing_up import sign_up
from ..models.signups import take
from ..models.visitors import network
from .doors import LOST, PublicView, client_ip, closed, kept_ip
from .forms import Offer, SignUpForm

logger = logging.getLogger("wagtail_drip")

HOUR = timedelta(hours=1)


class SignUpView(PublicView):
    template_name = "wagtail_drip/recipients/sign_up.html"
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            offer = Offer.read(self.posted.get("form", ""))
        except BadSignature:
            return self.answer({"state": "form"}, template=LOST, status=400)
        form = SignUpForm(offer, self.posted)
        if not offer.choices or not form.is_valid():
            return self.answer({"form": form, "offer": offer}, status=422)
        if not may_try(request):
            return self.answer({"state": "often"}, template=LOST, status=429)
        if not form.is_trapped:
            self.sign_up(form)
        return closed(redirect("wagtail_drip:sign_up_thanks"))

    def sign_up(self, form: SignUpForm) -> None:
        if site := self.site():
            sign_up(
                form.cleaned_data["email"],
                form.chosen,
                site=site,
                now=timezone.now(),
                source=form.offer.source,
                language=translation.get_language() or "",
                ip=kept_ip(self.request),
            )


class ThanksView(PublicView):
    """Says the same to everybody."""

    template_name = "wagtail_drip/recipients/thanks.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.answer({})


def may_try(request: HttpRequest) -> bool:
    """Whether this visitor's network has sign-ups left for the hour."""
    ip = client_ip(request)
    allowed = take(
        f"sign-up:{network(ip)}", most=conf.SIGN_UPS_PER_HOUR, per=HOUR, now=timezone.now()
    )
    if not allowed and is_private(ip):
        logger.warning(
            "Sign-ups are refused, and all seem to come from %s: behind a proxy, set "
            "WAGTAIL_DRIP_TRUSTED_PROXIES.",
            ip,
        )
    return allowed


def is_private(ip: str) -> bool:
    try:
        return not ip_address(ip).is_global
    except ValueError:
        return True
