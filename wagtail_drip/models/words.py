"""Merge fields that are read from rows: the reader's account, and the attributes a site defined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from ..content import words
from ..content.formatting import written
from ..content.merge_fields import FieldGroup, MergeField
from ..content.personalizing import Hold, Recipient
from .attributes import Attribute

_SAMPLES = {
    "number": 42, "boolean": True, "date": "2026-12-31", "datetime": "2026-12-31T10:00:00",
}  # fmt: skip


class ContactWords(words.ContactWords):
    """With the attributes that are defined now."""

    def offered(self) -> Mapping[str, MergeField]:
        known = {
            one.key: words.attribute(one.key, one.label, _SAMPLES.get(one.type))
            for one in Attribute.objects.all()
        }
        return {**known, **self.parts}


class UserWord(MergeField):
    """A field of the reader's account. One query for a batch."""

    def __init__(self, slug: str, label: Any, sample: Any) -> None:
        self.slug, self.label, self.sample = slug, label, sample

    def values(self, recipients: Sequence[Recipient]) -> dict[int, str | Hold | None]:
        ids = {one.user_id for one in recipients if one.user_id is not None}
        rows = get_user_model()._default_manager.filter(pk__in=ids) if ids else None
        found = dict(rows.values_list("pk", self.slug)) if rows is not None else {}
        return {one.id: written(found.get(one.user_id), one.time_zone) for one in recipients}

    def preview(self, recipient: Recipient | None) -> str:
        if recipient is None:
            return written(self.sample)
        return str(self.values([recipient])[recipient.id] or "")


def builtin() -> dict[str, FieldGroup]:
    own = {
        "username": (_("User name"), "alex"),
        "first_name": (_("First name"), _("Alex")),
        "last_name": (_("Last name"), _("Reader")),
        "date_joined": (_("When they joined"), "2026-01-01"),
    }
    columns = {field.name for field in get_user_model()._meta.concrete_fields}
    user = {key: UserWord(key, *said) for key, said in own.items() if key in columns}
    groups = words.builtin()
    contact = groups["contact"]
    groups["contact"] = ContactWords(contact.slug, contact.label, contact.parts)
    return {**groups, "user": FieldGroup("user", _("Account"), user)}
