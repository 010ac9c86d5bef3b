"""Who is it? The visitor of a shop by their account, or by the address they gave as a guest."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from oscar.core.loading import get_class

from ...engine.identifying import address, identify
from ...models import Contact
from ...models.addresses import digest, normalize
from ...models.contacts import Alias
from .models import GuestBasket


def is_address(text: Any) -> bool:
    try:
        return bool(normalize(text or ""))
    except ValueError:
        return False


def person(user: Any, email: Any = "") -> dict[str, Any]:
    """`user` or `email`, as the api takes them; {}: nobody can be written to."""
    if getattr(user, "is_authenticated", False):
        return {"user": user} if is_address(address(user)) else {}
    return {"email": email} if is_address(email) else {}


def visitor(request: Any) -> dict[str, Any]:
    """The same for whoever asks for a page."""
    return person(getattr(request, "user", None), guest_email(request))


def guest_email(request: Any) -> str:
    """What a guest said at the checkout. Oscar's own reader would begin a session for everybody."""
    key = get_class("checkout.utils", "CheckoutSessionData").SESSION_KEY
    session = getattr(request, "session", None) or {}
    return str((session.get(key) or {}).get("guest", {}).get("email") or "")


def claim(basket: Any, email: str) -> None:
    """The guest's cart is that of this address; what they said last counts."""
    contact = identify(email=email, now=timezone.now())
    GuestBasket.objects.update_or_create(basket_id=basket.pk, defaults={"contact": contact})


def owner(basket: Any) -> dict[str, Any]:
    """Whose cart it is, by the tables alone."""
    if basket.owner_id:
        return person(basket.owner)
    guest = GuestBasket.objects.filter(basket_id=basket.pk, contact__erased_at=None).first()
    return {"contact": guest.contact} if guest else {}


def is_of(contact: Contact, *, user: Any = None, email: str = "") -> bool:
    """Whether this account, or this address, is that person."""
    if user is not None and contact.user_id == user.pk:
        return True
    try:
        key = digest(normalize(address(user) if user is not None else email))
    except ValueError:
        return False
    if contact.email_digest == key:
        return True
    return Alias.objects.filter(contact=contact, email_digest=key).exists()
