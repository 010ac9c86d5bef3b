"""Pacing: how many messages may be claimed now where a campaign or a site has a rate.

Counted in the transaction of the claim, under the lock of the limit's one row, and by the
database's clock; so it holds for all workers on all hosts together. A rate is spent evenly: what
was not used in the last second or two is lost, so that no minute, wherever it begins, has more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil

from django.db import connection

from ..conf import conf
from ..models import Campaign, Pace
from ..models.clock import DatabaseNow
from ..models.inserting import insert

# Of the rate. The rest is for messages that were claimed at once and leave a little apart.
SHARE = 0.965
AT_ONCE = 0.02  # of a minute's messages, at least one
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Limit:
    """`rate`: messages a minute."""

    key: str
    rate: int

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=60 / (self.rate * SHARE))

    @property
    def at_once(self) -> int:
        return max(1, ceil(self.rate * AT_ONCE))


Limits = tuple[Limit, ...]


@dataclass(slots=True)
class Allowance:
    """What the limits allow in one claim. `campaigns`: the limited ones, with their limits."""

    campaigns: Mapping[int, Limits]
    now: datetime | None = None  # by the database's clock
    spent: dict[str, datetime] = field(default_factory=dict)  # by limit, floored
    left: dict[str, int] = field(default_factory=dict)  # by limit

    def groups(self) -> dict[Limits, list[int]]:
        """Campaigns by the limits that they share."""
        groups: dict[Limits, list[int]] = defaultdict(list)
        for pk, limits in self.campaigns.items():
            groups[limits].append(pk)
        return groups

    def of(self, limits: Limits) -> int:
        """How many may still be claimed of campaigns with these limits."""
        return min(self.left[limit.key] for limit in limits)

    def use(self, limits: Limits, amount: int) -> None:
        """So many of them are in the slice."""
        for limit in limits:
            self.left[limit.key] -= amount

    def seconds_to_wait(self) -> float:
        """Until one more may go; asked once nothing is left for some."""
        assert self.now is not None
        waits = [
            (self.spent[limit.key] + limit.interval - self.now).total_seconds()
            for limit in {limit for limits in self.campaigns.values() for limit in limits}
            if not self.left[limit.key]
        ]
        return max(0.0, min(waits, default=0.0))


def allowance(campaigns: Iterable[Campaign]) -> Allowance:
    """What these campaigns may send now. Locks their limits; call it in the claim's transaction."""
    limited = {campaign.pk: limits for campaign in campaigns if (limits := limits_of(campaign))}
    found = Allowance(limited)
    if not limited:
        return found
    by_key = {limit.key: limit for limits in limited.values() for limit in limits}
    rows = _locked(by_key)
    for key, (spent_until, now) in rows.items():
        limit = by_key[key]
        floor = now - limit.interval * limit.at_once
        # A clock that was set back must not stop a campaign for as long.
        ahead = now + limit.interval * (limit.at_once + 1)
        found.now = now
        found.spent[key] = min(max(spent_until, floor), ahead)
        left = (now - found.spent[key]) / limit.interval
        found.left[key] = max(0, min(limit.at_once, int(left + 1e-6)))
    return found


def spend(allowed: Allowance, campaign_ids: Iterable[int]) -> None:
    """So many were claimed, each named by its campaign."""
    used = Counter(limit for pk in campaign_ids for limit in allowed.campaigns.get(pk, ()))
    for limit, amount in used.items():
        spent_until = allowed.spent[limit.key] + limit.interval * amount
        allowed.spent[limit.key] = spent_until
        Pace.objects.filter(key=limit.key).update(spent_until=spent_until)


def limits_of(campaign: Campaign) -> Limits:
    """The campaign's own limit and its site's, in the order of locking."""
    limits = []
    if campaign.rate:
        limits.append(Limit(f"campaign {campaign.pk}", campaign.rate))
    if site_rate := conf.rate_of(campaign.site.hostname):
        limits.append(Limit(f"site {campaign.site_id}", site_rate))
    return tuple(limits)


def _locked(limits: Mapping[str, Limit]) -> dict[str, tuple[datetime, datetime]]:
    """By limit: until when it is spent, and now."""
    rows = Pace.objects.filter(key__in=limits).order_by("pk")
    known = set(rows.values_list("key", flat=True))
    for key in sorted(limits.keys() - known):
        insert(Pace(key=key, spent_until=LONG_AGO))
    rows = rows.select_for_update(no_key=connection.features.has_select_for_no_key_update)
    locked = list(rows.values_list("key", "spent_until"))
    now = database_now()  # asked once the locks are there: who waited for them has a later moment
    return {key: (spent_until, now) for key, spent_until in locked}


def database_now() -> datetime:
    return Pace.objects.annotate(now=DatabaseNow()).values_list("now", flat=True)[:1].get()
