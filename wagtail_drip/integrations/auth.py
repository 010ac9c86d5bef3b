"""Accounts: a new one is an event, a changed one changes its contact."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_save
from django.utils import timezone

from .. import api
from ..engine.following import follow
from ..engine.identifying import address
from ..models.addresses import normalize

logger = logging.getLogger("wagtail_drip")

SIGNED_UP = "user_signed_up"

# Who knows which addresses an account has shown to be theirs: functions of the user, normalized.
witnesses: list[Callable[[Any], Collection[str]]] = []


def connect() -> None:
    post_save.connect(
        _saved, sender=settings.AUTH_USER_MODEL, dispatch_uid="wagtail_drip.integrations.auth"
    )


def _saved(
    *,
    instance: Any,
    created: bool,
    raw: bool = False,
    update_fields: Collection[str] | None = None,
    **kwargs: Any,
) -> None:
    if raw:  # fixtures sign nobody up
        return
    if created:
        signed_up(instance)
    elif update_fields is None or _followed(instance) & set(update_fields):
        _changed(instance)


def signed_up(user: Any) -> None:
    """An account without a usable address (a service's, say) is nobody to write to."""
    try:
        normalize(address(user))
    except ValueError:
        return
    api.record(SIGNED_UP, user=user, key=f"user:{user.pk}")


def _changed(user: Any) -> None:
    try:
        with transaction.atomic():
            follow(user, now=timezone.now(), proved=lambda: _proved(user))
    except Exception:
        logger.exception("The contact of user %s could not follow the account", user.pk)


def _proved(user: Any) -> set[str]:
    return {email for witness in witnesses for email in witness(user)}


def _followed(user: Any) -> set[str]:
    return {user.get_email_field_name(), "first_name", "last_name", "language"}
