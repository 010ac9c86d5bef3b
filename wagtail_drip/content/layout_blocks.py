"""Blocks that arrange: a list, columns, room between, and where else to find the sender."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from wagtail.blocks import CharBlock, ChoiceBlock, ListBlock, StaticBlock, StreamBlock

from .blocks import PICTURES, WORDS, ButtonBlock, HeadingBlock, ImageBlock, RichWordsBlock
from .email_block import PREVIEW, EmailBlock, EmailStructBlock, render_html, render_plain
from .rendering import Rendering

GAP = 24  # between columns, CSS pixels
HEIGHTS = {"small": 12, "medium": 28, "large": 52}
LAYOUT = gettext_lazy("Arrangement")


class PointBlock(CharBlock):
    """A list gives its items no label, and a screen reader none to say."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.field.widget.attrs["aria-label"] = self.meta.label


class PointsBlock(EmailStructBlock):
    """A list whose marks look the same in every mail program: a table, not `ul`."""

    kept = True
    marks = ChoiceBlock(
        label=gettext_lazy("Marks"),
        choices=[
            ("bullets", gettext_lazy("Bullets")),
            ("numbers", gettext_lazy("Numbers")),
            ("checks", gettext_lazy("Check marks")),
        ],
        default="bullets",
    )
    points = ListBlock(
        PointBlock(label=pgettext_lazy("of a list", "Point")),
        label=pgettext_lazy("of a list", "Points"),
    )

    class Meta:
        label = gettext_lazy("List")
        description = gettext_lazy("Short points, one below the other.")
        icon = "list-ul"
        group = WORDS
        template = "wagtail_drip/email/points.html"
        preview_template = PREVIEW
        preview_value = {
            "marks": "checks",
            "points": [gettext_lazy("Say one thing"), gettext_lazy("Say it plainly")],
        }

    def lines(self, value: Any, rendering: Rendering) -> list[tuple[str, str]]:
        """Mark and words of each point; those that say nothing are left out."""
        points = [rendering.merge(point) for point in value.get("points") or []]
        marks = {"bullets": "•", "checks": "✓"}
        kind = value.get("marks")
        return [
            (marks.get(kind, f"{number}."), point)
            for number, point in enumerate(filter(str.strip, points), 1)
        ]

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        return {**context, "lines": self.lines(value, context["rendering"])}

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        return "\n".join(f"{mark} {point}" for mark, point in self.lines(value, rendering))

    def texts(self, value: Any) -> list[str]:
        return [str(point) for point in value.get("points") or []]

    def problems(self, value: Any) -> list[str]:
        return [] if any(text.strip() for text in self.texts(value)) else [_("It is empty.")]


class ColumnBlock(StreamBlock):
    """What stands in one of the columns, from top to bottom."""

    image = ImageBlock()
    heading = HeadingBlock()
    text = RichWordsBlock()
    button = ButtonBlock()

    class Meta:
        required = False


class ColumnsBlock(EmailStructBlock):
    """Two columns, the first of them where reading begins; on phones it stands above the other."""

    kept = True
    first = ColumnBlock(label=gettext_lazy("First column"))
    second = ColumnBlock(label=gettext_lazy("Second column"))
    sides = ("first", "second")

    class Meta:
        label = gettext_lazy("Two columns")
        description = gettext_lazy("Side by side; one below the other on phones.")
        icon = "grip"
        group = LAYOUT
        template = "wagtail_drip/email/columns.html"
        preview_template = PREVIEW
        preview_value = {
            "first": [
                ("heading", {"text": gettext_lazy("Here"), "size": "small"}),
                ("text", gettext_lazy("<p>What there is to say.</p>")),
            ],
            "second": [
                ("heading", {"text": gettext_lazy("And there"), "size": "small"}),
                ("text", gettext_lazy("<p>What else there is to say.</p>")),
            ],
        }

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        rendering = context["rendering"]
        width = (rendering.room - GAP) // 2
        narrow = rendering.within(width)
        columns = [
            [render_html(row.block, row.value, narrow) for row in value.get(side) or []]
            for side in self.sides
        ]
        return {**context, "columns": columns, "width": width, "gap": GAP}

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        words = (render_plain(row.block, row.value, rendering) for row in self._rows(value))
        return "\n\n".join(filter(str.strip, words))

    def texts(self, value: Any) -> list[str]:
        return [text for row in self._rows(value) for text in row.block.texts(row.value)]

    def links(self, value: Any) -> list[str]:
        return [url for row in self._rows(value) for url in row.block.links(row.value)]

    def images(self, value: Any) -> list[Any]:
        return [image for row in self._rows(value) for image in row.block.images(row.value)]

    def _rows(self, value: Any) -> list[Any]:
        return [row for side in self.sides for row in value.get(side) or []]

    def problems(self, value: Any) -> list[str]:
        found = []
        for side in self.sides:
            label = self.child_blocks[side].label
            rows = list(value.get(side) or [])
            if not rows:
                found.append(_("%s is empty.") % label)
            for row in rows:
                for problem in row.block.problems(row.value):
                    found.append(f"{label}, {row.block.label}: {problem}")
        return found


class SpacerBlock(EmailStructBlock):
    kept = True
    size = ChoiceBlock(
        label=gettext_lazy("How much"),
        choices=[
            ("small", gettext_lazy("A little")),
            ("medium", gettext_lazy("Some")),
            ("large", gettext_lazy("Much")),
        ],
        default="medium",
    )

    class Meta:
        label = gettext_lazy("Room")
        description = gettext_lazy("Nothing, to let what is around it breathe.")
        icon = "order"
        group = LAYOUT
        label_format = "{size}"
        template = "wagtail_drip/email/spacer.html"
        preview_template = PREVIEW
        preview_value = {"size": "medium"}

    def get_context(self, value: Any, parent_context: Any = None) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        return {**context, "height": HEIGHTS.get(value.get("size"), HEIGHTS["medium"])}

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        return ""


class SocialBlock(EmailBlock, StaticBlock):
    """The brand's links to other places, here and not only at the foot."""

    kept = True

    class Meta:
        label = gettext_lazy("Where else to find us")
        description = gettext_lazy("The links of the look of the mails.")
        admin_text = gettext_lazy("The links that stand in the look of the mails.")
        icon = "site"
        group = PICTURES
        template = "wagtail_drip/email/social.html"
        preview_template = PREVIEW
        preview_value = None

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        return "\n".join(f"{one.name}: {one.url}" for one in rendering.brand.social)


def builtin() -> dict[str, EmailBlock]:
    return {
        "points": PointsBlock(),
        "columns": ColumnsBlock(),
        "spacer": SpacerBlock(),
        "social": SocialBlock(),
    }
