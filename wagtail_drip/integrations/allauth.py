"""django-allauth, where it is installed: who proved an address, and that they did is an event.

What an account says of its address is anybody's claim. allauth keeps which claims were proved, by
a link or a code that came to the mailbox; so an account that moves from one proved address to
another takes its contact along (engine/following.py), consents, history and all.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.utils.translation import gettext_lazy as _

from .. import api
from ..flow.triggers import Trigger
from ..models.addresses import digest, normalize
from . import auth

CONFIRMED = "email_confirmed"
UID = "wagtail_drip.integrations.allauth"


def is_installed() -> bool:
    return apps.is_installed("allauth.account")


def triggers() -> dict[str, Trigger]:
    """What allauth lets campaigns start on, beside `user_signed_up`. None where it isn't there."""
    if not is_installed():
        return {}
    sample = {"primary": True}
    return {CONFIRMED: Trigger(CONFIRMED, _("confirmed their e-mail address"), sample)}


def connect() -> None:
    if not is_installed():
        return
    from allauth.account import signals

    signals.user_signed_up.connect(_signed_up, dispatch_uid=UID)
    signals.email_confirmed.connect(_confirmed, dispatch_uid=UID)
    auth.witnesses.append(proved)


def proved(user: Any) -> set[str]:
    """The normalized addresses that this account has shown to be theirs. One query."""
    from allauth.account.models import EmailAddress

    rows = EmailAddress.objects.filter(user_id=user.pk, verified=True)
    return {found for email in rows.values_list("email", flat=True) if (found := _plain(email))}


def _signed_up(*, user: Any, **kwargs: Any) -> None:
    """Saving the account told of it already, unless it had no address then (a social sign-up)."""
    auth.signed_up(user)


def _confirmed(*, email_address: Any, **kwargs: Any) -> None:
    """Once for each address of an account, however often it is confirmed."""
    user, email = email_address.user, _plain(email_address.email)
    if not email or not _plain(auth.address(user)):
        return
    data = {"primary": bool(email_address.primary)}
    api.record(CONFIRMED, user=user, data=data, key=f"user:{user.pk}:{digest(email)}")


def _plain(email: str) -> str:
    try:
        return normalize(email)
    except ValueError:
        return ""
