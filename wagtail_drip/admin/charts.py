"""Small charts as SVG, made on the server. Beside each stands a table that says the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from django.utils.html import format_html
from django.utils.safestring import SafeString

WIDTH, HEIGHT, PAD = 240, 40, 3


def line(
    values: Mapping[date, int], first: date, last: date, label: str, *, mirrored: bool = False
) -> SafeString:
    """Numbers by day from `first` to `last`, as one line; a day without a number has no point.

    It begins at nothing, so that a small change looks small. `mirrored`: from right to left.
    """
    days = max(1, (last - first).days)
    shown = sorted((day, number) for day, number in values.items() if first <= day <= last)
    most = max((number for _day, number in shown), default=0)

    def point(day: date, number: int) -> str:
        x = PAD + (WIDTH - 2 * PAD) * (day - first).days / days
        y = HEIGHT - PAD - (HEIGHT - 2 * PAD) * number / (most or 1)
        return f"{WIDTH - x if mirrored else x:.1f},{y:.1f}"

    points = [point(*one) for one in shown]
    end = (points[-1] if points else "0,0").split(",")
    return format_html(
        '<svg class="drip-line" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="2"'
        ' stroke-linejoin="round" vector-effect="non-scaling-stroke"/>'
        '<circle cx="{}" cy="{}" r="{}" fill="currentColor"/></svg>',
        WIDTH, HEIGHT, label, " ".join(points), *end, 2.5 if points else 0,
    )  # fmt: skip
