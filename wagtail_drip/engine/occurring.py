"""Occurring: what time itself brings about is recorded, once for each person and occurrence.

A date of somebody's comes, somebody has been silent, a campaign goes live. Each is one query a
tick over an index, and what it finds becomes an event as any other: campaigns start on it, the
person's page shows it, and its key holds that it is recorded once.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache, partial, reduce
from operator import or_
from typing import Any
from zoneinfo import available_timezones

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from .. import registry
from ..flow.occasions import (
    DateTrigger,
    FoundTrigger,
    Occurrence,
    SilenceTrigger,
    TimeTrigger,
    celebrated,
    dated,
    due_days,
    moment_of,
)
from ..flow.timing import day_of
from ..flow.triggers import LAUNCHED
from ..models import Campaign, Event, Inbox, Occasion
from ..models.addresses import digest
from ..models.inserting import insert_all
from .enrolling import enroll_audience, open_campaigns
from .identifying import identify
from .noting import USER, note, note_rows, zone_of
from .recording import announce, as_json
from .retrying import on_deadlock
from .stopping import never

logger = logging.getLogger("wagtail_drip")

BATCH = 500


def occur(now: datetime, *, enough: Callable[[], bool] = never) -> int:
    """Record what is due of the triggers that live campaigns start on. Returns how many events
    and, for campaigns that went live, entries."""
    known = registry.triggers()
    slugs = set(open_campaigns().values_list("trigger", flat=True))
    done = 0
    for slug in sorted(slugs):
        trigger = known.get(slug)
        if isinstance(trigger, DateTrigger):
            done += _work_off(_due_dates(trigger, now), partial(_dates, trigger, now), enough)
        elif isinstance(trigger, SilenceTrigger):
            done += _work_off(_silent(trigger, now), partial(_silences, trigger, now), enough)
        elif isinstance(trigger, FoundTrigger):
            done += _found(trigger, now, enough)
    return done + (_launch(now, enough) if LAUNCHED in slugs else 0)


def _work_off(
    due: QuerySet[Any] | None,
    events: Callable[[Any], list[Event]],
    enough: Callable[[], bool],
) -> int:
    done = last = 0
    while due is not None and not enough():
        rows = list(due.filter(pk__gt=last).order_by("pk")[:BATCH])
        if not rows:
            break
        done += _record(events(rows))
        last = rows[-1].pk
        if len(rows) < BATCH:
            break
    return done


@on_deadlock
def _record(events: list[Event]) -> int:
    """What was recorded already, by another process, stays as it is."""
    with transaction.atomic():
        collided = {id(event) for event in insert_all(events)}
        new = [event for event in events if id(event) not in collided]
        Inbox.objects.bulk_create([Inbox(event=event) for event in new])
        if new:
            announce()
    return len(new)


def _event(name: str, contact_id: int, key: str, at: datetime, data: dict, now: datetime) -> Event:
    return Event(
        contact_id=contact_id,
        name=name,
        at=at,
        data=data,
        key=key[:200],
        key_digest=digest(f"{name}\0{key}"),
        recorded_at=now,
    )


# Dates


def _due_dates(trigger: DateTrigger, now: datetime) -> QuerySet[Occasion] | None:
    """Whose date has come by their own clock, and was not told of yet."""
    pairs = [(dated(trigger, day), zones) for day, zones in _days_by_zones(trigger, now)]
    if not pairs:
        return None
    due = [Q(_on(trigger, on)) & zones for on, zones in pairs]
    key = Concat(
        Cast(OuterRef("contact_id"), CharField()), Value(":"), OuterRef("ref"), Value(":"),
        Cast(OuterRef("day"), CharField()), output_field=CharField(),
    )  # fmt: skip
    since = now - timedelta(days=trigger.catch_up + 2)
    told = Event.objects.filter(
        contact_id=OuterRef("contact_id"), name=trigger.slug, at__gte=since, key__startswith=key
    )
    rows = Occasion.objects.filter(
        _any_of(trigger, {on for on, _zones in pairs}), reduce(or_, due), ~Exists(told),
        name=trigger.date,
    )  # fmt: skip
    return rows.filter(contact__erased_at=None).select_related("contact")


def _any_of(trigger: DateTrigger, days: set[date]) -> Q:
    """The same days whoever it is: what an index can be asked, since zones stand elsewhere."""
    if trigger.yearly:
        return Q(month_day__in=sorted({one for day in days for one in celebrated(day)}))
    return Q(day__in=sorted(days))


def _on(trigger: DateTrigger, day: date) -> Q:
    if trigger.yearly:
        return Q(month_day__in=celebrated(day), day__lt=day)
    return Q(day=day)


def _days_by_zones(trigger: DateTrigger, now: datetime) -> Iterator[tuple[date, Q]]:
    """The days that are due anywhere, each with the people it is due for by their time zone."""
    names = _zone_names()
    where: dict[date, set[str]] = defaultdict(set)
    for name in names:
        for day in due_days(trigger, now, zone_of(name)):
            where[day].add(name)
    for day, due in where.items():
        if "" in due:  # and so for whoever has a zone that there isn't
            later = sorted(names - due)
            yield day, ~Q(contact__time_zone__in=later) if later else Q()
        else:
            yield day, Q(contact__time_zone__in=sorted(due))


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset({"", *available_timezones()})


def _dates(trigger: DateTrigger, now: datetime, rows: list[Occasion]) -> list[Event]:
    fresh = _fresh(trigger, rows, now)
    found = []
    for row in rows:
        if row.pk not in fresh:
            continue
        zone = zone_of(row.contact.time_zone)
        told = _day_told(trigger, row.day, due_days(trigger, now, zone))
        if told is None:
            continue
        on = dated(trigger, told)
        years = {"years": on.year - row.day.year} if trigger.yearly else {}
        data = {**fresh[row.pk], "day": on.isoformat(), **years}
        key = f"{row.contact_id}:{row.ref}:{row.day.isoformat()}:{on.isoformat()}"
        at = moment_of(trigger, told, zone)
        found.append(_event(trigger.slug, row.contact_id, key, at, data, now))
    return found


def _day_told(trigger: DateTrigger, day: date, due: Iterable[date]) -> date | None:
    for told in due:
        on = dated(trigger, told)
        if on == day if not trigger.yearly else _is_anniversary(day, on):
            return told
    return None


def _is_anniversary(day: date, on: date) -> bool:
    return day < on and day.month * 100 + day.day in celebrated(on)


def _fresh(trigger: DateTrigger, rows: list[Occasion], now: datetime) -> dict[int, dict[str, Any]]:
    """The data of those whose date is still the same where it really stands; others are noted."""
    if source := registry.DATES.get(trigger.date):
        return _fresh_rows(source, rows, now)
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        if trigger.date.startswith(USER):
            value = getattr(row.contact.user, trigger.date.removeprefix(USER), None)
        else:
            value = row.contact.attributes.get(trigger.date)
        if day_of(value, zone_of(row.contact.time_zone)) == row.day:
            found[row.pk] = {}
        else:
            note(row.contact_id, {trigger.date})
    return found


def _fresh_rows(source: Any, rows: list[Occasion], now: datetime) -> dict[int, dict[str, Any]]:
    there = source.fresh([row.ref for row in rows])
    note_rows(source, list(there.values()), now)
    gone = [row.pk for row in rows if row.ref not in there]
    Occasion.objects.filter(pk__in=gone).delete()
    same = Occasion.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)
    kept, found = set(same), {}
    for row in rows:
        if row.pk in kept and row.ref in there:
            try:
                found[row.pk] = source.read(there[row.ref]).data
            except Exception:
                logger.exception("Row %s of %s can't be read", row.ref, source.name)
    return found


# Silence


def _silent(trigger: SilenceTrigger, now: datetime) -> QuerySet[Event]:
    """The last events of those who have been silent since, for so long just now."""
    edge = now - timedelta(days=trigger.days)
    late = timedelta(days=max(trigger.catch_up, 1))
    own = [slug for slug, one in registry.triggers().items() if isinstance(one, TimeTrigger)]
    signs = Event.objects.exclude(name__in=own)
    if trigger.event:
        signs = Event.objects.filter(name=trigger.event)
    later = signs.filter(
        Q(at__gt=OuterRef("at")) | Q(at=OuterRef("at"), pk__gt=OuterRef("pk")),
        contact_id=OuterRef("contact_id"),
    )
    told = Event.objects.filter(
        contact_id=OuterRef("contact_id"), name=trigger.slug, at__gt=OuterRef("at")
    )
    return signs.filter(~Exists(later), ~Exists(told), at__gt=edge - late, at__lte=edge)


def _silences(trigger: SilenceTrigger, now: datetime, rows: list[Event]) -> list[Event]:
    return [
        _event(
            trigger.slug,
            row.contact_id,
            f"{row.contact_id}:{row.pk}",
            row.at + timedelta(days=trigger.days),
            {"since": row.at.isoformat(), "last": row.name},
            now,
        )
        for row in rows
    ]


# In a site's own tables


def _found(trigger: FoundTrigger, now: datetime, enough: Callable[[], bool]) -> int:
    """It is the site's code: where it fails, nothing else waits for it."""
    try:
        return _work_off(trigger.due(now), partial(_occurred, trigger, now), enough)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("What is due of “%s” can't be found", trigger.slug)
        return 0


def _occurred(trigger: FoundTrigger, now: datetime, rows: list[Any]) -> list[Event]:
    found = [(one, _whose(one, now)) for one in trigger.occurrences(rows)]
    return [
        _event(trigger.slug, contact, one.key, one.at, as_json(one.data), now)
        for one, contact in found
        if contact
    ]


def _whose(one: Occurrence, now: datetime) -> int | None:
    """The contact's primary key; somebody new is made a contact. None: nobody to write to."""
    if known := one.whose.get("contact_id"):
        return known
    try:
        with transaction.atomic():
            return identify(**one.whose, now=now).pk
    except ValueError:
        return None


# Going live


def _launch(now: datetime, enough: Callable[[], bool]) -> int:
    """Everybody who is among its people enters a campaign that has just gone live; once for each
    time it does, whoever is killed meanwhile."""
    entered = 0
    for campaign in open_campaigns().filter(trigger=LAUNCHED):
        started = campaign.started_at
        if started is None or campaign.launched_for == started or enough():
            continue
        key = f"launch {started.isoformat()}"
        entered += enroll_audience(campaign, now=now, enough=enough, key=key)
        if not enough():
            rows = Campaign.objects.filter(pk=campaign.pk, started_at=started)
            rows.update(launched_for=started)
    return entered
