"""Clocks and calendars: what a wall time is in UTC. Timing and windows reckon with these alone."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """The time zone of this name, like Europe/Berlin; None where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, the name of a folder
        return None


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
