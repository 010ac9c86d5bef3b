"""Converting: whoever reached a campaign's goal is written down, with what did it and its value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import OuterRef, Subquery

from .. import registry
from ..flow import conditions
from ..models import Campaign, Conversion, Delivery, Enrollment, Event, matching
from ..models.inserting import insert_all
from ..models.questions import EventHappened

LARGEST = Decimal(10) ** 12


def convert(enrollment_ids: Collection[int], now: datetime) -> None:
    """These people left by reaching the goal. Call it in the transaction that ends them.

    The event is the last one that a goal asks for, if one asks for events: it has just come. A
    few queries for each campaign, however many the people are.
    """
    by_campaign: dict[int, dict[int, int]] = defaultdict(dict)
    rows = Enrollment.objects.filter(pk__in=list(enrollment_ids), conversion=None).order_by()
    for pk, campaign_id, contact_id in rows.values_list("pk", "campaign_id", "contact_id"):
        by_campaign[campaign_id][pk] = contact_id
    for campaign in Campaign.objects.filter(pk__in=list(by_campaign)).defer("flow"):
        people = by_campaign[campaign.pk]
        events = _events(campaign, people, now)
        deliveries = _last_mails(people)
        insert_all([
            _row(pk, contact_id, campaign, events.get(pk), deliveries.get(pk), now)
            for pk, contact_id in people.items()
        ])  # fmt: skip


def _events(campaign: Campaign, ids: Collection[int], now: datetime) -> dict[int, Event]:
    """The last event that met one of the campaign's goals, by enrollment."""
    happened = EventHappened()
    goals = matching.raw_conditions(campaign.goals)
    asked = [c["args"] for c in conditions.flattened(goals) if c["slug"] == happened.slug]
    if not asked:
        return {}
    rows = Enrollment.objects.filter(pk__in=list(ids)).order_by()
    names = [f"goal_{number}" for number in range(len(asked))]
    for name, args in zip(names, asked, strict=True):
        events = happened.events(args, Enrollment, now).order_by("-at", "-pk")
        rows = rows.annotate(**{name: Subquery(events.values("pk")[:1])})
    found = {pk: set(events) - {None} for pk, *events in rows.values_list("pk", *names)}
    known = Event.objects.in_bulk({pk for events in found.values() for pk in events})
    return {
        pk: max((known[event] for event in events), key=lambda event: (event.at, event.pk))
        for pk, events in found.items()
        if events
    }


def _last_mails(ids: Collection[int]) -> dict[int, int]:
    """The last delivery that each was sent, by enrollment."""
    sent = Delivery.objects.filter(enrollment=OuterRef("pk"), state=Delivery.State.SENT)
    last = Subquery(sent.order_by("-settled_at", "-pk").values("pk")[:1])
    rows = Enrollment.objects.filter(pk__in=list(ids)).order_by().annotate(last=last)
    return {pk: last for pk, last in rows.values_list("pk", "last") if last}


def _row(
    pk: int,
    contact_id: int,
    campaign: Campaign,
    event: Event | None,
    delivery_id: int | None,
    now: datetime,
) -> Conversion:
    return Conversion(
        enrollment_id=pk,
        contact_id=contact_id,
        campaign=campaign,
        event=event,
        event_name=event.name if event else "",
        delivery_id=delivery_id,
        at=event.at if event else now,
        value=value_of(event) if event else None,
    )


def value_of(event: Event) -> Decimal | None:
    """What the event was worth, where its trigger says which of its data that is."""
    trigger = registry.triggers().get(event.name)
    return _decimal(event.data, trigger.value) if trigger and trigger.value else None


def _decimal(data: Mapping[str, Any], key: str) -> Decimal | None:
    try:
        value = Decimal(str(data.get(key)))
    except InvalidOperation:
        return None
    return value.quantize(Decimal("0.01")) if value.is_finite() and abs(value) < LARGEST else None
