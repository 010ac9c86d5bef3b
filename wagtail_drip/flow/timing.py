"""When a wait ends, by a person's clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from .clocks import add_months, moment
from .windows import ALWAYS, Calendar, Window

UNITS = ("minutes", "hours", "days", "weeks", "months")
LONGEST_DAYS = 3650  # the longest wait that may be published
MOST = 10**9  # of any unit it is far too long; and what is typed may be longer than a float can be
MORNING = "09:00"  # of a day that is given without a time
# A month counts as its longest here, so that a wait in months keeps below the limit too.
DAYS = {"minutes": 1 / 1440, "hours": 1 / 24, "days": 1, "weeks": 7, "months": 31}


def until(
    spec: Mapping[str, Any],
    since: datetime,
    zone: ZoneInfo,
    calendar: Calendar = ALWAYS,
) -> datetime:
    """The UTC moment at which a wait that began at `since` is over.

    `spec`: `{"type": "duration", "amount": int, "unit": …}`, `{"type": "date", "date": ISO,
    "time": "HH:MM"}` or `{"type": "window"}`. Each may have a "window" (`Window.read`): then the
    wait goes on until that is open, on a day that is no holiday of the site.
    Minutes and hours are absolute. Days, weeks and months step the calendar and keep the wall
    clock of `zone`: a wall time that doesn't exist there that day becomes the first moment that
    does, one that comes twice is its first coming; 31 January plus a month is the last of
    February. Raises ValueError for another unit or type.
    """
    match spec.get("type"):
        case "duration":
            end = later(since, zone, int(spec["amount"]), spec["unit"])
        case "date":
            end = max(since.astimezone(UTC), moment(wall(spec["date"], spec.get("time")), zone))
        case "window":
            end = since.astimezone(UTC)
        case other:
            raise ValueError(f"unknown kind of wait {other!r}")
    return in_window(spec, end, zone, calendar)


def in_window(
    spec: Mapping[str, Any], at: datetime, zone: ZoneInfo, calendar: Calendar
) -> datetime:
    """`at`, or the first moment after it at which the wait's "window" is open, if it has one."""
    window = Window.read(spec.get("window"))
    return window.opens(at, zone, calendar) if window else at


def later(since: datetime, zone: ZoneInfo, amount: int, unit: str) -> datetime:
    """`since` and so many units (a negative number: before it), as `until` counts them."""
    if unit in ("minutes", "hours"):
        return since.astimezone(UTC) + timedelta(**{unit: amount})
    return moment(shifted(since.astimezone(zone).replace(tzinfo=None, fold=0), amount, unit), zone)


def shifted(wall: datetime, amount: int, unit: str) -> datetime:
    if unit in ("days", "weeks"):
        return wall + timedelta(**{unit: amount})
    if unit == "months":
        return add_months(wall, amount)
    raise ValueError(f"unknown unit of time {unit!r}")


# Dates of a person's own


def around(
    spec: Mapping[str, Any],
    day: date,
    since: datetime,
    zone: ZoneInfo,
    calendar: Calendar = ALWAYS,
) -> datetime | None:
    """The moment so many days, weeks or months after (before: a negative amount) a person's day.

    `{"amount": int, "unit": …, "time": "HH:MM", "yearly": bool}`, and "window" as in `until`.
    Yearly: at the first anniversary for which that is not over on the day of `since`, the day
    itself being the first of them; who was born on 29 February has it on the 28th in other years.
    None where it is over. Later on the very day there is nothing to wait for: that is `since`.
    """
    first = max(0, since.astimezone(zone).year - day.year - 2)
    for years in range(first, first + 5) if spec.get("yearly") else (0,):
        anniversary = add_months(datetime(day.year, day.month, day.day), 12 * years)
        there = shifted(anniversary, int(spec["amount"]), spec["unit"])
        end = in_window(spec, moment(wall(there.date(), spec.get("time")), zone), zone, calendar)
        if end.astimezone(zone).date() >= since.astimezone(zone).date():
            return max(end, since.astimezone(UTC))
    return None


def day_of(value: Any, zone: tzinfo = UTC) -> date | None:
    """The day in a date, a moment (its day in `zone`) or an ISO text of either.

    None for anything else, and for days so far off that nobody means them.
    """
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        try:
            value = (value.astimezone(zone) if value.tzinfo else value).date()
        except OverflowError:  # on either edge of the calendar
            return None
    return value if isinstance(value, date) and 1800 <= value.year <= 2500 else None


def wall(day: Any, at: Any = None) -> datetime:
    """What clocks show on this day (a date or ISO) at "HH:MM", default `MORNING`."""
    day = date.fromisoformat(day[:10]) if isinstance(day, str) else day
    return datetime.combine(day, time.fromisoformat(at or MORNING))


def length(spec: Mapping[str, Any]) -> float:
    """How many days a wait lasts at most, roughly; for limits, not for clocks."""
    return min(spec["amount"], MOST) * DAYS[spec["unit"]]
