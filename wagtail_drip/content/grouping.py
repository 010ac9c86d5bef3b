"""Blocks that hold blocks: what is inside becomes rows of the mail itself.

So merge fields, blocks for each person, products and links work inside as they do outside, and
all of it is compiled once. A gate opens for some readers and stays closed for others; what is
behind a closed gate is asked of nobody: no code is issued there, and nothing there holds a mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.safestring import mark_safe

from .email_block import EmailBlock, preview_rendering, render_html, render_plain
from .personalizing import Hold, Recipient
from .rendering import Rendering

MOST = 2  # so deep may groups stand inside one another


class GroupBlock(EmailBlock):
    """A block whose rows are other blocks, the same for everybody."""

    def inside(self, value: Any, language: str) -> Iterable[Any]:
        """The blocks inside, as a stream's children; `language`: the mail's."""
        raise NotImplementedError

    def lacking(self, value: Any, language: str) -> Hold | None:
        """Why it can't be shown now, where mails with it must wait."""
        return None

    def render(self, value: Any, context: Any = None) -> str:
        rendering = (context or {}).get("rendering") or preview_rendering()
        inside = self.inside(value, rendering.language)
        rows = (render_html(row.block, row.value, rendering) for row in inside)
        return mark_safe("".join(f'<div class="stacked">{row}</div>' for row in rows))

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        inside = self.inside(value, rendering.language)
        rows = (render_plain(row.block, row.value, rendering) for row in inside)
        return "\n\n".join(filter(str.strip, rows))


class GateBlock(GroupBlock):
    """A group that is there for some readers alone."""

    def shown(
        self, value: Any, recipients: Sequence[Recipient], now: datetime
    ) -> Mapping[int, bool | Hold]:
        """By `Recipient.id` whether what is inside is for them. At most one query."""
        raise NotImplementedError

    def sample_shown(self, value: Any, recipient: Recipient | None, now: datetime) -> bool:
        """Whether a preview shows it. Must change nothing."""
        return True

    def note(self, value: Any) -> str:
        """For whom it is, as previews say it above."""
        raise NotImplementedError
