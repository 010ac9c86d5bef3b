"""When a wait ends. The only place where the package reckons with calendars and clocks."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

UNITS = ("minutes", "hours", "days", "weeks", "months")
LONGEST_DAYS = 3650  # the longest wait that may be published
# A month counts as its longest here, so that a wait in months keeps below the limit too.
DAYS = {"minutes": 1 / 1440, "hours": 1 / 24, "days": 1, "weeks": 7, "months": 31}


def until(spec: Mapping[str, Any], since: datetime, zone: ZoneInfo) -> datetime:
    """The UTC moment at which a wait of `{"amount": int, "unit": …}` from `since` is over.

    Minutes and hours are absolute. Days, weeks and months step the calendar and keep the wall
    clock of `zone`: a wall time that doesn't exist there that day becomes the first moment that
    does, one that comes twice is its first coming; 31 January plus a month is the last of
    February. Raises ValueError for another unit.
    """
    amount, unit = int(spec["amount"]), spec["unit"]
    if unit in ("minutes", "hours"):
        return since.astimezone(UTC) + timedelta(**{unit: amount})
    wall = since.astimezone(zone).replace(tzinfo=None, fold=0)
    if unit in ("days", "weeks"):
        wall += timedelta(**{unit: amount})
    elif unit == "months":
        wall = add_months(wall, amount)
    else:
        raise ValueError(f"unknown unit of time {unit!r}")
    return moment(wall, zone)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """The time zone of this name, like Europe/Berlin; None where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, the name of a folder
        return None


def length(spec: Mapping[str, Any]) -> float:
    """How many days a wait lasts at most, roughly; for limits, not for clocks."""
    return spec["amount"] * DAYS[spec["unit"]]


def add_months(wall: datetime, months: int) -> datetime:
    """The same day of a later month, or that month's last day where it is shorter."""
    year, month0 = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    day = min(wall.day, monthrange(year, month0 + 1)[1])
    return wall.replace(year=year, month=month0 + 1, day=day)


def moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC moment when clocks in `zone` first show `wall` (naive), or first pass it."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # The clock jumped over this time. `first` was reckoned with the offset before the jump, so it
    # lies behind the jump; reckoned with the offset after it, the moment lies before it.
    return _jump(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _jump(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The whole second in (low, high] at which the zone's offset changes."""
    low, high = low.replace(microsecond=0), high.replace(microsecond=0) + timedelta(seconds=1)
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
