"""The contract of a block in a flow: one screen.

A block registered by `register_drip_flow_blocks` is an ordinary Wagtail block that is also a
`Part`. `value` is always its raw data: what the StreamField stores, JSON with ids for instances.
It may come from a file, so a part expects any shape of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from wagtail.blocks import Block

if TYPE_CHECKING:
    from .checking import Checks
    from .compiling import Compiler

MAX_DEPTH = 3  # so deep may decisions stand inside one another
MAX_BLOCKS = 500


class Names(Protocol):
    """What a sentence may know: names by the ids that raw data holds.

    Those of mails by their id; those of other things by (model's name, id).
    """

    def get(self, key: Any, /) -> str | None: ...


class Part:
    """What a block of the flow does besides being edited."""

    def nested(self, depth: int) -> Block | None:
        """The block for a flow inside `depth` decisions; None: not offered there."""
        assert isinstance(self, Block)
        return self

    def compile(self, value: Any, id: str, next: str, compiler: Compiler) -> str:
        """Add this block's nodes and return the id of the one to go to, mostly `id` itself.

        `compiler.add(id, node)` adds a `program` node; `compiler.flow(raw, next)` compiles a
        flow inside; `compiler.key(step)` gives a mail's translation key. A second node of the
        same block takes an id that starts with `id`; ids have at most 64 characters.
        """
        return next

    def problems(self, value: Any, checks: Checks) -> list[str]:
        """Why it can't work, in an editor's words: "no mail is chosen"."""
        return []

    def sentence(self, value: Any, names: Names) -> str:
        """What it does, in one line: "Wait 2 days"; "" for its label."""
        return ""

    def inside(self, value: Any) -> list[tuple[str, Any]]:
        """The flows inside it: (what leads there, raw data)."""
        return []

    def steps(self, value: Any) -> list[Any]:
        """The ids of the mails it sends."""
        return []

    def campaigns(self, value: Any) -> list[Any]:
        """The ids of the campaigns it lets people into."""
        return []


def fields(value: Any) -> Mapping[str, Any]:
    """A StructBlock's raw data, whatever a file made of it."""
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Placed:
    """A block of a flow and where it stands. `part` is None where no block has its type."""

    part: Part | None
    type: str
    value: Any
    id: Any
    place: str  # "Step 3", "Step 3, yes 1"
    depth: int  # inside how many decisions

    @property
    def label(self) -> str:
        return title(self.part, self.type) if self.part else self.type


def title(part: Part, type_: str) -> str:
    """What editors call this block; a block that is given no label is called by its type."""
    return str(getattr(part, "label", "")) or capfirst(type_.replace("_", " "))


def walk(raw: Any, parts: Mapping[str, Part], place: str = "", depth: int = 0) -> Iterator[Placed]:
    """All blocks of a flow's raw data in reading order, as deep as decisions may stand."""
    for number, child in enumerate(raw if isinstance(raw, list) else [], start=1):
        child = child if isinstance(child, Mapping) else {}
        here = f"{place} {number}" if place else _("Step %d") % number
        type_, value = str(child.get("type", "")), child.get("value")
        part = parts.get(type_)
        yield Placed(part, type_, value, child.get("id"), here, depth)
        if part and depth < MAX_DEPTH:
            for label, inner in part.inside(value):
                yield from walk(inner, parts, f"{here}, {label}", depth + 1)
