"""A message compiled once: StreamField → tables → inlined CSS → bytes with holes.

Compiled once for each (source, product); each person's mail is then cut out of it
(`personalizing`). N people and M books cost M compiles.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import css_inline
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import cached_property
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from wagtail.blocks import StreamValue

from ..streams import UnknownBlock, kind
from . import merge_fields, mime, products, richtext, targets
from .branding import Brand
from .email_block import EmailBlock, render_html, render_plain
from .merge_fields import mark, split
from .personalizing import LEAVE, PREFERENCES, Fault, Fragment, Hold, Slot, tidy
from .products import Product, Unavailable
from .rendering import Rendering
from .targets import Tracking

__all__ = ["MOST_BYTES", "Brand", "CompiledMessage", "Source", "compile_message"]

MOST_BYTES = 102 * 1024  # Gmail cuts off what is longer
_TEMPLATES = "wagtail_drip/email/"
_PERSON_BLOCK = "block:"


@dataclass(frozen=True)
class Source:
    """What editors wrote, and whose mail it is."""

    subject: str
    preheader: str
    body: StreamValue
    language: str
    brand: Brand
    # Why its readers get it, at its foot: the topic they chose, else the reason editors gave.
    topic: str = ""
    because: str = ""
    tracking: Tracking = field(default_factory=Tracking)


@dataclass(frozen=True)
class CompiledMessage:
    """A message with numbered holes: in `subject`, `text` and `html` a number is one of `slots`."""

    slots: tuple[Slot, ...]
    subject: tuple[str | int, ...]
    text: tuple[str | int, ...]
    html: tuple[str | int, ...]
    rendering: Rendering
    tracking: Tracking = field(default_factory=Tracking)

    @cached_property
    def bodies(self) -> mime.Bodies:
        return mime.Bodies(self.text, self.html)

    @cached_property
    def subject_line(self) -> bytes:
        """The finished header line, b"" where the subject differs from person to person."""
        if any(isinstance(part, int) for part in self.subject):
            return b""
        return mime.header("Subject", "".join(map(str, self.subject))).encode()


@dataclass(frozen=True)
class Row:
    """One block of a body."""

    number: int  # 1 for the first
    block: Any
    value: Any

    @property
    def person_slot(self) -> str:
        """Name of its slot where each person gets something else in it, else ""."""
        personal = getattr(self.block, "depends_on", "nothing") == "person"
        return f"{_PERSON_BLOCK}{self.number}" if personal else ""

    @property
    def unknown(self) -> str:
        """Its type where nobody registers that any more, else ""."""
        return kind(self.value) if isinstance(self.block, UnknownBlock) else ""


def rows(body: Iterable[Any]) -> Iterator[Row]:
    return (Row(number, child.block, child.value) for number, child in enumerate(body, 1))


def compile_message(
    source: Source,
    *,
    product: Product | None = None,
    fixed: Mapping[Hashable, Product | Hold | Fault] | None = None,
    strict: bool = True,
) -> CompiledMessage:
    """The message for all people whose event is about `product`.

    `fixed`: the products that blocks show to everybody, by ref; loaded here where not given.
    Raises products.Unavailable where what it shows can't be shown now; with `strict=False`, for
    previews, links may lead to drafts.
    """
    if fixed is None:
        refs = fixed_refs(source)
        fixed = products.adapter().load(refs) if refs else {}
    rendering = Rendering(
        brand=source.brand,
        language=source.language,
        fields=merge_fields.fields(),
        product=product,
        products=fixed,
        strict=strict,
    )
    with translation.override(source.language):
        return _compiled(source, rendering)


def _compiled(source: Source, rendering: Rendering) -> CompiledMessage:
    body = list(rows(source.body))
    if rendering.strict:
        _refuse_unknown(body)
    subject = rendering.merge(source.subject)
    context = {
        "brand": source.brand,
        "rendering": rendering,
        "subject": subject,
        "preheader": rendering.merge(source.preheader),
        "leave_url": mark(Slot(LEAVE)),
        "preferences_url": mark(Slot(PREFERENCES)),
        "topic": source.topic,
        "because": source.because,
    }
    html_rows = (_row_html(row, rendering) for row in body)
    plain_rows = (_row_plain(row, rendering) for row in body)
    html = _page(rendering, {**context, "rows": [html for html in html_rows if html.strip()]})
    html = targets.traced(html, source.tracking)
    text = render_to_string(
        _TEMPLATES + "base.txt", {**context, "rows": [text for text in plain_rows if text.strip()]}
    )
    parts = [
        split(mime.one_line(subject)),
        split(richtext.tidy_lines(tidy(text)) + "\n"),
        split(tidy(html) + "\n"),
    ]
    slots = tuple(dict.fromkeys(p for part in parts for p in part if isinstance(p, Slot)))
    numbers = {slot: number for number, slot in enumerate(slots)}
    subject_parts, text_parts, html_parts = (
        tuple(numbers[p] if isinstance(p, Slot) else p for p in part) for part in parts
    )
    return CompiledMessage(slots, subject_parts, text_parts, html_parts, rendering, source.tracking)


def _refuse_unknown(body: Iterable[Row]) -> None:
    """A mail with a hole in it goes to nobody; it waits for the app that brings the block back."""
    for row in body:
        if row.unknown:
            reason = _("The mail has a block “%s”, and this site knows none of that name.")
            raise Unavailable(Hold(reason % row.unknown))


def _row_html(row: Row, rendering: Rendering) -> str:
    if row.person_slot:
        return mark_safe(mark(Slot(row.person_slot)))
    html = render_html(row.block, row.value, rendering)
    return mark_safe(_in_row(html)) if html.strip() else ""


def _row_plain(row: Row, rendering: Rendering) -> str:
    if row.person_slot:
        return mark(Slot(row.person_slot))
    return render_plain(row.block, row.value, rendering)


def _in_row(html: str) -> str:
    return render_to_string(_TEMPLATES + "row.html", {"content": mark_safe(html)})


def _page(rendering: Rendering, context: dict[str, Any]) -> str:
    page = render_to_string(_TEMPLATES + "base.html", context)
    inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
    return rendering.absolute_html(inliner.inline(page))


def fragment(row: Row, given: dict[str, Any], rendering: Rendering) -> Fragment:
    """What a person block shows one person, ready for its slot."""
    with translation.override(rendering.language):
        html = render_html(row.block, row.value, rendering, **given)
        text = render_plain(row.block, row.value, rendering, **given)
    if not html.strip():
        return Fragment("", tidy(text))
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
    finished = inliner.inline_fragment(_in_row(html), rendering.style)
    return Fragment(tidy(rendering.absolute_html(finished)), tidy(text))


def fixed_refs(source: Source) -> list[Hashable]:
    """Refs of the products that blocks show to everybody."""
    blocks = (row for row in rows(source.body) if isinstance(row.block, EmailBlock))
    return list(dict.fromkeys(ref for row in blocks for ref in row.block.fixed_refs(row.value)))


def wants_event_product(source: Source) -> bool:
    """Whether the message differs with the product that a person's event is about."""
    fields = merge_fields.fields()
    texts = [source.subject, source.preheader]
    for row in rows(source.body):
        if isinstance(row.block, EmailBlock):
            if row.block.wants_event_product(row.value):
                return True
            texts += row.block.texts(row.value)
    used = (token.slug for text in texts for token in merge_fields.tokens(text, fields))
    return any(fields[slug].depends_on == "object" for slug in used if slug in fields)
