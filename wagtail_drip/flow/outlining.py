"""A flow as sentences, for previews and lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from .. import registry
from .parts import MAX_DEPTH, Names, title


@dataclass(frozen=True, slots=True)
class Line:
    """One block as a sentence. `ways`: the flows inside it, each with what leads there."""

    block: str
    type: str
    text: str
    ways: tuple[tuple[str, tuple[Line, ...]], ...] = ()


def outline(raw: Any, names: Names) -> tuple[Line, ...]:
    """A flow's raw data as lines. `names`: the mails' names by id. Never fails on odd data."""
    with registry.looked_up_once():
        return _outline(raw, names)


def _outline(raw: Any, names: Names, depth: int = 0) -> tuple[Line, ...]:
    parts = registry.flow_blocks()
    lines = []
    for child in raw if isinstance(raw, list) and depth <= MAX_DEPTH else []:
        type_, value = str(child.get("type")), child.get("value")
        part = parts.get(type_)
        if part is None:
            text: str = _("An unknown block (%s)") % type_
            ways: tuple[Any, ...] = ()
        else:
            text = part.sentence(value, names) or title(part, type_)
            ways = tuple(
                (label, _outline(inner, names, depth + 1)) for label, inner in part.inside(value)
            )
        lines.append(Line(str(child.get("id") or ""), type_, text, ways))
    return tuple(lines)
