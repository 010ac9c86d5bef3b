"""Noting: the dates of people's own are copied to where an index finds them (Occasion).

A contact or row that is saved is noted at once. What is written past Django's signals is found by
a round over all of them, a batch of each source with every tick, so that no date is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import post_save

from .. import registry
from ..flow import clocks
from ..flow.occasions import DateTrigger
from ..flow.timing import day_of
from ..flow.waiting import user_dates
from ..models import Campaign, Contact, Occasion
from ..models.addresses import digest, normalize
from ..models.among import among
from ..models.inserting import insert_all
from ..models.occasions import OccasionRound
from .enrolling import open_campaigns
from .identifying import identify

logger = logging.getLogger("wagtail_drip")

BATCH = 2000
CONTACTS = "contacts"
USER = "user."

Key = tuple[int, str, str]  # contact, name of the date, row
Found = dict[Key, date]


def connect() -> None:
    post_save.connect(_saved, sender=Contact, dispatch_uid="wagtail_drip.engine.noting")


def date_names(campaigns: QuerySet[Campaign] | None = None) -> set[str]:
    """The dates that triggers ask for: all registered ones, or those these campaigns start on."""
    known = registry.triggers()
    slugs = known if campaigns is None else campaigns.values_list("trigger", flat=True)
    found = (known.get(slug) for slug in slugs)
    return {trigger.date for trigger in found if isinstance(trigger, DateTrigger)}


def note_dates(now: datetime) -> int:
    """A batch of each round, of what live campaigns start on. Returns how many dates changed."""
    wanted = date_names(open_campaigns())
    declared = {name: registry.DATES[name] for name in wanted if name in registry.DATES}
    changed = 0
    if own := wanted - declared.keys():
        changed += _round(CONTACTS, partial(_note_contacts, own))
    for name, source in declared.items():
        changed += _round(name, partial(_note_batch, source, now))
    return changed


def _round(source: str, take: Callable[[str], tuple[int, str, int]]) -> int:
    """`take(last)` notes what follows: how many rows these were, the last one, what changed."""
    row, _new = OccasionRound.objects.get_or_create(source=source)
    seen, last, changed = take(row.last)
    last = last if seen == BATCH else ""
    OccasionRound.objects.filter(pk=row.pk).exclude(last=last).update(last=last)
    return changed


# Dates of contacts and their accounts


def _note_contacts(names: set[str], after: str) -> tuple[int, str, int]:
    people = Contact.objects.filter(erased_at=None, pk__gt=int(after or 0)).order_by("pk")
    rows = list(people.values("pk", "time_zone", "attributes", *_user_fields(names))[:BATCH])
    if not rows:
        return 0, "", 0
    found = _dates_of(rows, names)
    first, last = rows[0]["pk"], rows[-1]["pk"]
    present = Occasion.objects.filter(name__in=names, contact_id__gte=first, contact_id__lte=last)
    return len(rows), str(last), _keep(found, present)


def _dates_of(rows: Iterable[Mapping[str, Any]], names: set[str]) -> Found:
    found: Found = {}
    for row in rows:
        for name in names:
            user = name.startswith(USER)
            field = f"user__{name.removeprefix(USER)}"
            value = row.get(field) if user else row["attributes"].get(name)
            if value and (day := day_of(value, zone_of(row["time_zone"]))):
                found[row["pk"], name, ""] = day
    return found


def _user_fields(names: set[str]) -> list[str]:
    known = user_dates()
    return [f"user__{n.removeprefix(USER)}" for n in names if n.removeprefix(USER) in known]


def zone_of(name: str) -> Any:
    return (clocks.zone(name) if name else None) or clocks.zone(settings.TIME_ZONE)


def _saved(*, instance: Contact, raw: bool = False, **kwargs: Any) -> None:
    """A saved contact's attributes; most people have none, and cost nothing."""
    try:
        if raw or not instance.attributes or instance.erased_at:
            return
        names = {name for name in date_names() if name in instance.attributes}
        if names:
            note(instance.pk, names)
    except Exception:
        logger.exception("The dates of contact %s could not be noted", instance.pk)


def note(contact_id: int, names: set[str]) -> int:
    """Note these dates of one contact as they are now."""
    row = Contact.objects.filter(pk=contact_id, erased_at=None)
    with transaction.atomic():
        rows = list(row.values("pk", "time_zone", "attributes", *_user_fields(names)))
        present = Occasion.objects.filter(contact=contact_id, name__in=names)
        return _keep(_dates_of(rows, names), present)


# Dates in rows of a site


def _note_batch(source: Any, now: datetime, after: str) -> tuple[int, str, int]:
    rows = source.rows(after, BATCH)
    return len(rows), str(rows[-1].pk) if rows else "", note_rows(source, rows, now)


def note_rows(source: Any, rows: list[Any], now: datetime) -> int:
    """Note the date in each of these rows (registry.DATES), as they are in hand."""
    told = _read(source, rows)
    people = _people(told, now)
    zones = dict(
        Contact.objects.filter(among("pk", people.values())).values_list("pk", "time_zone")
    )
    found: Found = {}
    for row in told:
        contact_id = people.get(row.ref)
        if contact_id and (day := day_of(row.day, zone_of(zones.get(contact_id, "")))):
            found[contact_id, source.name, row.ref] = day
    refs = [str(row.pk) for row in rows]
    return _keep(found, Occasion.objects.filter(name=source.name, ref__in=refs))


def _read(source: Any, rows: list[Any]) -> list[Any]:
    """What they say; where one of them can't be read, the others are."""
    try:
        with transaction.atomic():
            return [source.read(row) for row in rows]
    except Exception:
        if len(rows) > 1:
            return [one for row in rows for one in _read(source, [row])]
        logger.exception("The date %s of row %s can't be read", source.name, rows[0].pk)
        return []


def _people(told: list[Any], now: datetime) -> dict[str, int]:
    """Whose each row is, by its ref; who isn't known yet becomes a contact."""
    digests: dict[str, str] = {}
    for row in told:
        try:
            if isinstance(row.whose.get("email"), str):
                digests[row.ref] = digest(normalize(row.whose["email"]))
        except ValueError:
            continue
    known = dict(
        Contact.objects.filter(among("email_digest", set(digests.values()))).values_list(
            "email_digest", "pk"
        )
    )
    people = {ref: known[key] for ref, key in digests.items() if key in known}
    for row in told:
        if row.ref not in people and row.day:
            try:
                people[row.ref] = identify(**row.whose, now=now).pk
            except ValueError:
                continue  # nobody to write to
    return people


def _keep(found: Found, present: QuerySet[Occasion]) -> int:
    """Make `present` what was found. Three statements at most."""
    there = {(one.contact_id, one.name, one.ref): one for one in present}
    wrong = [one.pk for key, one in there.items() if found.get(key) != one.day]
    if wrong:
        Occasion.objects.filter(among("pk", wrong)).delete()
    new = [
        Occasion(contact_id=key[0], name=key[1], ref=key[2], day=day)
        for key, day in found.items()
        if key not in there or there[key].day != day
    ]
    insert_all(new)
    return len(wrong) + len(new)
