"""Boxes in Oscar's forms that ask for mail: templates show them, its signals bring the request."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from oscar.apps.checkout.signals import post_checkout
from oscar.apps.customer.signals import user_registered

from wagtail_drip import api
from wagtail_drip.integrations.oscar.telling import quietly
from wagtail_drip.models import Consent

NEWS_WORDING = _("Send me letters from the shop, about once a month. I can stop them any time.")
WISHES_WORDING = _("When I put a book on my wish list, write to me about it.")
AFTER_ORDER_WORDING = _("After an order we write you a thank-you and perhaps a few tips.")


def connect() -> None:
    uid = "example_site.store"
    user_registered.connect(registered, dispatch_uid=uid)  # Oscar sends it robustly
    post_checkout.connect(quietly(ordered), weak=False, dispatch_uid=uid)


def registered(*, user: Any, request: Any, **kwargs: Any) -> None:
    boxes = {"news": ("news", NEWS_WORDING), "wishes": ("books-you-asked-about", WISHES_WORDING)}
    for name, (topic, wording) in boxes.items():
        if request.POST.get(name):
            api.subscribe(topic, user=user, source=request.path, wording=str(wording))


def ordered(*, order: Any, request: Any, **kwargs: Any) -> None:
    """The buyer read that letters follow and didn't object; an earlier word of theirs stands."""
    who = {"user": order.user} if order.user_id else {"email": order.email}
    if request.POST.get("quiet") or _has_said(**who):
        return
    wording = str(AFTER_ORDER_WORDING)
    api.subscribe("after-your-order", **who, source=request.path, wording=wording)


def _has_said(user: Any = None, email: str = "") -> bool:
    whose = {"contact__user": user} if user else {"contact__email": email.lower()}
    return Consent.objects.filter(**whose, topic__slug="after-your-order").exists()
