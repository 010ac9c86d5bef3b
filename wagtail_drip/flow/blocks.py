"""The blocks editors see: the flow and its parts, and the conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.blocks import CharBlock, ChoiceBlock, IntegerBlock, StructBlock
from wagtail.snippets.blocks import SnippetChooserBlock

from .. import registry
from ..streams import OpenStreamBlock
from . import conditions, program, timing
from .parts import MAX_DEPTH, Part


class ConditionsBlock(OpenStreamBlock):
    """What is asked about a person; one block type for each registered condition."""

    subject = conditions.ENROLLMENT

    def __init__(self, local_blocks: Any = None, **kwargs: Any) -> None:
        known = [(slug, c.block_for(self.subject)) for slug, c in registry.conditions().items()]
        super().__init__([*known, *(local_blocks or [])], **kwargs)

    class Meta:
        icon = "help"
        collapsed = True


class AudienceBlock(ConditionsBlock):
    """What is asked before somebody has entered."""

    subject = conditions.CONTACT


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
        description = gettext_lazy("A mail goes to the person.")
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
        description = gettext_lazy("Nothing happens for a time.")
        form_classname = "struct-block drip-wait"
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
        description = gettext_lazy("Two ways to go on, by what the person did or is.")
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
        description = gettext_lazy("The series ends here for the person.")
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
