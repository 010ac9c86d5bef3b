"""Places of a flow in an editor's words, also of flows that were published once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from .. import registry
from ..flow import outlining
from ..flow.outlining import Line
from ..models.named import names_in


@dataclass(frozen=True, slots=True)
class Words:
    """The lines of one flow, by the nodes that come of their blocks."""

    lines: tuple[Line, ...]
    texts: Mapping[str, str]  # by block, in reading order
    ways: Mapping[str, str] = field(default_factory=dict)  # by block: the way it stands on, if any

    def block(self, node: str) -> str:
        """The block that a node came of; "" for one that this flow doesn't have."""
        if node in self.texts:
            return node
        return next((block for block in self.texts if block and node.startswith(block)), "")

    def of(self, node: str) -> str:
        if not node:
            return _("The end")
        return self.texts.get(self.block(node)) or _("A place that is no longer known")

    def with_way(self, node: str) -> str:
        """With what leads there: a mail may stand on several ways."""
        return " · ".join(filter(None, [self.ways.get(self.block(node)), self.of(node)]))

    def rank(self, node: str) -> int:
        """In reading order; the end and what isn't known come last."""
        block = self.block(node)
        return list(self.texts).index(block) if block else len(self.texts)


def words(flows: Sequence[list[dict[str, Any]]]) -> list[Words]:
    """Of each flow's raw data. Two queries at most, however many."""
    names = names_in(*flows)
    with registry.looked_up_once():
        outlines = [outlining.outline(flow, names) for flow in flows]
    return [
        Words(
            lines,
            {block: text for block, text, _way in _texts(lines)},
            {block: way for block, _text, way in _texts(lines) if way},
        )
        for lines in outlines
    ]


def _texts(lines: Iterable[Line], way: str = "") -> Iterator[tuple[str, str, str]]:
    for line in lines:
        yield line.block, line.text, way
        for label, inner in line.ways:
            yield from _texts(inner, label)
