"""The streams editors fill: the flow, and the conditions. What stands in them comes by hooks."""

from __future__ import annotations

from typing import Any

from .. import registry
from ..streams import OpenStreamBlock, sharing
from . import conditions


class ConditionsBlock(OpenStreamBlock):
    """What is asked about a person; one block type for each registered condition.

    `depth`: inside how many groups of conditions it stands.
    """

    subject = conditions.ENROLLMENT

    def __init__(self, local_blocks: Any = None, depth: int = 0, **kwargs: Any) -> None:
        with sharing() as pool:
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
        with sharing() as pool:
            if depth not in pool:
                parts = registry.flow_blocks().items()
                offered = [(slug, part.nested(depth)) for slug, part in parts]
                pool[depth] = [(slug, block) for slug, block in offered if block is not None]
            super().__init__([*pool[depth], *(local_blocks or [])], **kwargs)

    class Meta:
        icon = "list-ol"
        collapsed = True
