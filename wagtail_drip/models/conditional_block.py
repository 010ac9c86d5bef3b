"""The block of a mail that only those see of whom its conditions are true.

The same conditions as a flow's, asked of the enrollment at the moment the mail is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import Block, ChoiceBlock, StructBlock

from ..content.blocks import BodyBlock
from ..content.grouping import MOST, GateBlock
from ..content.personalizing import Hold, Recipient
from ..flow import conditions
from ..flow.blocks import ConditionsBlock
from ..streams import raw
from . import matching
from .among import among
from .contacts import Contact
from .journeys import Enrollment


class ShowIfBlock(GateBlock, StructBlock):
    """Registered without what stands inside: `nested` makes it for its place in a mail."""

    kept = True

    match = ChoiceBlock(
        label=gettext_lazy("Show if"),
        choices=[
            ("all", gettext_lazy("all of these are so")),
            ("any", gettext_lazy("any of these is so")),
            ("none", gettext_lazy("none of these is so")),
        ],
        default="all",
    )

    def __init__(self, local_blocks: Any = None, depth: int | None = None, **kwargs: Any) -> None:
        if depth is not None:
            asked = ConditionsBlock(label=gettext_lazy("Conditions"), required=False)
            content = BodyBlock(
                depth=depth + 1, label=gettext_lazy("What they see"), required=False
            )
            local_blocks = [*(local_blocks or []), ("conditions", asked), ("content", content)]
        super().__init__(local_blocks, **kwargs)

    def nested(self, depth: int) -> Block | None:
        return type(self)(depth=depth) if depth < MOST else None

    def group(self, value: Any) -> dict[str, Any]:
        """What is asked, as flow.conditions has it."""
        asked = conditions.from_stream(raw(value.get("conditions")))
        return {"match": value.get("match") or "all", "conditions": asked}

    def inside(self, value: Any, language: str) -> Iterable[Any]:
        return value.get("content") or ()

    def shown(
        self, value: Any, recipients: Sequence[Recipient], now: datetime
    ) -> Mapping[int, bool | Hold]:
        ids = [one.enrollment_id for one in recipients if one.enrollment_id is not None]
        asked = Enrollment.objects.filter(among("pk", ids))
        try:
            with transaction.atomic():  # a value that can't be compared breaks nobody else's
                met = matching.met(self.group(value), asked, now)
        except matching.UnknownCondition as error:
            hold = Hold(_("A group of blocks asks for an %s.") % error)
            return dict.fromkeys((one.id for one in recipients), hold)
        return {one.id: one.enrollment_id in met for one in recipients}

    def sample_shown(self, value: Any, recipient: Recipient | None, now: datetime) -> bool:
        """All of it for a sample person; the note above says for whom it is."""
        if recipient is None:
            return True
        if recipient.enrollment_id is None:
            return self._shown_to_contact(value, recipient.contact_id, now)
        return self.shown(value, [recipient], now)[recipient.id] is True

    def _shown_to_contact(self, value: Any, pk: int, now: datetime) -> bool:
        """To somebody who is in no campaign. True where only that could tell."""
        try:
            with transaction.atomic():
                return bool(matching.met(self.group(value), Contact.objects.filter(pk=pk), now))
        except (matching.UnknownCondition, ValueError):
            return True

    def note(self, value: Any) -> str:
        group = self.group(value)
        return _("Only if %s") % conditions.sentence(group["conditions"], group["match"])

    def problems(self, value: Any) -> list[str]:
        group, found = self.group(value), []
        if group["match"] not in conditions.MATCHES:
            found.append(_("It asks for neither all, any nor none of its conditions."))
        if not group["conditions"]:
            found.append(_("It has no condition."))
        if not len(value.get("content") or ()):
            found.append(_("There is nothing in it to show."))
        return found + [f"{one}." for one in conditions.problems(group["conditions"])]

    class Meta:
        label = gettext_lazy("Show if")
        description = gettext_lazy("Blocks that only some people see, by what they did or are.")
        label_format = "{conditions} …"
        icon = "help"
        group = gettext_lazy("Arrangement")
        preview_value = {
            "match": "all",
            "content": [
                ("heading", {"text": gettext_lazy("For those who ordered"), "size": "small"}),
                ("text", gettext_lazy("<p>Only they read this.</p>")),
            ],
        }
        preview_template = "wagtail_drip/email/block_preview.html"


def builtin() -> dict[str, Block]:
    return {"show_if": ShowIfBlock()}
