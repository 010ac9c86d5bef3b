"""Who may do what: the permissions of the snippets, asked by their names."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import Permission
from django.db.models import Model, QuerySet

from ..models import Campaign, Contact, Delivery, Step


def may(user: Any, action: str, model: type[Model]) -> bool:
    """Whether `user` has the model permission `action`: add, change, publish, …"""
    opts = model._meta
    return bool(user.has_perm(f"{opts.app_label}.{get_permission_codename(action, opts)}"))


def may_see_people(user: Any) -> bool:
    """Whether `user` may read who gets mail. Without it no page that names anybody is shown."""
    return bool(user.has_perm(f"{Contact._meta.app_label}.see_personal_data"))


def may_send_tests(user: Any) -> bool:
    """Whether `user` may have a mail sent to named addresses."""
    return may(user, "change", Step) and bool(user.has_perm(f"{Step._meta.app_label}.send_tests"))


def may_resolve(user: Any) -> bool:
    """Whether `user` may say of uncertain mails that they went, or have them sent again."""
    return bool(user.has_perm(f"{Delivery._meta.app_label}.resolve_uncertain"))


def may_see_campaigns(user: Any) -> bool:
    return any(may(user, action, Campaign) for action in ("view", "change", "add", "publish"))


# What may be done by hand (contact_actions.py, testing.py), beyond what is registered elsewhere.
BY_HAND = (
    "see_personal_data", "export_contact", "add_contact", "change_contact", "delete_contact",
    "change_enrollment", "add_event", "add_consent", "add_suppression", "send_tests",
    "write_html", "resolve_uncertain", "view_task", "change_task",
)  # fmt: skip


def by_hand() -> QuerySet[Permission]:
    """Those that a group may be given, for Wagtail's page of groups."""
    return Permission.objects.filter(
        content_type__app_label=Contact._meta.app_label, codename__in=BY_HAND
    )
