"""Who may do what: the permissions of the snippets, asked by their names."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_permission_codename
from django.db.models import Model

from ..models import Campaign


def may(user: Any, action: str, model: type[Model]) -> bool:
    """Whether `user` has the model permission `action`: add, change, publish, …"""
    opts = model._meta
    return bool(user.has_perm(f"{opts.app_label}.{get_permission_codename(action, opts)}"))


def may_see_campaigns(user: Any) -> bool:
    return any(may(user, action, Campaign) for action in ("view", "change", "add", "publish"))
