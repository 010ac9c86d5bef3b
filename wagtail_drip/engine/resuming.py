"""Resuming: a pause ends without a burst.

What became due in the pause would all go out at once. So it is put in order first, and the
campaign stays paused until that is done:

- *Continue where they stood*: the pause's time doesn't count. Waits and mails are due later by its
  length, in the rhythm in which they would have been.
- *Skip what went stale*: the time counts. Mails due for longer than a limit are passed over, and
  their people go on later by the pause's length; younger mails go out within the limit from now,
  in their rhythm. Waits that are not over stay as they are.

A mail that came in the hours of the wait before it comes in such hours again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Min, Q, QuerySet

from ..flow.program import Do, Node, Program, Wait, WaitDay, WaitEvent
from ..flow.timing import in_window
from ..models import Campaign, Contact, Delivery, Enrollment, Resumption, Version
from ..models.sending_times import WITH_TIMES, calendars
from .locking import skipping_locked
from .moving import read
from .recording import announce
from .retrying import on_deadlock
from .walking import zone_of

BATCH = 500
State = Delivery.State


@dataclass(frozen=True, slots=True)
class Backlog:
    """What became due in a pause. `older[limit]`: how many of the mails by more than that."""

    mails: int
    older: dict[timedelta, int]
    first_at: datetime | None  # when the oldest was due


def backlog(campaign: Campaign, now: datetime, limits: Sequence[timedelta]) -> Backlog:
    """One query."""
    counts = {f"n{i}": Count("pk", filter=Q(due_at__lt=now - t)) for i, t in enumerate(limits)}
    found = _due(campaign.pk, now).aggregate(mails=Count("pk"), first=Min("due_at"), **counts)
    older = {limit: found[f"n{i}"] for i, limit in enumerate(limits)}
    return Backlog(found["mails"], older, found["first"])


def resume(
    campaign: Campaign, now: datetime, *, user: Any = None, stale_after: timedelta | None = None
) -> bool:
    """Let a paused campaign go on. `stale_after`: skip what was due for longer; None: continue.

    Those inside are seen to in batches, the first one here. False: it was not paused, or is
    about to go on already.
    """
    with transaction.atomic():
        row = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if not row.paused_at or Resumption.objects.filter(campaign=row).exists():
            return False
        Resumption.objects.create(
            campaign=row,
            paused_at=row.paused_at,
            at=now,
            stale_before=now - stale_after if stale_after is not None else None,
            user=user,
        )
        announce()
    resume_due(now)
    campaign.refresh_from_db(fields=["paused_at"])
    return True


@on_deadlock
def resume_due(now: datetime, limit: int = BATCH) -> int:
    """See to up to `limit` people of campaigns that are about to go on. Returns how many."""
    with transaction.atomic():
        resumption = skipping_locked(Resumption.objects.order_by("pk")).first()
        if resumption is None:
            return 0
        ids = _next(resumption, limit)
        _put_in_order(resumption, ids)
        if len(ids) < limit:
            _end(resumption)
        else:
            resumption.done = ids[-1]
            resumption.save(update_fields=["done"])
    return max(len(ids), 1)


def _next(resumption: Resumption, limit: int) -> list[int]:
    """The next people, locked with their contacts in id order. Nobody may be left out here."""
    inside = Enrollment.objects.filter(
        campaign=resumption.campaign_id,
        state=Enrollment.State.ACTIVE,
        pk__gt=resumption.done,
        entered_at__lte=resumption.at,
    ).order_by("pk")
    pairs = list(inside.values_list("pk", "contact_id")[:limit])
    no_key = connection.features.has_select_for_no_key_update
    contacts = Contact.objects.filter(pk__in=[contact for _pk, contact in pairs]).order_by("pk")
    list(contacts.select_for_update(no_key=no_key).values_list("pk"))
    ids = [pk for pk, _contact in pairs]
    rows = Enrollment.objects.filter(pk__in=ids).order_by("pk")
    list(rows.select_for_update(no_key=no_key).values_list("pk"))
    return ids


def _put_in_order(resumption: Resumption, ids: Sequence[int]) -> None:
    pause = resumption.at - resumption.paused_at
    people = Enrollment.objects.filter(pk__in=ids, state=Enrollment.State.ACTIVE)
    due = _due(resumption.campaign_id, resumption.at).filter(enrollment__in=ids)
    if resumption.stale_before is None:
        _put_off(due, pause, resumption)
        # Asked again, each kind of wait says for itself when it is over now; what else was held
        # keeps the rhythm. In this order: MariaDB reckons with what it has just set.
        later = F("arrived_at") + pause
        dated = [row.pk for row, node in _standing(people) if _is_dated(node)]
        others = people.filter(due_at__isnull=False).exclude(pk__in=dated)
        others.update(due_at=later, arrived_at=later)
        return
    stale = due.filter(due_at__lt=resumption.stale_before)
    passed = list(stale.values_list("pk", "enrollment_id", "due_at"))
    limit = resumption.at - max(resumption.stale_before, resumption.paused_at)
    _put_off(due.filter(due_at__gte=resumption.stale_before), limit, resumption)
    Delivery.objects.filter(pk__in=[pk for pk, _enrollment, _at in passed]).update(
        state=State.SKIPPED, reason=Delivery.Reason.STALE, settled_at=resumption.at, claim=""
    )
    going = {enrollment: at + pause for _pk, enrollment, at in passed}
    rows = list(people.filter(pk__in=list(going), due_at=None))
    for row in rows:
        row.arrived_at = row.due_at = going[row.pk]
    # What a flow does besides sending isn't done in a pause: people stay before it.
    held = [row for row, node in _standing(people) if isinstance(node, Do)]
    for row in held:
        row.arrived_at += pause if row.arrived_at < resumption.stale_before else limit
        row.due_at = row.arrived_at
    Enrollment.objects.bulk_update([*rows, *held], ["arrived_at", "due_at"])


def _standing(people: QuerySet[Enrollment]) -> Iterator[tuple[Enrollment, Node]]:
    """Those who have a next moment, with where they stand; whose program can be read here."""
    rows = list(people.filter(due_at__isnull=False))
    programs, _broken = read(Version.objects.filter(pk__in={row.version_id for row in rows}))
    for row in rows:
        program = programs.get(row.version_id)
        if program and row.node in program.nodes:
            yield row, program.nodes[row.node]


def _is_dated(node: Node) -> bool:
    """Whether it waits for a day of the calendar, which no pause puts off."""
    return isinstance(node, WaitDay) or (isinstance(node, Wait) and node.spec["type"] == "date")


def _put_off(due: QuerySet[Delivery], by: timedelta, resumption: Resumption) -> None:
    """These mails are due later by so much, or then in the next hours of the wait before them."""
    fields = ("pk", "due_at", "node", "enrollment__version_id", "contact__time_zone")
    rows = list(due.values_list(*fields))
    due.filter(pk__in=[row[0] for row in rows]).update(due_at=F("due_at") + by)
    programs, _broken = read(Version.objects.filter(pk__in={row[3] for row in rows}))
    windows = {
        (version, node): [
            spec for spec in _waits_before(programs[version], node) if spec.get("window")
        ]
        for version, node in {(row[3], row[2]) for row in rows}
        if version in programs
    }
    if not any(windows.values()):
        return
    campaign = (
        Campaign.objects.defer("flow").select_related(WITH_TIMES).get(pk=resumption.campaign_id)
    )
    calendar = calendars([campaign])[campaign.pk]
    moved = []
    for pk, at, node, version, name in rows:
        zone = zone_of(name, campaign.time_zone)
        for spec in windows.get((version, node), ()):
            # Other ways may lead there: it is the one in whose hours it was.
            if in_window(spec, at, zone, calendar) == at:
                moved.append(Delivery(pk=pk, due_at=in_window(spec, at + by, zone, calendar)))
                break
    Delivery.objects.bulk_update(moved, ["due_at"])


def _waits_before(program: Program, node: str) -> list[Mapping[str, Any]]:
    """The specs of the waits that somebody at this node may have come from last."""
    before = defaultdict(list)
    for one in program.nodes:
        for to in program.successors(one):
            before[to].append(one)
    found, seen, behind = [], {node}, [node]
    while behind:
        for one in before[behind.pop()]:
            if one in seen:
                continue
            seen.add(one)
            kind = program.nodes[one]
            if isinstance(kind, Wait | WaitDay | WaitEvent):
                found.append(kind.spec)
            else:
                behind.append(one)
    return found


def _due(campaign: int, now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(campaign=campaign, state=State.WAITING, due_at__lte=now)


def _end(resumption: Resumption) -> None:
    campaign = Campaign.objects.defer("flow").get(pk=resumption.campaign_id)
    resumption.delete()
    campaign.resume(resumption.at, user=resumption.user)
    announce()
