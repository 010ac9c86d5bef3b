"""Merge fields of the reader and of what happened to them: contact, event, order.

Their values come along with each recipient, so they cost no query.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .. import registry
from .formatting import money, written
from .merge_fields import FieldGroup, MergeField
from .personalizing import Hold, Recipient

# Keys of an event's data that name rows, or are ours: nothing to read to anybody.
_INNER = {"key", "site", "asks", "mail_key"}


class Word(MergeField):
    """Read off the recipient by a function."""

    def __init__(
        self,
        slug: str,
        label: str | Promise,
        sample: Any,
        read: Callable[[Recipient], str],
        *,
        missing: bool = True,
    ) -> None:
        self.slug, self.label, self.sample, self.read = slug, label, sample, read
        self.may_be_missing = missing

    def values(self, recipients: Sequence[Recipient]) -> dict[int, str | Hold | None]:
        return {recipient.id: self.read(recipient) for recipient in recipients}

    def preview(self, recipient: Recipient | None) -> str:
        return written(self.sample) if recipient is None else self.read(recipient)


def attribute(key: str, label: str | Promise, sample: Any = "") -> Word:
    """What is known of the reader under a key."""
    return Word(key, label, sample or label, lambda r: written(r.attributes.get(key), r.time_zone))


class ContactWords(FieldGroup):
    def part(self, key: str) -> MergeField | None:
        return super().part(key) or attribute(key, key)


def of_event(key: str, sample: Any) -> Word:
    return Word(key, key, sample, lambda r: written(r.data.get(key), r.time_zone))


class EventWords(FieldGroup):
    """What the event brought along that led the reader into the campaign."""

    def part(self, key: str) -> MergeField | None:
        return of_event(key, self._samples().get(key, key))

    def offered(self) -> Mapping[str, MergeField]:
        return {key: of_event(key, sample) for key, sample in self._samples().items()}

    def _samples(self) -> dict[str, Any]:
        """What all kinds of events may carry: their triggers say so by sample and required keys."""
        found: dict[str, Any] = {}
        for trigger in registry.triggers().values():
            for key in (*trigger.sample, *trigger.required):
                value = trigger.sample.get(key, key)
                if key not in _INNER and not isinstance(value, dict | list):
                    found.setdefault(key, value)
        return dict(sorted(found.items()))


def _total(reader: Recipient) -> str:
    return money(reader.data.get("total"), str(reader.data.get("currency") or ""))


def builtin() -> dict[str, FieldGroup]:
    own = {
        "first_name": (_("First name"), _("Alex"), True),
        "last_name": (_("Last name"), _("Reader"), True),
        "email": (_("E-mail address"), "alex@example.com", False),
        "language": (_("Language"), "en", True),
    }
    contact = {
        key: Word(key, label, sample, lambda r, key=key: str(getattr(r, key)), missing=missing)  # type: ignore[misc]
        for key, (label, sample, missing) in own.items()
    }
    order = {
        "number": Word(
            "number",
            pgettext_lazy("of an order", "Number"),
            "1042",
            lambda r: written(r.data.get("order")),
        ),
        "total": Word("total", _("Total"), "36.50", _total),
    }
    groups = [
        ContactWords("contact", _("Contact"), contact),
        EventWords("event", _("Event")),
        FieldGroup("order", pgettext_lazy("of a customer", "Order"), order),
    ]
    return {group.slug: group for group in groups}
