"""The stage of the lifecycle that somebody is in, computed from their events.

Target: nothing of theirs shows interest. Lead: something does (`Trigger.interest`), and they never
ordered. Customer: they ordered once; repeat: more than once. Lapsed: they ordered, and are overdue:
against the interval that is usual for them where they have a habit, else after LAPSED_DAYS.

What counts as an order, the adapter of orders says (`LinesAdapter.order_events`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import ChoiceBlock, StructBlock

from .. import registry
from ..conf import conf
from ..content import lines
from ..flow.conditions import ENROLLMENT, Condition
from .contacts import Contact
from .habits import FEWEST, Seconds, late
from .journeys import Event
from .questions import contact_of
from .stages import Stage

# Nobody lapses sooner, however close together their orders were: three on one day are no habit.
SOONEST = timedelta(days=14)
ORDERED = (Stage.CUSTOMER, Stage.REPEAT, Stage.LAPSED)


def order_events() -> tuple[str, ...]:
    """The names of the events that are orders on this site."""
    return tuple(lines.adapter().order_events)


def signs_of_interest() -> list[str]:
    """The names of the events that make a lead of somebody."""
    return [slug for slug, trigger in registry.triggers().items() if trigger.interest]


def in_stage(stage: str, contact: Any, now: datetime) -> Q:
    """Being in the stage at `now`, as a Q of correlated subqueries. `contact`: an OuterRef to the
    contact's key. Raises ValueError for an unknown stage."""
    events = Event.objects.filter(contact_id=contact, at__lte=now)
    orders = events.filter(name__in=order_events())
    if Stage(stage) in ORDERED:
        sums = _sums(orders)
        if stage == Stage.LAPSED:
            return Q(Exists(sums.filter(_lapsed(now))))
        times = Q(times=1) if stage == Stage.CUSTOMER else Q(times__gt=1)
        return Q(Exists(sums.filter(times, ~_lapsed(now))))
    interested = Q(Exists(events.filter(name__in=signs_of_interest())))
    return ~Q(Exists(orders)) & (interested if stage == Stage.LEAD else ~interested)


def _sums(orders: QuerySet[Event]) -> QuerySet[Any]:
    """By contact: how many, and when the first and the last was."""
    return (
        orders.order_by()
        .values("contact_id")
        .annotate(times=Count("pk"), first=Seconds(Min("at")), last=Seconds(Max("at")))
    )


def _lapsed(now: datetime) -> Q:
    """Over somebody's orders: `times`, and `first` and `last` in seconds."""
    habit = Q(times__gte=FEWEST, last__gt=F("first"))
    none = Q(times__lt=FEWEST) | Q(last__lte=F("first"))
    resting = Q(last__lt=(now - SOONEST).timestamp())
    ended = (now - timedelta(days=conf.LAPSED_DAYS)).timestamp()
    return (habit & resting & Q(late(now, conf.LAPSED_PERCENT))) | (none & Q(last__lt=ended))


def with_stages(contacts: QuerySet[Contact], now: datetime) -> QuerySet[Any]:
    """These contacts, each with its `stage`."""
    order = (Stage.LAPSED, Stage.REPEAT, Stage.CUSTOMER, Stage.LEAD)
    whens = [When(in_stage(one, OuterRef("pk"), now), then=Value(one.value)) for one in order]
    stage = Case(*whens, default=Value(Stage.TARGET.value), output_field=CharField(max_length=10))
    return contacts.annotate(stage=stage)


def count(now: datetime) -> dict[str, int]:
    """How many people stand in each stage. Three queries, which read each table once: what
    `with_stages` asks of each person would take minutes for a million."""
    people = Contact.objects.filter(erased_at=None)
    orders = Event.objects.filter(name__in=order_events(), at__lte=now, contact__erased_at=None)
    kind = Case(
        When(_lapsed(now), then=Value(Stage.LAPSED.value)),
        When(times=1, then=Value(Stage.CUSTOMER.value)),
        default=Value(Stage.REPEAT.value),
        output_field=CharField(max_length=10),
    )
    buyers = _sums(orders).annotate(kind=kind)
    found = buyers.aggregate(
        **{stage.value: Count("kind", filter=Q(kind=stage.value)) for stage in ORDERED}
    )
    found[Stage.LEAD] = people.filter(in_stage(Stage.LEAD, OuterRef("pk"), now)).count()
    found[Stage.TARGET] = people.count() - sum(found.values())
    return {str(stage): number for stage, number in found.items()}


class InStage(Condition):
    """args: stage (a Stage)."""

    slug = "lifecycle"
    label = gettext_lazy("their stage in the lifecycle")

    def block(self):
        return StageBlock()

    def q(self, args, subject, now):
        return in_stage(args.get("stage") or "", contact_of(subject), now)

    def check(self, args, subject=ENROLLMENT):
        stage = args.get("stage")
        if stage not in Stage.values:
            return [_("it isn't chosen which stage of the lifecycle")]
        if stage in ORDERED and not registry.triggers().keys() & set(order_events()):
            return [_("this site knows no event that is an order")]
        return []

    def sentence(self, args):
        return _("their stage is “%s”") % dict(Stage.choices).get(args.get("stage"), "…")


class StageBlock(StructBlock):
    stage = ChoiceBlock(
        label=gettext_lazy("Stage"),
        choices=Stage.choices,
        help_text=gettext_lazy(
            "Target: nothing of theirs shows interest yet. Lead: something does. Customer: one "
            "order; repeat customer: several. Lapsed: their next order is overdue."
        ),
    )

    class Meta:
        label = gettext_lazy("Their stage in the lifecycle")
        label_format = gettext_lazy("their stage is {stage}")
        icon = "user"
