"""The blocks with flows inside: if and otherwise, a split by chance, waiting for an event."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import ChoiceBlock, IntegerBlock, ListBlock, StructBlock

from . import conditions, program
from .blocks import ConditionsBlock, FlowBlock
from .parts import MAX_DEPTH, Part, fields
from .triggers import event_choices, same_choices
from .waiting import GROUP as WAIT
from .waiting import UNITS, duration, duration_problems

GROUP = gettext_lazy("Decide")
MAX_WAYS = len(program.LETTERS)


class Decision(Part, StructBlock):
    """Base: flows inside. Registered without them: `nested` makes it for its place in a flow."""

    def __init__(self, local_blocks: Any = None, depth: int | None = None, **kwargs: Any) -> None:
        if depth is not None:
            local_blocks = [*(local_blocks or []), *self.flows(depth + 1)]
        super().__init__(local_blocks, **kwargs)

    def flows(self, depth: int) -> list[tuple[str, Any]]:
        """The child blocks that hold its flows, for flows that stand inside `depth` decisions."""
        raise NotImplementedError

    def nested(self, depth):
        return type(self)(depth=depth) if depth < MAX_DEPTH else None


class IfElseBlock(Decision):
    match = ChoiceBlock(
        label=gettext_lazy("If"),
        choices=[
            ("all", gettext_lazy("all of these are so")),
            ("any", gettext_lazy("any of these is so")),
            ("none", gettext_lazy("none of these is so")),
        ],
        default="all",
    )

    def flows(self, depth):
        return [
            ("conditions", ConditionsBlock(label=gettext_lazy("Conditions"), required=False)),
            ("yes", FlowBlock(depth=depth, label=gettext_lazy("If so"), required=False)),
            ("no", FlowBlock(depth=depth, label=gettext_lazy("Otherwise"), required=False)),
        ]

    def compile(self, value, id, next, compiler):
        inside = fields(value)
        asked = conditions.pinned(inside.get("conditions"))
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
        group = GROUP


class WaitEventBlock(Decision):
    event = ChoiceBlock(label=gettext_lazy("Until they"), choices=event_choices)
    same = ChoiceBlock(
        label=gettext_lazy("About the same"),
        choices=same_choices,
        required=False,
        help_text=gettext_lazy("Only if it is about the very thing that made them enter."),
    )
    amount = IntegerBlock(label=gettext_lazy("At most"), default=3)
    unit = ChoiceBlock(label=gettext_lazy("Unit"), choices=UNITS, default="days")

    def flows(self, depth):
        happened, timeout = gettext_lazy("If it happens"), gettext_lazy("If the time is over")
        return [
            ("happened", FlowBlock(depth=depth, label=happened, required=False)),
            ("timeout", FlowBlock(depth=depth, label=timeout, required=False)),
        ]

    def compile(self, value, id, next, compiler):
        inside = fields(value)
        event = {"event": inside["event"], "same": inside.get("same") or ""}
        spec = {"type": "duration", "amount": int(inside["amount"]), "unit": inside["unit"]}
        happened = compiler.flow(inside.get("happened") or [], next)
        timeout = compiler.flow(inside.get("timeout") or [], next)
        return compiler.add(id, program.WaitEvent(event, spec, happened, timeout))

    def problems(self, value, checks):
        inside = fields(value)
        asked = {"event": inside.get("event"), "same": inside.get("same"), "since": "ever"}
        found = checks.conditions([{"slug": "event_happened", "args": asked}])
        return found + duration_problems(inside.get("amount"), inside.get("unit"))

    def sentence(self, value, names):
        inside = fields(value)
        asked = {"event": inside.get("event"), "same": inside.get("same"), "since": "ever"}
        known = conditions.sentence([{"slug": "event_happened", "args": asked}])
        time = duration(inside.get("amount"), inside.get("unit"))
        return _("Wait until %(event)s, at most %(time)s") % {"event": known, "time": time}

    def inside(self, value):
        happened, timeout = fields(value).get("happened"), fields(value).get("timeout")
        return [(_("it happens"), happened), (_("the time is over"), timeout)]

    class Meta:
        label = gettext_lazy("Wait until they do something")
        description = gettext_lazy("Two ways to go on: it happens, or the time is over.")
        label_format = "{event}"
        icon = "history"
        group = WAIT


class SplitBlock(Decision):
    """Percentages that sum to 100, each with a flow of its own."""

    def flows(self, depth):
        way = StructBlock(
            [
                ("percent", IntegerBlock(label=gettext_lazy("Percent"), default=50)),
                ("flow", FlowBlock(depth=depth, label=gettext_lazy("They get"), required=False)),
            ],
            label=gettext_lazy("Share"),
            label_format="{percent} %",
        )
        ways = ListBlock(
            way,
            label=gettext_lazy("Shares"),
            min_num=2,
            max_num=MAX_WAYS,
            default=[{"percent": 50, "flow": []}, {"percent": 50, "flow": []}],
        )
        return [("ways", ways)]

    def compile(self, value, id, next, compiler):
        ways = [
            [int(way["percent"]), compiler.flow(way.get("flow") or [], next)]
            for way in _ways(value)
        ]
        return compiler.add(id, program.Split(ways))

    def problems(self, value, checks):
        ways = _ways(value)
        shares = [way.get("percent") for way in ways]
        if not 2 <= len(ways) <= MAX_WAYS:
            return [_("it needs 2 to %d shares") % MAX_WAYS]
        if any(type(share) is not int or share < 1 for share in shares):
            return [_("each share needs a percentage of at least 1")]
        if sum(shares) != 100:
            return [_("its shares sum to %d %%, not to 100 %%") % sum(shares)]
        return [] if any(way.get("flow") for way in ways) else [_("all of its ways are empty")]

    def sentence(self, value, names):
        shares = [f"{way.get('percent') or '?'} %" for way in _ways(value)]
        return _("Split by chance: %s") % (" / ".join(shares) or "?")

    def inside(self, value):
        named = zip(program.LETTERS, _ways(value), strict=False)
        return [(f"{name}: {way.get('percent') or '?'} %", way.get("flow")) for name, way in named]

    class Meta:
        label = gettext_lazy("Split by chance")
        description = gettext_lazy(
            "Shares of people go different ways, each person always the same."
        )
        label_format = "{ways}"
        icon = "order"
        group = GROUP


def _ways(value: Any) -> list[Any]:
    """The shares in a ListBlock's raw data: items with ids, or as older files have them, bare."""
    ways = fields(value).get("ways")
    items = ways if isinstance(ways, list) else []
    return [
        fields(fields(i).get("value")) if fields(i).get("type") == "item" else fields(i)
        for i in items
    ]
