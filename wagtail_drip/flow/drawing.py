"""A flow as a picture: where its boxes, wires and labels go. Pure; templates make the SVG of it.

From top to bottom; the ways of a decision stand side by side and come together again. All is
reckoned in CSS pixels from the start side (the left one, or mirrored the right one).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from .outlining import Line

BOX = 248  # a box's width
PASSAGE = 120  # of a way with nothing on it
GAP = 28  # between two boxes, across and down
PAD = 12
ICON = 16
LETTER, ROW = 7.6, 19  # of the text, rather too wide than too narrow
COLUMNS = int((BOX - 2 * PAD - ICON - 10) / LETTER)
BOLD_COLUMNS = COLUMNS - 1  # of notes
MOST_ROWS = 4
ENDING = {"leave"}  # nothing comes after these


@dataclass(frozen=True, slots=True)
class Box:
    """One block. `rows`: its text, as much of it as there is room for; `notes`: below it, in rows
    as well; `told`: all of it in one line, for who listens."""

    x: float
    y: float
    height: float
    line: Line
    rows: tuple[str, ...]
    notes: tuple[str, ...]
    text_x: float
    icon_x: float
    icon: str = ""
    told: str = ""
    width: int = BOX

    @property
    def text_y(self) -> float:
        return self.y + PAD + ROW * 0.75

    @property
    def icon_y(self) -> float:
        return self.y + PAD + (ROW - ICON) / 2


@dataclass(frozen=True, slots=True)
class Label:
    """What leads to a way, or where the flow begins and ends. x is its middle."""

    x: float
    y: float
    text: str
    full: str = ""  # where `text` is cut


@dataclass(slots=True)
class Drawing:
    width: float
    height: float = 0
    boxes: list[Box] = field(default_factory=list)
    wires: list[str] = field(default_factory=list)  # each an SVG path
    labels: list[Label] = field(default_factory=list)


def picture(
    lines: Sequence[Line],
    trigger: str,
    *,
    notes: Callable[[Line], Sequence[str]] = lambda line: (),
    icon: Callable[[str], str] = lambda type: "",
    mirrored: bool = False,
) -> Drawing:
    """The picture of an outline. `trigger`: what somebody does who enters; `icon`: of a block by
    its type; `notes`: what else a box says."""
    pen = _Pen(notes, icon, mirrored, max(_width(lines), BOX) + 2 * GAP)
    middle = pen.drawing.width / 2
    start = _("Somebody %s") % trigger if trigger else _("Nothing starts it yet")
    pen.label(middle, GAP / 2, start)
    y, goes_on = pen.sequence(lines, middle, GAP / 2 + ROW)
    if goes_on:
        pen.wire((middle, y), (middle, y + GAP))
        y += GAP
    pen.label(middle, y + 4, _("The end") if goes_on else "")
    pen.drawing.height = y + ROW + GAP
    return pen.drawing


def wrap(text: str, columns: int = COLUMNS, most: int = MOST_ROWS) -> tuple[str, ...]:
    """The text in rows that fit; what has no room is left out with an ellipsis."""
    rows: list[str] = []
    row = ""
    for word in _pieces(text, columns):
        longer = f"{row} {word}" if row else word
        if _columns(longer) <= columns:
            row = longer
            continue
        rows.append(row)
        row = word
    rows.append(row)
    if len(rows) > most:
        last = rows[most - 1]
        while _columns(last) >= columns:
            last = last[:-1]
        rows[most - 1 :] = [f"{last.rstrip()}…"]
    return tuple(rows)


def _pieces(text: str, columns: int) -> Iterator[str]:
    """The words, those too long for a row in parts."""
    for word in text.split():
        part = ""
        for letter in word:
            if _columns(part + letter) > columns:
                yield part
                part = ""
            part += letter
        yield part


def _columns(text: str) -> int:
    """How wide it is: Chinese, say, is twice as wide as Latin; accents have no width."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def _width(lines: Sequence[Line]) -> float:
    return max((_ways_width(line) for line in lines), default=PASSAGE)


def _ways_width(line: Line) -> float:
    if not line.ways:
        return BOX
    return max(BOX, sum(_width(inner) for _way, inner in line.ways) + GAP * (len(line.ways) - 1))


class _Pen:
    def __init__(
        self,
        notes: Callable[[Line], Sequence[str]],
        icon: Callable[[str], str],
        mirrored: bool,
        width: float,
    ) -> None:
        self.notes, self.icon, self.mirrored = notes, icon, mirrored
        self.drawing = Drawing(width)

    def x(self, x: float) -> float:
        return self.drawing.width - x if self.mirrored else x

    def label(self, x: float, y: float, text: str, columns: int = COLUMNS) -> None:
        if text:
            [row] = wrap(text, columns, most=1)
            self.drawing.labels.append(Label(self.x(x), y + ROW / 2, row, text))

    def wire(self, *points: tuple[float, float]) -> None:
        """Through these points, with square corners."""
        path = " L".join(f"{self.x(x):g} {y:g}" for x, y in points)
        self.drawing.wires.append(f"M{path}")

    def sequence(self, lines: Sequence[Line], middle: float, y: float) -> tuple[float, bool]:
        """Draw these from `y` down. Where it ended, and whether somebody can go on from there."""
        goes_on = True
        for line in lines:
            if goes_on:
                self.wire((middle, y), (middle, y + GAP))
            y = self.box(line, middle, y + GAP)
            goes_on = line.type not in ENDING
            if line.ways:
                y, goes_on = self.ways(line, middle, y)
        return y, goes_on

    def box(self, line: Line, middle: float, y: float) -> float:
        rows = wrap(line.text)
        said = self.notes(line)
        notes = tuple(row for note in said for row in wrap(note, BOLD_COLUMNS, most=2))
        height = 2 * PAD + ROW * (len(rows) + len(notes))
        x = self.x(middle) - BOX / 2
        icon, text = x + PAD, x + PAD + ICON + 10
        if self.mirrored:
            icon, text = x + BOX - PAD - ICON, x + BOX - PAD - ICON - 10
        name, told = self.icon(line.type), ", ".join([line.text, *said])
        self.drawing.boxes.append(Box(x, y, height, line, rows, notes, text, icon, name, told))
        return y + height

    def ways(self, line: Line, middle: float, y: float) -> tuple[float, bool]:
        """Side by side, each below what leads to it, and together again."""
        widths = [_width(inner) for _way, inner in line.ways]
        x = middle - (sum(widths) + GAP * (len(widths) - 1)) / 2
        fork, ends = y + GAP, []
        for (way, inner), width in zip(line.ways, widths, strict=True):
            center = x + width / 2
            self.wire((middle, y), (middle, fork), (center, fork), (center, fork + PAD))
            self.label(center, fork + PAD, way, int(width / LETTER))
            bottom, goes_on = self.sequence(inner, center, fork + PAD + ROW)
            ends.append((center, bottom, goes_on))
            x += width + GAP
        join = max(bottom for _center, bottom, _goes_on in ends) + GAP
        for center, bottom, goes_on in ends:
            if goes_on:
                self.wire((center, bottom), (center, join), (middle, join))
        return join, any(goes_on for _center, _bottom, goes_on in ends)
