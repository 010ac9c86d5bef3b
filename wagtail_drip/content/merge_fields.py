"""Merge fields: the few words in a mail that differ from person to person.

An editor types `{{ first_name|friend }}`: a field's name and what to say where there is no
value. That is the whole language. What people type never meets a template engine: anything
that isn't a registered field's token stays the text it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .. import registry
from .personalizing import Hold, Recipient, Slot

if TYPE_CHECKING:
    from .rendering import Rendering

TOKEN = re.compile(r"\{\{\s*([A-Za-z][A-Za-z0-9_]*)\s*(?:\|([^{}|]*))?\}\}")
# Anything that looks meant as a token, for telling editors about the ones that aren't.
LOOKALIKE = re.compile(r"\{\{([^{}]*)\}\}")

# A token's place is kept by a mark: two private-use characters around hexadecimal digits, which
# templates, HTML parsers and CSS inlining leave alone wherever text may stand.
OPEN, CLOSE = "\ue000", "\ue001"
MARK = re.compile(f"{OPEN}([0-9a-f]*){CLOSE}")
_STRAY = {ord(OPEN): None, ord(CLOSE): None}


class MergeField:
    """One kind of word. Subclass, and register an instance by `register_drip_merge_fields`.

    `depends_on` says when the word is known: `"person"` (asked by `values`, once for a whole
    batch), `"object"` or `"nothing"` (asked by `fixed`, once for each message compiled).
    """

    slug: str
    label: str | Promise
    sample: str | Promise = ""  # stands in previews; previews never ask `values`
    depends_on: Literal["nothing", "object", "person"] = "person"
    may_be_missing = True  # False: a token of this field needs no fallback

    def values(self, recipients: Sequence[Recipient]) -> Mapping[int, str | Hold | None]:
        """Values by `Recipient.id`, at most one query whatever the number of recipients.

        None, "" or no entry: the token's fallback stands. `Hold`: this person's mail waits.
        """
        raise NotImplementedError

    def fixed(self, rendering: Rendering) -> str | None:
        """The value for all readers of one compiled message; not for `"person"` fields."""
        raise NotImplementedError

    def preview(self, recipient: Recipient | None) -> str:
        """What a preview shows, of `recipient` where it is about somebody.

        "": the token's fallback stands. Must change nothing: a field that issues codes keeps
        `sample`.
        """
        return str(self.sample)


class OwnField(MergeField):
    """A value that every recipient carries along."""

    def __init__(
        self, slug: str, label: str | Promise, sample: str | Promise, *, missing: bool = True
    ) -> None:
        self.slug, self.label, self.sample, self.may_be_missing = slug, label, sample, missing

    def values(self, recipients: Sequence[Recipient]) -> dict[int, str | Hold | None]:
        return {recipient.id: getattr(recipient, self.slug) for recipient in recipients}

    def preview(self, recipient: Recipient | None) -> str:
        return str(getattr(recipient, self.slug) if recipient else self.sample)


class FixedField(MergeField):
    """A value that is known once the message is: of the brand, or of the product it is about."""

    def __init__(
        self,
        slug: str,
        label: str | Promise,
        value: Callable[[Rendering], str | None],
        *,
        depends_on: Literal["nothing", "object"] = "nothing",
    ) -> None:
        self.slug, self.label, self.value = slug, label, value
        self.depends_on = depends_on
        self.may_be_missing = False

    def fixed(self, rendering: Rendering) -> str | None:
        return self.value(rendering)


def builtin() -> dict[str, MergeField]:
    fields = [
        OwnField("first_name", _("First name"), _("Alex")),
        OwnField("last_name", _("Last name"), _("Reader")),
        OwnField("email", _("E-mail address"), "alex@example.com", missing=False),
        FixedField("site_name", _("Name of the site"), lambda r: r.brand.name),
        FixedField(
            "product_title",
            _("Title of the product"),
            lambda r: r.event_product().title,
            depends_on="object",
        ),
        FixedField(
            "product_price",
            _("Price of the product"),
            lambda r: r.event_product().price,
            depends_on="object",
        ),
    ]
    return {field.slug: field for field in fields}


def fields() -> dict[str, MergeField]:
    """All registered fields by their slug."""
    return registry.merge_fields()


@dataclass(frozen=True, slots=True)
class Token:
    """What an editor typed between double braces; `known` says whether it is a field of ours."""

    source: str  # "{{ first_name|friend }}"
    slug: str
    fallback: str
    known: bool


def tokens(text: str, known: Iterable[str]) -> list[Token]:
    """The tokens in a text, unknown ones included."""
    found = []
    for match in LOOKALIKE.finditer(text):
        token = TOKEN.fullmatch(match[0])
        slug = token[1] if token else match[1].partition("|")[0].strip()
        fallback = _fallback(token) if token else ""
        found.append(Token(match[0], slug, fallback, bool(token) and slug in known))
    return found


def _fallback(match: re.Match[str]) -> str:
    return " ".join((match[2] or "").split())


def mark(slot: Slot) -> str:
    """The place-holder that stands for a slot while a message is rendered."""
    return OPEN + f"{slot.name}|{slot.fallback}".encode("utf-8", "replace").hex() + CLOSE


def merge(text: str, rendering: Rendering) -> str:
    """`text` with a mark, or the value where it is known by now, for each registered token."""

    def replaced(match: re.Match[str]) -> str:
        field = rendering.fields.get(match[1])
        if field is None:
            return match[0]
        fallback = _fallback(match)
        if field.depends_on == "person":
            return mark(Slot(match[1], fallback))
        if field.depends_on == "object" and fallback and rendering.is_about_nothing:
            return fallback
        value = field.fixed(rendering)
        return str(value).translate(_STRAY) if value else fallback

    return TOKEN.sub(replaced, str(text).translate(_STRAY))


def split(marked: str) -> tuple[str | Slot, ...]:
    """A rendered text cut at its marks: texts and slots, without empty texts."""
    parts: list[str | Slot] = []
    for number, piece in enumerate(MARK.split(marked)):
        if number % 2:
            name, _sep, fallback = _decoded(piece).partition("|")
            if name:
                parts.append(Slot(name, fallback))
        elif piece:
            parts.append(piece.translate(_STRAY))
    return tuple(parts)


def _decoded(digits: str) -> str:
    try:
        return bytes.fromhex(digits).decode()
    except ValueError:  # not a mark of ours: somebody pasted private-use characters
        return ""
