"""The condition on a person's own habits: overdue against the interval that is usual for them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Exists, F, FloatField, Func, Max, Min, Q, Subquery, Value
from django.db.models.lookups import GreaterThan
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import ChoiceBlock, IntegerBlock, StructBlock

from .. import registry
from ..flow.conditions import ENROLLMENT, Condition
from ..flow.triggers import event_choices
from .journeys import Event
from .questions import contact_of, whole

FEWEST = 3  # two orders are one interval: that is no habit yet


def late(now: datetime, percent: int) -> GreaterThan:
    """That `now` is more than `percent` of the usual interval after the last one.

    Over rows that have `times`, and `first` and `last` in `Seconds`.
    """
    waited = (Value(now.timestamp(), FloatField()) - F("last")) * (F("times") - 1) * 100.0
    return GreaterThan(waited, (F("last") - F("first")) * float(percent))


class Overdue(Condition):
    """args: event, percent: int (150: half as long again as usual).

    What is usual is the mean of the intervals between their events of this kind.
    """

    slug = "overdue"
    label = gettext_lazy("they are later than usual")

    def block(self):
        return OverdueBlock()

    def q(self, args, subject, now):
        events = Event.objects.filter(contact_id=contact_of(subject), name=args.get("event", ""))
        habits = (
            events.order_by()
            .values("contact_id")
            .annotate(times=Count("pk"), first=Seconds(Min("at")), last=Seconds(Max("at")))
            .filter(times__gte=FEWEST, last__gt=F("first"))
        )
        return Q(Exists(habits.filter(late(now, whole(args.get("percent"))))))

    def saw(self, args, subject, now):
        events = Event.objects.filter(contact_id=contact_of(subject), name=args.get("event", ""))
        return Subquery(events.order_by("-at").values("at")[:1])

    def check(self, args, subject=ENROLLMENT):
        event, percent = args.get("event"), args.get("percent")
        found = []
        if not event:
            found.append(_("it isn't chosen what they did"))
        elif event not in registry.triggers():
            found.append(_("this site knows no event “%s”") % event)
        if type(percent) is not int or not 100 <= percent <= 10_000:
            found.append(_("it needs a percentage from 100 to 10000"))
        return found

    def sentence(self, args):
        trigger = registry.triggers().get(args.get("event"))
        words = {
            "event": trigger.label if trigger else args.get("event") or "…",
            "percent": args.get("percent") or "…",
        }
        return _("they last %(event)s %(percent)s %% of their usual interval ago") % words


class Seconds(Func):
    """A moment as seconds since 1970, the same on every database."""

    output_field = FloatField()

    def as_postgresql(self, compiler, connection, **extra):
        template = "EXTRACT(EPOCH FROM %(expressions)s)::double precision"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_sqlite(self, compiler, connection, **extra):
        template = "((JULIANDAY(%(expressions)s) - 2440587.5) * 86400.0)"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_mysql(self, compiler, connection, **extra):
        template = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', %(expressions)s) / 1000000.0)"
        return self.as_sql(compiler, connection, template=template, **extra)


class OverdueBlock(StructBlock):
    event = ChoiceBlock(label=gettext_lazy("They have not again"), choices=event_choices)
    percent = IntegerBlock(
        label=gettext_lazy("Percent of their usual interval"),
        default=150,
        help_text=gettext_lazy(
            "150: half as long again as there mostly is between two. Only for people who did it "
            "three times or more."
        ),
    )

    class Meta:
        label = gettext_lazy("They are later than usual")
        label_format = gettext_lazy("they are late: {event}, {percent} %")
        icon = "history"
