"""A voucher that a mail gave to one person is refused to others.

Oscar asks a voucher itself whether it is for this account: when it is entered, with each look at
the cart, and when the order is placed. Of a guest it knows nothing; there the address counts that
they give at the checkout, before or after the voucher.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.contrib import messages
from django.utils.translation import gettext as _
from oscar.apps.basket.signals import voucher_addition
from oscar.apps.checkout.signals import start_checkout
from oscar.core.loading import get_model

from . import knowing
from .models import IssuedVoucher
from .telling import UID, quietly


def connect() -> None:
    _ask_first(get_model("voucher", "Voucher"))
    for signal, receiver in ((voucher_addition, entered), (start_checkout, begun)):
        uid = f"{UID}.{receiver.__module__}"
        signal.connect(quietly(receiver), weak=False, dispatch_uid=uid)


def _ask_first(model: Any) -> None:
    own = model.is_available_to_user

    @wraps(own)
    def is_available_to_user(self: Any, user: Any = None) -> tuple[bool, Any]:
        available, message = own(self, user)
        if available and getattr(user, "is_authenticated", False) and is_others(self, user=user):
            return False, refusal()
        return available, message

    model.is_available_to_user = is_available_to_user


def refusal() -> str:
    return _("This voucher is for somebody else.")


def is_others(voucher: Any, **who: Any) -> bool:
    """Whether a mail gave it to somebody else than this `user`, or whoever has this `email`."""
    issued = IssuedVoucher.objects.filter(voucher=voucher.pk).select_related("contact").first()
    return issued is not None and not knowing.is_of(issued.contact, **who)


def entered(*, basket: Any, voucher: Any, sender: Any, **kwargs: Any) -> None:
    """A guest who gave their address first."""
    request: Any = getattr(sender, "request", None)
    email = knowing.guest_email(request)
    if email and not request.user.is_authenticated and is_others(voucher, email=email):
        _take_back(request, basket, voucher)


def begun(*, request: Any, email: str = "", **kwargs: Any) -> None:
    """Whoever has somebody else's in their cart by now: it would be in the way of the order."""
    basket = request.basket
    if not basket.pk:
        return
    who = {"user": request.user} if request.user.is_authenticated else {"email": email}
    for voucher in basket.vouchers.all():
        if is_others(voucher, **who):
            _take_back(request, basket, voucher)


def _take_back(request: Any, basket: Any, voucher: Any) -> None:
    basket.vouchers.remove(voucher)
    messages.warning(request, refusal())
