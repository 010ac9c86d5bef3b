"""The streams editors fill: the flow, and the conditions. What stands in them comes by hooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from wagtail.blocks import Block

from .. import registry
from ..streams import OpenStreamBlock
from . import conditions

# The blocks for each place, while a stream is being built. Streams inside one another offer the
# same ones: each built anew would double them with every level, and the editor with them.
_shared: ContextVar[dict[Any, list[tuple[str, Block]]] | None] = ContextVar("shared", default=None)


@contextmanager
def _sharing() -> Iterator[dict[Any, list[tuple[str, Block]]]]:
    if (pool := _shared.get()) is not None:
        yield pool
        return
    token = _shared.set(pool := {})
    try:
        yield pool
    finally:
        _shared.reset(token)


class ConditionsBlock(OpenStreamBlock):
    """What is asked about a person; one block type for each registered condition.

    `depth`: inside how many groups of conditions it stands.
    """

    subject = conditions.ENROLLMENT

    def __init__(self, local_blocks: Any = None, depth: int = 0, **kwargs: Any) -> None:
        with _sharing() as pool:
            place = (self.subject, depth)
            if place not in pool:
                offered = [
                    (slug, condition.nested(self.subject, depth))
                    for slug, condition in registry.conditions().items()
                ]
                pool[place] = [(slug, block) for slug, block in offered if block is not None]
            super().__init__([*pool[place], *(local_blocks or [])], **kwargs)

    class Meta:
        icon = "help"
        collapsed = True


class AudienceBlock(ConditionsBlock):
    """What is asked before somebody has entered."""

    subject = conditions.CONTACT


class FlowBlock(OpenStreamBlock):
    """A flow: what happens to a person, in order. `depth`: inside how many decisions it stands."""

    def __init__(self, local_blocks: Any = None, depth: int = 0, **kwargs: Any) -> None:
        with _sharing() as pool:
            if depth not in pool:
                parts = registry.flow_blocks().items()
                offered = [(slug, part.nested(depth)) for slug, part in parts]
                pool[depth] = [(slug, block) for slug, block in offered if block is not None]
            super().__init__([*pool[depth], *(local_blocks or [])], **kwargs)

    class Meta:
        icon = "list-ol"
        collapsed = True
