"""Triggers: the kinds of events that site code may record, and that campaigns start on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


@dataclass(frozen=True)
class Trigger:
    """One kind of event, registered by `register_drip_triggers` under its slug.

    `label` completes "Somebody …" and "they …": "signed up", "placed an order". `sample` shows
    what an event's data looks like (previews and tests use it); `required` are the keys that
    `record` insists on.
    """

    slug: str
    label: str | Promise
    sample: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def problems(self, data: Mapping[str, Any]) -> list[str]:
        """What is wrong with an event's data, in words for the developer who recorded it."""
        return [
            _("Data of “%(slug)s” lacks “%(key)s”.") % {"slug": self.slug, "key": key}
            for key in self.required
            if data.get(key) in (None, "")
        ]


def builtin() -> dict[str, Trigger]:
    return {"user_signed_up": Trigger("user_signed_up", gettext_lazy("signed up"))}
