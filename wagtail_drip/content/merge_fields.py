"""Merge fields: the few words in a mail that differ from person to person.

An editor types `{{ first_name|friend }}`: a field's name and what to say where there is no
value. That is the whole language. What people type never meets a template engine: anything
that isn't a registered field's token stays the text it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .. import registry
from .bidi import isolated
from .personalizing import Hold, Recipient, Slot

if TYPE_CHECKING:
    from .rendering import Rendering

_NAME = r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)?"
TOKEN = re.compile(r"\{\{\s*(" + _NAME + r")\s*(?:\|([^{}|]*))?\}\}")
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


class FieldGroup:
    """Fields under one name: `{{ event.total|0 }}` is the part `total` of the group `event`.

    Registered as fields are. `parts` are those it has always; `part` may know more of them.
    """

    def __init__(
        self, slug: str, label: str | Promise, parts: Mapping[str, MergeField] | None = None
    ) -> None:
        self.slug, self.label, self.parts = slug, label, dict(parts or {})

    def part(self, key: str) -> MergeField | None:
        """The field of this name; None: there is none. Asks no database: mails wait for it."""
        return self.parts.get(key)

    def offered(self) -> Mapping[str, MergeField]:
        """All that editors may write, by key; asked while they do, and before publishing."""
        return self.parts


class Fields(dict[str, MergeField]):
    """Fields by what tokens call them: a name, or a group's name, a dot and the part's."""

    def __init__(self, registered: Mapping[str, MergeField | FieldGroup]) -> None:
        groups = {slug: f for slug, f in registered.items() if isinstance(f, FieldGroup)}
        super().__init__(
            (slug, f) for slug, f in registered.items() if not isinstance(f, FieldGroup)
        )
        self.groups = groups

    def __missing__(self, name: str) -> MergeField:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        if dict.__contains__(self, name):
            return dict.__getitem__(self, name)
        group, dot, key = name.partition(".")
        part = self.groups[group].part(key) if dot and group in self.groups else None
        return default if part is None else part

    def offer(self, name: str) -> MergeField | None:
        """What editors may write by this name, with its sample: of a group, only what it offers."""
        if dict.__contains__(self, name):
            return dict.__getitem__(self, name)
        group, _dot, key = name.partition(".")
        found = self.groups.get(group)
        return None if found is None else found.parts.get(key) or found.offered().get(key)

    def offered(self) -> dict[str, MergeField]:
        """All that editors may write."""
        parts = {
            f"{slug}.{key}": part
            for slug, group in self.groups.items()
            for key, part in group.offered().items()
        }
        return {**self, **parts}


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
        missing: bool = False,
    ) -> None:
        self.slug, self.label, self.value = slug, label, value
        self.depends_on = depends_on
        self.may_be_missing = missing

    def fixed(self, rendering: Rendering) -> str | None:
        return self.value(rendering)


_SITE_NAME = FixedField("site_name", _("Name of the site"), lambda r: r.brand.name)


def builtin() -> dict[str, MergeField | FieldGroup]:
    site = FieldGroup(
        "site",
        _("Site"),
        {
            "name": _SITE_NAME,
            "address": FixedField("address", _("Address on the web"), lambda r: r.absolute("/")),
            "post": FixedField("post", _("Postal address"), lambda r: r.brand.postal_address),
        },
    )
    campaign = FieldGroup(
        "campaign",
        _("Campaign"),
        {
            "name": FixedField("name", _("Name"), lambda r: r.campaign, missing=True),
            "topic": FixedField("topic", _("Mailing topic"), lambda r: r.topic, missing=True),
        },
    )
    fields: list[MergeField | FieldGroup] = [
        OwnField("first_name", _("First name"), _("Alex")),
        OwnField("last_name", _("Last name"), _("Reader")),
        OwnField("email", _("E-mail address"), "alex@example.com", missing=False),
        _SITE_NAME,
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
        site,
        campaign,
    ]
    return {field.slug: field for field in fields}


def fields() -> Fields:
    """All registered fields by what tokens call them."""
    return Fields(registry.merge_fields())


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


def typed(slot: Slot) -> str:
    """A slot as an editor writes it."""
    bar = f"|{slot.fallback}" if slot.fallback else ""
    return f"{{{{ {slot.name}{bar} }}}}"


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
        return isolated(str(value).translate(_STRAY) if value else fallback, rendering.direction)

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
