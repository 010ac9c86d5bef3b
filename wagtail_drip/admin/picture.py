"""A flow as a picture with what is known of each place, and the same as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import get_language_bidi, ngettext
from django.utils.translation import gettext as _

from .. import registry
from ..engine.measuring import Numbers
from ..engine.standing import Here
from ..flow import drawing
from ..flow.drawing import Drawing
from ..flow.outlining import Line
from . import results
from .wording import Words


@dataclass(frozen=True, slots=True)
class Place:
    """One row of the table: a block, how deep it stands, and what leads there."""

    line: Line
    depth: int
    way: str  # of a way's first block: what leads there
    here: Here = field(default_factory=Here)

    @property
    def indent(self) -> str:
        return f"{self.depth * 1.25:g}rem"


def picture(
    lines: Sequence[Line],
    trigger: str,
    here: Mapping[str, Here],
    now: datetime,
    sent: Mapping[str, Numbers],
) -> Drawing:
    """`here`: who stands at each block; `sent`: what became of its mails; `trigger`: what starts
    the campaign."""
    return drawing.picture(
        lines,
        trigger,
        notes=lambda line: [
            *results.notes(sent.get(line.block)),
            *notes(here.get(line.block, Here()), now),
        ],
        icon=icon,
        mirrored=get_language_bidi(),
    )


def by_block(words: Words, places: Mapping[str, Here]) -> dict[str, Here]:
    """People by node, as people by block."""
    found: dict[str, Here] = {}
    for node, here in places.items():
        block = words.block(node)
        found[block] = found.get(block, Here()) + here
    return found


def places(lines: Sequence[Line], here: Mapping[str, Here]) -> Iterator[Place]:
    yield from _places(lines, here, 0, "")


def _places(
    lines: Sequence[Line], here: Mapping[str, Here], depth: int, way: str
) -> Iterator[Place]:
    for number, line in enumerate(lines):
        found = here.get(line.block, Here())
        yield Place(line, depth, "" if number else way, found)
        for label, inner in line.ways:
            yield from _places(inner, here, depth + 1, label)


def notes(here: Here, now: datetime) -> list[str]:
    """What a box says below its text: "120 people", "next: tomorrow 09:00"."""
    if not here.people:
        return []
    said = [people(here.people)]
    if here.next_at:
        said.append(_("next: %s") % moment(here.next_at, now))
    return said


def people(count: int) -> str:
    return ngettext("%d person", "%d people", count) % count


def ahead(here: Here, now: datetime) -> list[str]:
    """ "next: tomorrow 09:00", "120 people today", "340 people within seven days"."""
    if not here.next_at:
        return []
    return [
        _("next: %s") % moment(here.next_at, now),
        _("%s today") % people(here.today),
        _("%s within seven days") % people(here.week),
    ]


def moment(at: datetime, now: datetime) -> str:
    """A moment ahead as people say it, in the viewer's time zone."""
    if at <= now:
        return _("now")
    at, today = localtime(at), localtime(now).date()
    time, days = date_format(at, "TIME_FORMAT"), (at.date() - today).days
    if days == 0:
        return _("today %s") % time
    if days == 1:
        return _("tomorrow %s") % time
    day = date_format(at, "l" if days < 7 else "SHORT_DATE_FORMAT")
    return f"{day} {time}"


def icon(type_: str) -> str:
    """The icon that editors know the block by."""
    part: Any = registry.flow_blocks().get(type_)
    return getattr(part.meta, "icon", "") if part else "warning"
