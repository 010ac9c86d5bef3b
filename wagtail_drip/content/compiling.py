"""A message compiled once: StreamField → tables → inlined CSS → bytes with holes.

Compiled once for each (source, product); each person's mail is then cut out of it
(`personalizing`). N people and M books cost M compiles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

import css_inline
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import cached_property
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from wagtail.blocks import RichTextBlock, StreamValue

from .. import chosen
from ..streams import UnknownBlock, kind, stored
from . import bidi, keeping, merge_fields, mime, products, references, richtext, targets
from .branding import Brand
from .email_block import EmailBlock, render_html, render_plain
from .grouping import GateBlock, GroupBlock
from .keeping import Drawn
from .merge_fields import mark, split
from .messages import Words
from .personalizing import (
    GATE,
    LEAVE,
    PREFERENCES,
    REACTION,
    Fault,
    Fragment,
    Hold,
    Slot,
    for_staff,
    tidy,
)
from .products import Product, Unavailable
from .rendering import Rendering
from .targets import Tracking

__all__ = ["MOST_BYTES", "Brand", "CompiledMessage", "Source", "compile_message"]

MOST_BYTES = 102 * 1024  # Gmail cuts off what is longer
_TEMPLATES = "wagtail_drip/email/"
_PERSON_BLOCK = "block:"
_END = "end"  # of what is behind a gate


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
    campaign: str = ""  # its name
    because: str = ""
    tracking: Tracking = field(default_factory=Tracking)
    words: Words | None = None  # of another channel than e-mail: instead of all that mails have


@dataclass(frozen=True)
class CompiledMessage:
    """A message with numbered holes: in `subject`, `text` and `html` a number is one of `slots`.

    `held`: by gate, why what is behind it can't be shown to anybody now. `texts`: of another
    channel's message, by name, in place of those three.
    """

    slots: tuple[Slot, ...]
    subject: tuple[mime.Part, ...]
    text: tuple[mime.Part, ...]
    html: tuple[mime.Part, ...]
    rendering: Rendering
    tracking: Tracking = field(default_factory=Tracking)
    held: Mapping[str, Hold | Fault] = field(default_factory=dict)
    texts: Mapping[str, tuple[mime.Part, ...]] = field(default_factory=dict)
    words: Words | None = None

    @cached_property
    def sections(self) -> Mapping[Slot, frozenset[tuple[str, ...]]]:
        """For each slot the gates it stands behind, once for each of its places; {} without gates.

        The outermost first.
        """
        found: dict[Slot, set[tuple[str, ...]]] = defaultdict(set)

        def walk(parts: Iterable[mime.Part], gates: tuple[str, ...]) -> None:
            for part in parts:
                if isinstance(part, mime.Section):
                    gate = self.slots[part.gate]
                    found[gate].add(gates)
                    walk(part.parts, (*gates, gate.name))
                elif isinstance(part, int):
                    found[self.slots[part]].add(gates)

        for parts in (self.subject, self.text, self.html):
            walk(parts, ())
        gated = any(gates for places in found.values() for gates in places)
        gated = gated or any(slot.name.startswith(GATE) for slot in found)
        return {slot: frozenset(places) for slot, places in found.items()} if gated else {}

    def is_seen(self, slot: Slot, id: int, answers: Mapping[str, Mapping[int, Any]]) -> bool:
        """Whether the reader `id` sees any of this slot's places; `answers` has the gates'."""
        return any(
            all(answers[gate].get(id) is True for gate in gates) for gates in self.sections[slot]
        )

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

    number: str  # "1" for the first; "1.2" is the second inside it
    block: Any
    value: Any
    language: str
    stored: Any = field(default=None, compare=False)  # the block's raw data, where it has any

    @cached_property
    def gone(self) -> list[str]:
        """What was chosen in it and no longer exists, in sentences."""
        if isinstance(self.block, GroupBlock):  # says itself what it lacks, and so do its rows
            return []
        return references.gone(self.block, self.value, self.stored)

    @cached_property
    def inside(self) -> tuple[Row, ...]:
        """What stands in it, where it is a group."""
        if not isinstance(self.block, GroupBlock):
            return ()
        inside = self.block.inside(self.value, self.language)
        return tuple(_rows(inside, self.language, f"{self.number}."))

    @property
    def gate(self) -> str:
        """Name of the slot that says whether it is there at all, else ""."""
        return f"{GATE}{self.number}" if isinstance(self.block, GateBlock) else ""

    @property
    def person_slot(self) -> str:
        """Name of its slot where each person gets something else in it, else ""."""
        personal = getattr(self.block, "depends_on", "nothing") == "person"
        return f"{_PERSON_BLOCK}{self.number}" if personal else ""

    @property
    def unknown(self) -> str:
        """Its type where nobody registers that any more, else ""."""
        return kind(self.value) if isinstance(self.block, UnknownBlock) else ""


def rows(source: Source) -> Iterator[Row]:
    """The blocks of a message."""
    return _rows(source.body, source.language)


def all_rows(source: Source) -> Iterator[Row]:
    """The blocks of a message with those inside them, in reading order."""
    return _with_inside(rows(source))


def _rows(children: Iterable[Any], language: str, within: str = "") -> Iterator[Row]:
    raw = chain(stored(children), repeat(None))
    return (
        Row(f"{within}{number}", child.block, child.value, language, next(raw))
        for number, child in enumerate(children, 1)
    )


def _with_inside(some: Iterable[Row]) -> Iterator[Row]:
    for row in some:
        yield row
        yield from _with_inside(row.inside)


def compile_message(
    source: Source,
    *,
    product: Product | Hold | Fault | None = None,
    fixed: Mapping[Hashable, Product | Hold | Fault] | None = None,
    strict: bool = True,
) -> CompiledMessage:
    """The message for all people whose event is about `product`.

    Hold or Fault for `product`: why it can't be shown; that matters where a block shows it.
    `fixed`: the products that blocks show to everybody, by ref; loaded here where not given.
    Raises products.Unavailable where what it shows can't be shown now; with `strict=False`, for
    previews, links may lead to drafts.
    """
    if fixed is None:
        refs = fixed_refs(source)
        with translation.override(source.language):
            fixed = products.adapter().load(refs) if refs else {}
    rendering = Rendering(
        brand=source.brand,
        language=source.language,
        fields=merge_fields.fields(),
        campaign=source.campaign,
        topic=source.topic,
        product=product if isinstance(product, Product) else None,
        lacking=product if isinstance(product, Hold | Fault) else None,
        products=fixed,
        strict=strict,
        leftward=_runs_to_the_left(source),
    )
    with translation.override(source.language):
        if source.words is not None:
            return _compiled_words(source.words, rendering, source.tracking)
        return _compiled(source, rendering)


def _compiled_words(words: Words, rendering: Rendering, tracking: Tracking) -> CompiledMessage:
    if rendering.strict and words.child is None:
        with for_staff():
            raise Unavailable(Hold(" ".join(words.problems())))
    merged = {name: tidy(rendering.merge(text)) for name, text in words.texts.items()}
    for name in words.linked:
        whole = targets.with_whole_links(merged[name], rendering.absolute)
        merged[name] = targets.traced_text(whole, tracking, mark(Slot(REACTION)))
    parts = {name: split(text) for name, text in merged.items()}
    slots = tuple(dict.fromkeys(p for some in parts.values() for p in some if isinstance(p, Slot)))
    numbers = {slot: number for number, slot in enumerate(slots)}
    texts = {name: _numbered(some, numbers) for name, some in parts.items()}
    return CompiledMessage(slots, (), (), (), rendering, texts=texts, words=words)


def _compiled(source: Source, rendering: Rendering) -> CompiledMessage:
    if not rendering.strict:
        drawn = _drawn(source, rendering)
    else:
        _refuse_unknown(rows(source))
        drawn = keeping.drawn(
            source,
            all_rows(source),
            fixed_refs(source),
            rendering,
            lambda: _drawn(source, rendering),
        )
    html = targets.traced(drawn.html, source.tracking)
    parts = [
        split(mime.one_line(drawn.subject)),
        split(richtext.tidy_lines(tidy(drawn.text)) + "\n"),
        split(tidy(html) + "\n"),
    ]
    found = (p for part in parts for p in part if isinstance(p, Slot) and not _ends(p))
    # Gates first: what is behind them depends on them.
    slots = tuple(sorted(dict.fromkeys(found), key=lambda slot: not slot.name.startswith(GATE)))
    numbers = {slot: number for number, slot in enumerate(slots)}
    subject_parts, text_parts, html_parts = (_numbered(part, numbers) for part in parts)
    return CompiledMessage(
        slots, subject_parts, text_parts, html_parts, rendering, source.tracking, drawn.held
    )


def _drawn(source: Source, rendering: Rendering) -> Drawn:
    body = list(rows(source))
    rendering.expand([*_rich_texts(body), source.brand.footer])
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
    held: dict[str, Hold | Fault] = {}
    html_rows = [_row_html(row, rendering, held) for row in body]
    plain_rows = [_row_plain(row, rendering, held) for row in body]
    html = _page(rendering, {**context, "rows": [html for html in html_rows if html.strip()]})
    text = render_to_string(
        _TEMPLATES + "base.txt", {**context, "rows": [text for text in plain_rows if text.strip()]}
    )
    return Drawn(subject, text, html, held)


def _rich_texts(body: Iterable[Row]) -> Iterator[str]:
    for row in _with_inside(body):
        for inner, given in chosen.inside(row.block, row.value):
            if isinstance(inner, RichTextBlock) and given:
                yield given.source


def _runs_to_the_left(source: Source) -> bool:
    """A site of one language has mails in others, too: its editors' words say how they run."""
    texts = [source.subject, source.preheader]
    if all(text.isascii() for text in texts) or source.words is not None:
        return False  # as most are, and then nothing more is looked at
    return bidi.runs_to_the_left([*texts, *_rich_texts(rows(source))])


def _ends(slot: Slot) -> bool:
    return slot.name.startswith(GATE) and slot.fallback == _END


def _numbered(parts: Iterable[str | Slot], numbers: Mapping[Slot, int]) -> tuple[mime.Part, ...]:
    """Parts with numbers for slots, and a section for all that stands behind a gate."""
    whole: list[mime.Part] = []
    open_: list[tuple[Slot, list[mime.Part]]] = []
    for part in parts:
        here = open_[-1][1] if open_ else whole
        if isinstance(part, str):
            here.append(part)
        elif not part.name.startswith(GATE):
            here.append(numbers[part])
        elif not _ends(part):
            open_.append((part, []))
        elif open_:
            gate, inside = open_.pop()
            outer = open_[-1][1] if open_ else whole
            outer.append(mime.Section(numbers[gate], tuple(inside)))
    return tuple(whole)


def _refuse_unknown(body: Iterable[Row]) -> None:
    """A mail with a hole in it goes to nobody; it waits for the app that brings the block back."""
    for row in _with_inside(body):
        if row.unknown:
            with for_staff():
                reason = _("The mail has a block “%s”, and this site knows none of that name.")
            raise Unavailable(Hold(reason % row.unknown))


def _row_html(row: Row, rendering: Rendering, held: dict[str, Hold | Fault]) -> str:
    with for_staff():
        gone = row.gone if rendering.strict else []
    if gone:
        raise Unavailable(Hold(gone[0]))  # rather than mail a hole, or a link to nothing
    if row.person_slot:
        return mark_safe(mark(Slot(row.person_slot)))
    if isinstance(row.block, GroupBlock):
        return mark_safe(_group(row, rendering, held, _row_html, _note_html))
    html = render_html(row.block, row.value, rendering)
    return mark_safe(_in_row(html)) if html.strip() else ""


def _row_plain(row: Row, rendering: Rendering, held: dict[str, Hold | Fault]) -> str:
    """With the empty line after it, so that what is left out leaves none behind."""
    if row.person_slot:
        return mark(Slot(row.person_slot))
    if isinstance(row.block, GroupBlock):
        return _group(row, rendering, held, _row_plain, _note_plain)
    return paragraph(render_plain(row.block, row.value, rendering))


def paragraph(text: str) -> str:
    return f"{text}\n\n" if text.strip() else ""


def _group(
    row: Row,
    rendering: Rendering,
    held: dict[str, Hold | Fault],
    inner: Callable[[Row, Rendering, dict[str, Hold | Fault]], str],
    note: Callable[[str], str],
) -> str:
    """The rows inside a group, between the marks of its gate where it has one."""
    if not row.gate:
        return _inside(row, rendering, held, inner)
    try:
        inside = _inside(row, rendering, held, inner)
    except Unavailable as unavailable:  # it matters to those alone who would see it
        held[row.gate], inside = unavailable.reason, ""
    above = "" if rendering.strict else note(row.block.note(row.value))
    return f"{above}{mark(Slot(row.gate))}{inside}{mark(Slot(row.gate, _END))}"


def _inside(
    row: Row,
    rendering: Rendering,
    held: dict[str, Hold | Fault],
    inner: Callable[[Row, Rendering, dict[str, Hold | Fault]], str],
) -> str:
    with for_staff():
        lacking = row.block.lacking(row.value, row.language) if rendering.strict else None
    if lacking:
        raise Unavailable(lacking)
    return "".join(inner(one, rendering, held) for one in row.inside)


def _note_html(note: str) -> str:
    return _in_row(render_to_string(_TEMPLATES + "gate_note.html", {"note": note}))


def _note_plain(note: str) -> str:
    return paragraph(f"[{note}]")


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
    text = paragraph(tidy(text))
    if not html.strip():
        return Fragment("", text)
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
    finished = inliner.inline_fragment(_in_row(html), rendering.style)
    return Fragment(tidy(rendering.absolute_html(finished)), text)


def slots_in(row: Row | None, rendering: Rendering) -> list[Slot]:
    """The merge fields in the words of a block that each person gets something else in."""
    if row is None or not row.person_slot:
        return []
    try:
        marked = [rendering.merge(text) for text in row.block.texts(row.value)]
    except Unavailable:  # making the block says so, where anybody sees it
        return []
    return [part for text in marked for part in split(text) if isinstance(part, Slot)]


def fixed_refs(source: Source) -> list[Hashable]:
    """Refs of the products that blocks show to everybody."""
    blocks = (row for row in all_rows(source) if isinstance(row.block, EmailBlock))
    return list(dict.fromkeys(ref for row in blocks for ref in row.block.fixed_refs(row.value)))


def wants_event_product(source: Source) -> bool:
    """Whether the message differs with the product that a person's event is about."""
    fields = merge_fields.fields()
    texts = [
        source.subject,
        source.preheader,
        *(source.words.texts.values() if source.words else ()),
    ]
    for row in all_rows(source):
        if isinstance(row.block, EmailBlock):
            if row.block.wants_event_product(row.value):
                return True
            texts += row.block.texts(row.value)
    used = (token.slug for text in texts for token in merge_fields.tokens(text, fields))
    return any(fields[slug].depends_on == "object" for slug in used if slug in fields)
