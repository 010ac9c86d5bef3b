"""Claiming: one worker takes a slice of due deliveries, and nobody else can.

Ways to take rows differ between databases; this module alone knows them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from ..conf import conf
from ..models import Campaign, Contact, Delivery
from ..models.among import among
from ..models.clock import DatabaseNow
from .capping import cap, concerned
from .checking import Go, Hold, Skip, Verdict, check
from .explaining import Place
from .loading import Due, load_to_make
from .locking import durable, skipping_locked
from .pacing import Allowance, allowance, spend
from .retrying import on_deadlock
from .settling import ALONE, Change, lock_places, write

State = Delivery.State
ORDER = ("-priority", "due_at", "pk")
CLAIMS = 2  # that one worker has in hand at most
SHARED = 501  # deliveries that are worth sharing with another worker
Picked = list[tuple[int, int, str, int]]  # delivery, contact, claim, priority


@dataclass(slots=True)
class Claimed:
    """A delivery that this worker alone may send now."""

    delivery: Due
    go: Go


@dataclass(slots=True)
class Claim:
    """`taken`: to be sent, in order. `other`: how many were skipped or held instead.

    `alone`: it is one that may have killed its worker before.
    """

    taken: dict[int, Claimed] = field(default_factory=dict)
    other: int = 0
    alone: bool = False
    limited: bool = False  # some campaigns may send but so many a minute
    wait: float | None = None  # seconds until a rate lets one more go that is due


def fair_share(now: datetime, limit: int, mine: Collection[str] = ()) -> int:
    """How many a slice should take of what is due by now; 0: nothing is. At most two queries.

    The last ones are shared with the other workers, else one would have much left to do when all
    the others have nothing: this one takes so many that it has as much in hand as each of them.
    `mine`: this worker's own claims.
    """
    waiting = Delivery.objects.filter(state=State.WAITING, due_at__lte=now)
    found = waiting.order_by()[: 2 * limit].count()
    if not SHARED <= found < 2 * limit:
        return min(found, limit)
    sending = Delivery.objects.filter(state=State.SENDING).order_by()
    in_hand = dict(sending.values_list("claim").annotate(Count("pk")))
    own = sum(in_hand.pop(claim, 0) for claim in mine)
    if not in_hand:
        return limit
    others = -(-len(in_hand) // CLAIMS)
    evenly = (found + own + sum(in_hand.values())) // (1 + others) - own
    return min(max(evenly, SHARED), limit)


@on_deadlock
def claim(token: str, now: datetime, limit: int, idle: Collection[str] = ()) -> Claim:
    """Take up to `limit` due deliveries, at most one a contact, and check them in the same breath.

    On return the ones taken are committed as `sending`, leased by the database's clock, and a power
    cut of the database's host brings none of them back to `waiting`. Of the channels that are
    `idle`, none is taken.
    """
    campaigns = _restraining()
    paused = {campaign.pk for campaign in campaigns if campaign.paused_at}
    due = Delivery.objects.filter(state=State.WAITING, due_at__lte=now)
    if paused:
        due = due.exclude(campaign_id__in=paused)
    if idle:
        due = due.exclude(channel__in=idle)
    with durable():
        allowed = allowance(one for one in campaigns if one.pk not in paused)
        ids, alone = _pick_allowed(due, token, limit, allowed)
        rows = load_to_make(ids)
        verdicts = judge(rows, [one for one in campaigns if _holds(one)], now)
        changes = changes_of(verdicts)
        standing = _standing(rows, changes)
        won = _take([pk for pk, verdict in verdicts.items() if isinstance(verdict, Go)], token)
        spend(allowed, (row.campaign_id for row in rows if row.pk in won))
        waiting = Delivery.objects.filter(state=State.WAITING)
        other = write(changes, now, waiting, places(rows), standing)
        wait = _wait(due, allowed)
    result = Claim(other=other, alone=alone, limited=bool(allowed.campaigns), wait=wait)
    for row in rows:
        if row.pk in won and isinstance(go := verdicts[row.pk], Go):
            row.attempts += 1
            result.taken[row.pk] = Claimed(row, go)
    return result


def holding() -> list[Campaign]:
    """Campaigns for which others wait now, as a claim knows them."""
    return [one for one in _restraining() if _holds(one)]


def _holds(campaign: Campaign) -> bool:
    """Whether other campaigns wait for it now: while it is paused, they don't."""
    return campaign.holds_others and not campaign.paused_at and not campaign.transactional


def judge(rows: Sequence[Due], holding: Collection[Campaign], now: datetime) -> dict[int, Verdict]:
    """What may become of each. On whom another claimer decides just now, nothing is said."""
    verdicts = check(rows, now)
    if limited := concerned(rows, verdicts, holding):
        ours = _with_people([row.enrollment.contact_id for row in limited])
        others = {row.pk for row in limited if row.enrollment.contact_id not in ours}
        verdicts = {pk: verdict for pk, verdict in verdicts.items() if pk not in others}
        ours_alone = [row for row in limited if row.pk not in others]
        verdicts |= cap(ours_alone, verdicts, holding, now)
    return verdicts


def _with_people(contact_ids: Collection[int]) -> Collection[int]:
    """Those of the contacts that this claim alone decides on. MariaDB has not locked them yet.

    Not waited for: a claim has locked deliveries by now, and whoever takes a person out locks
    the contact first.
    """
    if connection.vendor != "mysql":
        return contact_ids
    people = Contact.objects.filter(among("pk", contact_ids)).order_by("pk")
    return set(skipping_locked(people).values_list("pk", flat=True))


def _standing(rows: Sequence[Due], changes: Mapping[int, Change]) -> set[int]:
    """Of what is skipped without ending anything: those for whose end their people wait."""
    skipped = [row for row in rows if (change := changes.get(row.pk)) and _lets_go_on(change)]
    if not skipped:
        return set()
    places = lock_places([row.enrollment.pk for row in skipped])
    return {row.pk for row in skipped if places.get(row.enrollment.pk) == (row.node, row.visit)}


def _lets_go_on(change: Change) -> bool:
    return change.state == State.SKIPPED and not change.ends


def changes_of(verdicts: Mapping[int, Verdict]) -> dict[int, Change]:
    """What becomes of the deliveries that may not go. A pause changes nothing."""
    changes = {}
    for pk, verdict in verdicts.items():
        match verdict:
            case Skip():
                changes[pk] = Change(
                    State.SKIPPED, verdict.reason, ends=verdict.ends, because=verdict.told
                )
            case Hold() if verdict.because:
                words = verdict.because.sentence(verdict.zone)
                changes[pk] = Change(
                    State.WAITING, words, due_at=verdict.until, because=verdict.told
                )
    return changes


def places(rows: Iterable[Due]) -> dict[int, Place]:
    """Where in its flow each delivery belongs."""
    return {row.pk: Place(row.enrollment.pk, row.node, row.visit, row.version_id) for row in rows}


def _restraining() -> list[Campaign]:
    """Live campaigns that are paused, may send but so many a minute, or let others wait."""
    live = Campaign.objects.filter(live=True)
    if not conf.RATE:
        live = live.filter(
            Q(paused_at__isnull=False) | Q(rate__isnull=False) | Q(holds_others=True)
        )
    asked = ("paused_at", "rate", "site__hostname", "holds_others", "name", "priority")
    nature = ("site", "topic", "sms_topic", "transactional_reason")
    return list(live.select_related("site").only(*asked, *nature))


def _pick_allowed(
    due: QuerySet[Delivery], token: str, limit: int, allowed: Allowance
) -> tuple[list[int], bool]:
    """Ids of the slice, of each limited campaign no more than it may; whether it is one suspect."""
    if not allowed.campaigns:
        return _in_order(_pick(due, token, limit))
    free = due.exclude(campaign_id__in=allowed.campaigns)
    found = _pick(free, token, max(1, limit - min(limit // 2, sum(allowed.left.values()))))
    for limits, campaigns in allowed.groups().items():
        if found and found[0][2] == ALONE:
            break
        room = min(limit - len(found), allowed.of(limits))
        if room > 0:
            taken = _pick(due.filter(campaign_id__in=campaigns), token, room)
            allowed.use(limits, len(taken))
            found += taken
    return _in_order(found)


def _in_order(found: Picked) -> tuple[list[int], bool]:
    """At most one a person, of the highest priority, whatever rates the campaigns have.

    Who may have killed a worker goes alone, when it is the first.
    """
    if found and found[0][2] == ALONE:
        return [found[0][0]], True
    first: dict[int, int] = {}
    for pk, contact_id, mark, _priority in sorted(found, key=lambda one: -one[3]):
        if mark != ALONE:
            first.setdefault(contact_id, pk)
    return list(first.values()), False


def _wait(due: QuerySet[Delivery], allowed: Allowance) -> float | None:
    spent = [pk for pk, limits in allowed.campaigns.items() if not allowed.of(limits)]
    if not spent or not due.filter(campaign_id__in=spent).exists():
        return None
    return allowed.seconds_to_wait()


def _pick(due: QuerySet[Delivery], token: str, limit: int) -> Picked:
    """The first ones due, in order.

    Contacts are locked where the database can do so. Locking the contact, and not the delivery,
    keeps to the lock order (Contact, Enrollment, Delivery) and makes way for whoever is taking
    somebody out just now.
    """
    features = connection.features
    rows = due.order_by(*ORDER)
    if features.has_select_for_update_skip_locked and features.has_select_for_update_of:
        locked = rows.select_related("contact").select_for_update(
            of=("contact",), skip_locked=True, no_key=features.has_select_for_no_key_update
        )
        return _fetched(locked.only("pk", "contact__id", "priority", "claim")[:limit])
    if connection.vendor == "mysql":
        return _pick_by_token(rows, token, limit)
    # SQLite: the transaction is IMMEDIATE, so writers take turns.
    return list(rows.values_list("pk", "contact_id", "claim", "priority")[:limit])


def _fetched(rows: QuerySet[Delivery]) -> Picked:
    """What the query gives. Django locks one table of a join for model instances only."""
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows_found = cursor.fetchall()
    return [(pk, contact, mark, priority) for pk, contact, priority, mark, *_rest in rows_found]


def _pick_by_token(rows: QuerySet[Delivery], token: str, limit: int) -> Picked:
    """MariaDB has neither RETURNING for updates nor SKIP LOCKED for one table of a join.

    The second of two claimers waits for the first's short transaction and then gets other rows.
    """
    these = rows
    mark = ALONE if rows.values_list("claim", flat=True).first() == ALONE else ""
    rows, limit = (rows.filter(claim=ALONE), 1) if mark else (rows.exclude(claim=ALONE), limit)
    sql, params = rows.values("pk").query.sql_with_params()
    where = sql[sql.index(" WHERE ") :]
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(Delivery._meta.db_table)
        cursor.execute(f"UPDATE {table} SET claim = %s{where} LIMIT %s", [token, *params, limit])
    marked = these.filter(claim=token)  # a claim may pick more than once
    found = marked.order_by(*ORDER).values_list("pk", "contact_id", "priority")
    return [(pk, contact_id, mark, priority) for pk, contact_id, priority in found]


def _take(ids: Sequence[int], token: str) -> Collection[int]:
    """Compare-and-set: whoever else had the same rows in view gets none of them. The rows won."""
    taken = Delivery.objects.filter(among("pk", ids), state=State.WAITING).update(
        state=State.SENDING,
        claim=token,
        lease_until=DatabaseNow() + timedelta(seconds=conf.LEASE_SECONDS),
        attempts=F("attempts") + 1,
        reason="",
    )
    if taken == len(ids):
        return set(ids)
    won = Delivery.objects.filter(claim=token, state=State.SENDING)
    return set(won.values_list("pk", flat=True))
