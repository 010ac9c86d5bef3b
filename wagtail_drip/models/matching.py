"""From conditions to SQL: one mechanism for audiences, goals, branches and segments.

Each condition becomes a correlated `Exists`. A lookup over a multi-valued relation gives wrong
answers (two of them share one join, a negated one splits into two subqueries), and
`NOT IN (subquery)` costs seconds on a large base.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet

from .. import registry
from ..flow import conditions
from ..flow.conditions import Condition
from ..streams import raw
from .questions import AttributeCondition, EventHappened, HasTopic, SpeaksLanguage


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


def raw_conditions(value: Any) -> list[dict[str, Any]]:
    """The conditions in an audience's or goals' stream value, as a group's `conditions`."""
    return conditions.from_stream(raw(value))


def builtin() -> dict[str, Condition]:
    kinds = (EventHappened(), AttributeCondition(), HasTopic(), SpeaksLanguage())
    return {condition.slug: condition for condition in kinds}
