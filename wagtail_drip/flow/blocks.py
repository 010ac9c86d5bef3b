"""The blocks editors see: the flow and its parts, and the conditions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.admin.staticfiles import versioned_static
from wagtail.admin.telepath import register
from wagtail.blocks import (
    CharBlock,
    ChoiceBlock,
    FieldBlock,
    IntegerBlock,
    StreamBlock,
    StreamValue,
    StructBlock,
)
from wagtail.blocks.stream_block import StreamBlockAdapter
from wagtail.snippets.blocks import SnippetChooserBlock

from .. import registry
from . import conditions, program, timing
from .parts import MAX_DEPTH, Part

UNKNOWN = "unknown"  # the form's stand-in; it is never stored


class UnknownBlock(FieldBlock):
    """Stands in for a block whose type nobody registers any more, and keeps its data."""

    def __init__(self, **kwargs: Any) -> None:
        self.field = forms.JSONField(
            required=False,
            widget=forms.Textarea(attrs={"readonly": True, "rows": 2}),
            help_text=gettext_lazy(
                "This site doesn't know this block any more. Remove it to publish."
            ),
        )
        super().__init__(**kwargs)

    def value_from_form(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) and value else value

    class Meta:
        label = gettext_lazy("Unknown block")
        icon = "warning"
        group = gettext_lazy("Unknown")


class OpenStreamBlock(StreamBlock):
    """A StreamBlock over what hooks registered. What it doesn't know it shows and keeps.

    Wagtail drops blocks of an unknown type on reading, and the next save loses them: an app
    taken out for a day would cut holes into campaigns.
    """

    def __init__(self, local_blocks: Any = None, **kwargs: Any) -> None:
        super().__init__([*(local_blocks or []), (UNKNOWN, UnknownBlock())], **kwargs)

    def to_python(self, value: Any) -> StreamValue:
        if isinstance(value, str) and value:
            try:
                value = json.loads(value)
            except ValueError:
                return self.empty_value(raw_text=value)
        return super().to_python(self._wrapped(value))

    def bulk_to_python(self, values: Any) -> list[StreamValue]:
        return super().bulk_to_python([self._wrapped(stream) for stream in values])

    def get_prep_value(self, value: Any) -> list[dict[str, Any]]:
        return with_ids(unwrapped(super().get_prep_value(value)))

    def _wrapped(self, stream: Any) -> Any:
        if not isinstance(stream, list) or not all(isinstance(item, dict) for item in stream):
            return stream
        return [self._wrap(item) for item in unwrapped(stream)]

    def _wrap(self, item: dict[str, Any]) -> dict[str, Any]:
        if item.get("type") in self.child_blocks:
            return item
        inner = {"type": item.get("type"), "value": item.get("value")}
        return {"type": UNKNOWN, "value": inner, "id": item.get("id")}


class OpenStreamAdapter(StreamBlockAdapter):
    """Keeps the stand-in for unknown blocks out of the picker."""

    js_constructor = "wagtail_drip.OpenStreamBlock"

    def js_args(self, block: Any) -> list[Any]:
        name, groups, initial, meta = super().js_args(block)
        return [name, groups, initial, {**meta, "standIn": UNKNOWN}]

    @cached_property
    def media(self) -> forms.Media:
        script = versioned_static("wagtail_drip/open_stream.js")
        return super().media + forms.Media(js=[script])


register(OpenStreamAdapter(), OpenStreamBlock)


def unwrapped(stream: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Raw stream data with each stand-in replaced by what it stands for."""
    return [
        {**item["value"], "id": item.get("id")}
        if item.get("type") == UNKNOWN and isinstance(item.get("value"), dict)
        else item
        for item in stream
    ]


def raw(value: Any) -> list[dict[str, Any]]:
    """A flow's or conditions' stream value as the raw data it is stored as."""
    return unwrapped(list(value.raw_data)) if isinstance(value, StreamValue) else list(value or [])


def with_ids(stream: Any) -> Any:
    """Give every stream block in this raw data that has none an id, in place, and return it.

    Wagtail assigns ids to a stream's own blocks only, not to those of streams inside.
    """
    if isinstance(stream, list):
        for item in stream:
            if isinstance(item, dict) and "type" in item and "value" in item:
                item["id"] = item.get("id") or str(uuid4())
                with_ids(item["value"])
            else:
                with_ids(item)
    elif isinstance(stream, dict):
        for item in stream.values():
            with_ids(item)
    return stream


class ConditionsBlock(OpenStreamBlock):
    """What is asked about a person; one block type for each registered condition."""

    def __init__(self, local_blocks: Any = None, **kwargs: Any) -> None:
        known = [(slug, c.block()) for slug, c in registry.conditions().items()]
        super().__init__([*known, *(local_blocks or [])], **kwargs)

    class Meta:
        icon = "help"
        collapsed = True


class FlowBlock(OpenStreamBlock):
    """A flow: what happens to a person, in order. `depth`: inside how many decisions it stands."""

    def __init__(self, local_blocks: Any = None, depth: int = 0, **kwargs: Any) -> None:
        parts = [(slug, part.nested(depth)) for slug, part in registry.flow_blocks().items()]
        parts = [(slug, block) for slug, block in parts if block is not None]
        super().__init__([*parts, *(local_blocks or [])], **kwargs)

    class Meta:
        icon = "list-ol"
        collapsed = True


def fields(value: Any) -> Mapping[str, Any]:
    """A StructBlock's raw data, whatever a file made of it."""
    return value if isinstance(value, Mapping) else {}


class SendBlock(Part, StructBlock):
    step = SnippetChooserBlock("wagtail_drip.Step", label=gettext_lazy("Mail"))

    def compile(self, value, id, next, compiler):
        return compiler.add(id, program.Send(compiler.key(fields(value).get("step")), next))

    def problems(self, value, checks):
        return checks.step(fields(value).get("step"))

    def sentence(self, value, names):
        step = fields(value).get("step")
        name = names.get(step) if isinstance(step, int) else None
        return _("Send “%s”") % (name or _("no mail"))

    def steps(self, value):
        step = fields(value).get("step")
        return [] if step is None else [step]

    class Meta:
        label = gettext_lazy("Send")
        label_format = "“{step}”"
        icon = "mail"
        group = gettext_lazy("Send")


class WaitBlock(Part, StructBlock):
    amount = IntegerBlock(label=gettext_lazy("How long"), default=1)
    unit = ChoiceBlock(
        label=gettext_lazy("Unit"),
        choices=[
            ("minutes", gettext_lazy("minutes")),
            ("hours", gettext_lazy("hours")),
            ("days", gettext_lazy("days")),
            ("weeks", gettext_lazy("weeks")),
            ("months", gettext_lazy("months")),
        ],
        default="days",
        help_text=gettext_lazy("Days, weeks and months keep the time of day."),
    )

    def compile(self, value, id, next, compiler):
        spec = {"amount": int(fields(value)["amount"]), "unit": fields(value)["unit"]}
        return compiler.add(id, program.Wait(spec, next))

    def problems(self, value, checks):
        amount, unit = fields(value).get("amount"), fields(value).get("unit")
        if unit not in timing.UNITS:
            return [_("no unit of time is chosen")]
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
            return [_("it has to wait at least 1")]
        if timing.length({"amount": amount, "unit": unit}) > timing.LONGEST_DAYS:
            return [_("it waits longer than 10 years")]
        return []

    def sentence(self, value, names):
        return _("Wait %s") % duration(fields(value).get("amount"), fields(value).get("unit"))

    class Meta:
        label = gettext_lazy("Wait")
        label_format = "{amount} {unit}"
        icon = "time"
        group = gettext_lazy("Wait")


def duration(amount: Any, unit: Any) -> str:
    """ "1 day", "2 weeks"; "?" where it isn't filled in."""
    if not isinstance(amount, int) or unit not in timing.UNITS:
        return "?"
    texts = {
        "minutes": ngettext("%d minute", "%d minutes", amount),
        "hours": ngettext("%d hour", "%d hours", amount),
        "days": ngettext("%d day", "%d days", amount),
        "weeks": ngettext("%d week", "%d weeks", amount),
        "months": ngettext("%d month", "%d months", amount),
    }
    return texts[unit] % amount


class IfElseBlock(Part, StructBlock):
    """Two flows inside. Registered without them: `nested` makes it for its place in a flow."""

    match = ChoiceBlock(
        label=gettext_lazy("If"),
        choices=[
            ("all", gettext_lazy("all of these are so")),
            ("any", gettext_lazy("any of these is so")),
            ("none", gettext_lazy("none of these is so")),
        ],
        default="all",
    )

    def __init__(self, local_blocks: Any = None, depth: int | None = None, **kwargs: Any) -> None:
        if depth is not None:
            local_blocks = [
                *(local_blocks or []),
                ("conditions", ConditionsBlock(label=gettext_lazy("Conditions"), required=False)),
                ("yes", FlowBlock(depth=depth + 1, label=gettext_lazy("If so"), required=False)),
                ("no", FlowBlock(depth=depth + 1, label=gettext_lazy("Otherwise"), required=False)),
            ]
        super().__init__(local_blocks, **kwargs)

    def nested(self, depth):
        return type(self)(depth=depth) if depth < MAX_DEPTH else None

    def compile(self, value, id, next, compiler):
        inside = fields(value)
        asked = conditions.from_stream(inside.get("conditions"))
        group = conditions.group(inside.get("match", "all"), asked)
        yes = compiler.flow(inside.get("yes") or [], next)
        no = compiler.flow(inside.get("no") or [], next)
        return compiler.add(id, program.Branch(group, yes, no))

    def problems(self, value, checks):
        inside, found = fields(value), []
        if inside.get("match", "all") not in conditions.MATCHES:
            found.append(_("it asks for neither all, any nor none of its conditions"))
        asked = conditions.from_stream(inside.get("conditions"))
        if not asked:
            found.append(_("it has no condition"))
        if not inside.get("yes") and not inside.get("no"):
            found.append(_("both of its ways are empty"))
        return found + checks.conditions(asked)

    def sentence(self, value, names):
        asked = conditions.from_stream(fields(value).get("conditions"))
        return _("If %s") % conditions.sentence(asked, fields(value).get("match", "all"))

    def inside(self, value):
        return [(_("yes"), fields(value).get("yes")), (_("no"), fields(value).get("no"))]

    class Meta:
        label = gettext_lazy("If")
        label_format = "{conditions} …"
        icon = "help"
        group = gettext_lazy("Decide")


class LeaveBlock(Part, StructBlock):
    reason = CharBlock(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Shown where you see who left, e.g. “bought it”."),
    )

    def compile(self, value, id, next, compiler):
        return compiler.add(id, program.Leave(str(fields(value).get("reason") or "")[:200]))

    def sentence(self, value, names):
        reason = fields(value).get("reason")
        return _("Leave the campaign: %s") % reason if reason else _("Leave the campaign")

    class Meta:
        label = gettext_lazy("Leave")
        label_format = "{reason}"
        icon = "logout"
        group = gettext_lazy("Do")


def builtin() -> dict[str, Part]:
    return {
        "send": SendBlock(),
        "wait": WaitBlock(),
        "if_else": IfElseBlock(),
        "leave": LeaveBlock(),
    }
