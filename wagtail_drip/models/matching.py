"""From conditions to SQL: one mechanism for audiences, goals, branches and segments.

Each condition becomes a correlated `Exists`. A lookup over a multi-valued relation gives wrong
answers (two of them share one join, a negated one splits into two subqueries), and
`NOT IN (subquery)` costs seconds on a large base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Any

from django.db.models import Case, IntegerField, Model, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import ChoiceBlock, StructBlock

from .. import registry
from ..flow import conditions, reasons
from ..flow.blocks import AudienceBlock, ConditionsBlock
from ..flow.conditions import Condition
from ..flow.reasons import MOST
from ..streams import raw
from . import segments
from .habits import Overdue
from .lifecycle import InStage
from .questions import AttributeCondition, EventHappened, HasTopic, SpeaksLanguage
from .readers import Reacted
from .whereabouts import DateCondition, HasTag, InCampaign, InSegment, RandomShare


class UnknownCondition(LookupError):
    """A group names a condition that nobody registers any more.

    `q` and `met` raise it. The engine ends the enrollment as failed with this as its reason:
    nobody can say which way the flow goes, and guessing would send or withhold mail.
    """

    def __init__(self, slug: str) -> None:
        super().__init__(f"unknown condition “{slug}”")
        self.slug = slug


def q(group: Mapping[str, Any], *, subject: type[Model], now: datetime) -> Q:
    """A group of conditions (flow.conditions) as a Q over `subject`, Contact or Enrollment.

    An empty group holds for everybody under "all" and "none", for nobody under "any".
    Raises UnknownCondition, and ValueError where a condition can't be asked of `subject`.
    """
    known = registry.conditions()
    match = group.get("match", "all")
    found = Q()
    if match not in conditions.MATCHES:
        raise ValueError(f"a group can't match {match!r}")
    for condition in group["conditions"]:
        if condition["slug"] not in known:
            raise UnknownCondition(condition["slug"])
        one = known[condition["slug"]].q(condition.get("args") or {}, subject, now)
        found = found & one if match == "all" else found | one
    if match == "any" and not group["conditions"]:
        return Q(pk__in=[])
    return ~found if match == "none" and group["conditions"] else found


def met(group: Mapping[str, Any], queryset: QuerySet[Any], now: datetime) -> set[Any]:
    """Primary keys of those in `queryset` (of contacts or enrollments) who meet it. One query."""
    found = queryset.filter(q(group, subject=queryset.model, now=now))
    return set(found.order_by().values_list("pk", flat=True))


def met_and_seen(
    group: Mapping[str, Any], queryset: QuerySet[Any], now: datetime, *, everybody: bool = False
) -> dict[Any, tuple[bool, Any]]:
    """For each in `queryset` who meets it, or for `everybody`: whether, and what was seen.

    That is as `flow.conditions.told` takes it; people who were seen alike share one. One query.
    """
    with segments.read_once():
        query = q(group, subject=queryset.model, now=now)
        columns = _columns(group, queryset.model, now)
    if everybody:
        columns["drip_met"] = _whether(query)
    rows = (queryset if everybody else queryset.filter(query)).order_by().annotate(**columns)
    found: dict[Any, tuple[bool, Any]] = {}
    shared: dict[str, tuple[bool, Any]] = {}
    for pk, *values in rows.values_list("pk", *columns):
        alike = repr(values)
        if alike not in shared:
            answers = dict(zip(columns, values, strict=True))
            met = bool(answers.get("drip_met", 1))
            # The one condition of a group is so if the group is, or for "none" if it isn't.
            answers.setdefault("drip_leaf_0", met != (group.get("match") == "none"))
            shared[alike] = met, _seen(group, answers, count())
        if pk not in found or shared[alike][0]:  # a site's own lookup may find somebody twice
            found[pk] = shared[alike]
    return found


def _columns(group: Mapping[str, Any], subject: type[Model], now: datetime) -> dict[str, Any]:
    """What its conditions see and, if there are several, the answer to each; by number."""
    columns: dict[str, Any] = {}
    known, plain = registry.conditions(), conditions.depth(group["conditions"]) == 0
    leaves = [c for c in conditions.flattened(group["conditions"]) if c["slug"] != conditions.GROUP]
    for number, leaf in enumerate(leaves[:MOST]):
        condition, args = known[leaf["slug"]], leaf.get("args") or {}
        if len(leaves) > 1 or not plain:
            columns[f"drip_leaf_{number}"] = _whether(condition.q(args, subject, now))
        saw = condition.saw(args, subject, now)
        if saw is not None:
            columns[f"drip_saw_{number}"] = saw
    return columns


def _seen(group: Mapping[str, Any], answers: Mapping[str, Any], numbers: Iterator[int]) -> Any:
    """A group with its conditions' answers, in the shape of flow.conditions.told."""
    match, asked = group.get("match", "all"), []
    for condition in group["conditions"]:
        slug, args = condition["slug"], condition.get("args") or {}
        if slug == conditions.GROUP:
            asked.append(_seen(ConditionGroup.group(args), answers, numbers))
            continue
        number = next(numbers)
        if f"drip_leaf_{number}" not in answers:  # more than are told
            break
        one = {"slug": slug, "args": args, "met": bool(answers[f"drip_leaf_{number}"])}
        if f"drip_saw_{number}" in answers:
            one["saw"] = reasons.plain(answers[f"drip_saw_{number}"])
        asked.append(one)
    return {"match": match, "asked": asked}


def _whether(query: Q) -> Any:
    """1 or 0: where nobody can meet the query Django casts, and MariaDB has no cast to booleans."""
    if not query:
        return Value(1)
    return Case(When(query, then=Value(1)), default=Value(0), output_field=IntegerField())


def raw_conditions(value: Any) -> list[dict[str, Any]]:
    """The conditions in an audience's or goals' stream value, as a group's `conditions`."""
    return conditions.from_stream(raw(value))


class ConditionGroup(Condition):
    """args: match, conditions (raw stream data): a group as one condition of another group."""

    slug = conditions.GROUP
    label = gettext_lazy("a group of conditions")

    def nested(self, subject, depth):
        return GroupBlock(subject, depth) if depth < conditions.MAX_GROUPS else None

    def q(self, args, subject, now):
        return q(self.group(args), subject=subject, now=now)

    def pinned(self, args, id):
        stream = args.get("conditions")
        inside = [child for child in stream or [] if isinstance(child, Mapping)]
        asked = conditions.pinned(inside) if isinstance(stream, list) else []
        own = [{**child, "value": one["args"]} for child, one in zip(inside, asked, strict=False)]
        return {**args, "conditions": own or stream}

    @staticmethod
    def group(args: Mapping[str, Any]) -> dict[str, Any]:
        asked = conditions.from_stream(args.get("conditions"))
        return {"match": args.get("match", "all"), "conditions": asked}

    def check(self, args, subject=conditions.ENROLLMENT):
        group = self.group(args)
        if conditions.depth(group["conditions"]) >= conditions.MAX_GROUPS:
            most = conditions.MAX_GROUPS
            return [_("groups may stand only %d deep inside one another") % most]
        if group["match"] not in conditions.MATCHES:
            return [_("a group asks for neither all, any nor none of its conditions")]
        if not group["conditions"]:
            return [_("a group has no condition")]
        return conditions.problems(group["conditions"], subject)

    def sentence(self, args):
        group = self.group(args)
        return f"({conditions.sentence(group['conditions'], group['match'])})"


class GroupBlock(StructBlock):
    match = ChoiceBlock(
        label=gettext_lazy("It is so if"),
        choices=[
            ("all", gettext_lazy("all of these are so")),
            ("any", gettext_lazy("any of these is so")),
            ("none", gettext_lazy("none of these is so")),
        ],
        default="any",
    )

    def __init__(self, subject: str = conditions.ENROLLMENT, depth: int = 0, **kwargs: Any) -> None:
        stream = AudienceBlock if subject == conditions.CONTACT else ConditionsBlock
        inside = stream(depth=depth + 1, label=gettext_lazy("Conditions"), required=False)
        super().__init__([("conditions", inside)], **kwargs)

    class Meta:
        label = gettext_lazy("Several together")
        label_format = "({conditions})"
        icon = "list-ul"


def builtin() -> dict[str, Condition]:
    kinds = (
        EventHappened(), Overdue(), InStage(), Reacted(), AttributeCondition(), DateCondition(),
        HasTag(), InSegment(), HasTopic(), SpeaksLanguage(), InCampaign(), RandomShare(),
        ConditionGroup(),
    )  # fmt: skip
    return {condition.slug: condition for condition in kinds}
