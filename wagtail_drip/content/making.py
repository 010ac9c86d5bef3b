"""Mails for a batch of people: products loaded once, compiled once each, each field asked once."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils import translation
from django.utils.translation import gettext as _

from ..conf import conf
from . import compiling, merge_fields, products, targets
from .compiling import CompiledMessage, Row, Source
from .links import short_reactions
from .personalizing import (
    GATE,
    LEAVE,
    PLACE,
    PREFERENCES,
    REACTION,
    Envelope,
    Fault,
    Fragment,
    Hold,
    Mail,
    Recipient,
    Slot,
    filled,
    personalize,
)
from .products import Product, Unavailable
from .targets import Tracking

logger = logging.getLogger("wagtail_drip.making")

Made = Mail | Hold | Fault
# The database is away: nobody's message is at fault, so nobody's attempt may be burnt.
OUTAGE = (OperationalError, InterfaceError)
SAMPLE_NUMBER = "+447400123456"
_SAMPLE_DATE = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)


def make(
    source: Source,
    recipients: Sequence[Recipient],
    envelopes: Mapping[int, Envelope],
    *,
    date: datetime,
) -> dict[int, Made]:
    """Each recipient's mail by `Recipient.id`; `Hold`: it must wait; `Fault`: it can't be made.

    `envelopes` by the same id; `date` (aware) goes into the Date header. Raises for no
    recipient's sake; a lost database connection alone comes through (`OUTAGE`).
    """
    made: dict[int, Made] = {}
    groups: list[tuple[CompiledMessage, list[Recipient]]] = []
    for people, compiled in _compile_all(source, recipients):
        if isinstance(compiled, CompiledMessage):
            groups.append((compiled, people))
        else:
            made.update(dict.fromkeys((person.id for person in people), compiled))
    answers = _answers(source, groups, date)
    for compiled, people in groups:
        made.update(personalize(compiled, people, envelopes, answers, date=date))
    return made


def sample(
    source: Source,
    *,
    recipient: Recipient | None = None,
    to: str = "",
    envelope: Envelope | None = None,
    date: datetime = _SAMPLE_DATE,
) -> Mail:
    """The mail as previews and tests have it: with sample values, or those of `recipient`.

    Asks no merge field for its values, so it issues nothing. Raises what a broken block raises.
    `to`: whom it goes to instead, whoever it is about.
    """
    with translation.override(source.language):
        return _sample(source, recipient, to, envelope, date)


def _sample(
    source: Source,
    recipient: Recipient | None,
    to: str,
    envelope: Envelope | None,
    date: datetime,
) -> Mail:
    numbers = {conf.SMS_ATTRIBUTE: SAMPLE_NUMBER}
    person = recipient or Recipient(
        id=0, contact_id=0, email="alex@example.com", attributes=numbers
    )
    compiled = compiling.compile_message(
        source, product=_sample_product(recipient), fixed=_sample_fixed(source), strict=False
    )
    own = _by_slot(source)
    answers = {
        slot.name: {person.id: _sample_word(slot, own.get(slot.name), compiled, recipient, date)}
        for slot in compiled.slots
    }
    reader = replace(person, email=to) if to else person
    envelopes = {person.id: envelope or _sample_envelope(compiled.rendering.absolute("/"))}
    made = personalize(compiled, [reader], envelopes, answers, date=date)[person.id]
    if not isinstance(made, Mail):
        raise ValueError(made.reason)
    return made


def _sample_envelope(site: str) -> Envelope:
    return Envelope(
        message_id="sample@example.com",
        leave_url=site if site.startswith("http") else "https://example.com/",
        from_email="sender@example.com",
        reaction=short_reactions()(0),  # as long as a text message's own; it leads to no delivery
    )


def _compile_all(
    source: Source, recipients: Sequence[Recipient]
) -> list[tuple[list[Recipient], CompiledMessage | Hold | Fault]]:
    """People by the product their event is about, with the message compiled for it."""
    fixed = compiling.fixed_refs(source)
    groups: dict[tuple[Hashable, bool, bool], list[Recipient]] = defaultdict(list)
    asked = compiling.wants_event_product(source)
    for person in recipients:
        ref = _ref(person) if asked else None
        groups[ref, person.track_clicks, person.track_opens].append(person)
    refs = dict.fromkeys(ref for ref, _clicks, _opens in groups)
    about = [ref for ref in refs if ref is not None and not isinstance(ref, Fault)]
    with translation.override(source.language):
        loaded = _load(list(dict.fromkeys([*fixed, *about])))
    return [
        (people, _compiled(_tracked(source, clicks, opens), ref, loaded))
        for (ref, clicks, opens), people in groups.items()
    ]


def _tracked(source: Source, clicks: bool, opens: bool) -> Source:
    """The message for people who allow this much to be noted of them."""
    if clicks and opens:
        return source
    return replace(source, tracking=source.tracking.only(clicks=clicks, opens=opens))


def _ref(person: Recipient) -> Hashable:
    """What the person's event is about, or why that can't be told."""
    try:
        ref = products.adapter().ref(person.data)
        hash(ref)
    except Exception as error:
        return _fault(_("The product of the event can't be told"), error)
    return ref


def _load(refs: Sequence[Hashable]) -> Mapping[Hashable, Product | Hold | Fault]:
    if not refs:
        return {}
    return _asked(products.adapter().load, refs, _("The product"), key=lambda ref: ref)


def _compiled(
    source: Source, ref: Hashable, loaded: Mapping[Hashable, Product | Hold | Fault]
) -> CompiledMessage | Hold | Fault:
    if isinstance(ref, Fault):
        return ref
    found = None if ref is None else loaded.get(ref)
    if ref is not None and found is None:
        found = Hold(_("The product that the mail is about no longer exists."))
    try:
        return compiling.compile_message(source, product=found, fixed=loaded)
    except Unavailable as unavailable:
        return unavailable.reason
    except OUTAGE:
        raise
    except Exception as error:
        return _fault(_("The message can't be rendered"), error)


def _answers(
    source: Source, groups: list[tuple[CompiledMessage, list[Recipient]]], now: datetime
) -> dict[str, dict[int, Any]]:
    """What fills each slot, by its name and the recipient's id. Each field is asked once.

    Only of those who see it: the gates come first, the outermost before those behind them.
    """
    rows = _by_slot(source)
    wanted: dict[str, dict[int, list[Slot]]] = defaultdict(lambda: defaultdict(list))
    for number, (compiled, _people) in enumerate(groups):
        for slot in compiled.slots:
            wanted[slot.name][number].append(slot)
            for inner in compiling.slots_in(rows.get(slot.name), compiled.rendering):
                wanted[inner.name][number].append(slot)  # seen by whoever sees the block
    answers: dict[str, dict[int, Any]] = {}
    # A block for each person comes after the merge fields in it.
    for name in sorted(wanted, key=lambda name: (not name.startswith(GATE), name in rows)):
        if name in (LEAVE, PREFERENCES, REACTION):
            continue
        askers = [
            (groups[number][0], _seeing(*groups[number], slots, answers))
            for number, slots in wanted[name].items()
        ]
        people = [person for _compiled, group in askers for person in group]
        if not people:
            answers[name] = {}
            continue
        if name.startswith(GATE):
            answers[name] = _gate_answers(rows[name], people, now)
        elif name in rows:
            answers[name] = _block_answers(rows[name], askers, people, answers)
        else:
            field = askers[0][0].rendering.fields.get(name)
            ask = _in_language(field.values, source.language) if field else None
            answers[name] = _asked(ask, people, name) if ask else {}
    return answers


def _in_language(ask: Callable[[Any], Any], language: str) -> Callable[[Any], Any]:
    """`ask`, with dates and numbers written as the mail's readers write them."""

    def asked(people: Sequence[Recipient]) -> Any:
        with translation.override(language):
            return ask(people)

    return asked


def _by_slot(source: Source) -> dict[str, Row]:
    """The blocks that differ from person to person, and the gates, by the names of their slots."""
    named = ((row.gate or row.person_slot, row) for row in compiling.all_rows(source))
    return {name: row for name, row in named if name}


def _seeing(
    compiled: CompiledMessage,
    people: list[Recipient],
    slots: Sequence[Slot],
    answers: Mapping[str, Mapping[int, Any]],
) -> list[Recipient]:
    """Those of the people who see any of these slots."""
    if not compiled.sections:
        return people
    return [p for p in people if any(compiled.is_seen(slot, p.id, answers) for slot in slots)]


def _gate_answers(row: Row, people: list[Recipient], now: datetime) -> dict[int, Any]:
    given = _asked(
        lambda asked: row.block.shown(row.value, asked, now), people, str(row.block.label)
    )
    return {id: one if isinstance(one, Hold | Fault) else bool(one) for id, one in given.items()}


def _block_answers(
    row: Row,
    askers: list[tuple[CompiledMessage, list[Recipient]]],
    people: list[Recipient],
    answers: Mapping[str, Mapping[int, Any]],
) -> dict[int, Any]:
    """The fragments of a person block; what it is given may differ with the product."""
    label = str(row.block.label)
    rendering = askers[0][0].rendering
    given = _asked(lambda asked: row.block.values(row.value, asked, rendering), people, label)
    found: dict[int, Any] = {}
    for compiled, group in askers:
        made = {p.id: _fragment(row, given.get(p.id), compiled, label) for p in group}
        found |= {
            pk: filled(one, pk, answers, compiled.rendering.direction)
            for pk, one in _traced(made, compiled.tracking).items()
        }
    return found


def _traced(made: dict[int, Any], tracking: Tracking) -> dict[int, Any]:
    """What is made for each person, with its links as in the rest of the mail."""
    own = {pk: one for pk, one in made.items() if isinstance(one, Fragment)}
    pages = targets.traced_links([one.html for one in own.values()], tracking, PLACE)
    fragments = (Fragment(html, one.text) for html, one in zip(pages, own.values(), strict=True))
    return made | dict(zip(own, fragments, strict=True))


def _fragment(row: Row, given: Any, compiled: CompiledMessage, label: str) -> Any:
    if given is None or isinstance(given, Hold | Fault):
        return given if given is not None else Fragment("", "")
    try:
        fragment = compiling.fragment(row, given, compiled.rendering)
        (fragment.html + fragment.text).encode()
    except Unavailable as unavailable:
        return unavailable.reason
    except OUTAGE:
        raise
    except Exception as error:
        return _fault(label, error)
    return fragment


def _asked(
    ask: Callable[[Sequence[Any]], Mapping[Any, Any]],
    asked: Sequence[Any],
    name: str,
    *,
    key: Callable[[Any], Hashable] = lambda person: person.id,
) -> dict[Any, Any]:
    """`ask(asked)`; where that raises, each is asked alone, so only the guilty one faults."""
    try:
        return dict(ask(asked))
    except OUTAGE:
        raise
    except Exception as error:
        if len(asked) == 1:
            return {key(asked[0]): _fault(name, error)}
        logger.warning("%s failed for a batch of %d: %s", name, len(asked), error)
    found: dict[Any, Any] = {}
    for one in asked:
        found.update(_asked(ask, [one], name, key=key))
    return found


def _fault(what: str, error: Exception) -> Fault:
    logger.error("%s: %s", what, error, exc_info=error)
    return Fault(f"{what}: {type(error).__name__}: {error}"[:500])


def _sample_word(
    slot: Slot,
    row: Row | None,
    compiled: CompiledMessage,
    recipient: Recipient | None,
    now: datetime,
) -> Any:
    if row is not None and row.gate:
        return bool(row.block.sample_shown(row.value, recipient, now))
    if row is not None:
        given = row.block.sample_values(row.value, compiled.rendering)
        fragment = _fragment(row, given, compiled, str(row.block.label))
        inner = compiling.slots_in(row, compiled.rendering)
        said = {one.name: {0: _previewed(one, compiled, recipient)} for one in inner}
        return filled(fragment, 0, said, compiled.rendering.direction)
    return _previewed(slot, compiled, recipient)


def _previewed(slot: Slot, compiled: CompiledMessage, recipient: Recipient | None) -> str | None:
    """A word of the sample person's, or of `recipient`. What nobody has stays as it was typed."""
    fields = compiled.rendering.fields
    field = fields.get(slot.name) if recipient else fields.offer(slot.name)
    if field is not None:
        return field.preview(recipient)
    return None if recipient else merge_fields.typed(slot)


def _sample_product(recipient: Recipient | None) -> Product:
    ref = _ref(recipient) if recipient is not None else None
    found = None if ref is None or isinstance(ref, Fault) else _load([ref]).get(ref)
    return found if isinstance(found, Product) else products.adapter().sample()


def _sample_fixed(source: Source) -> dict[Hashable, Product | Hold | Fault]:
    """The chosen products, with a sample in the place of those that can't be shown."""
    sample, refs = products.adapter().sample(), compiling.fixed_refs(source)
    loaded = _load(refs)
    shown = {ref: found for ref, found in loaded.items() if isinstance(found, Product)}
    return {ref: shown.get(ref, sample) for ref in [*refs, None]}
