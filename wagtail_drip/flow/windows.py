"""When mail may go: hours of weekdays, a site's quiet hours and holidays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from .clocks import moment

NIGHT, DAY = timedelta(0), timedelta(days=1)
FARTHEST_DAYS = 3650  # so far ahead an open day is looked for


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a site sends nothing: quiet hours of a person's day, and holidays.

    Quiet hours may go over midnight. `yearly`: (month, day) of holidays of every year.
    """

    quiet_from: time | None = None
    quiet_to: time | None = None
    holidays: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()

    def works(self, day: date) -> bool:
        return day not in self.holidays and (day.month, day.day) not in self.yearly

    def opens(self, at: datetime, zone: ZoneInfo) -> datetime:
        """`at`, or the first moment after it at which mail may go to somebody in `zone`."""
        if self == ALWAYS:
            return at.astimezone(UTC)
        return _opens(at, zone, self._hours(), self.works)

    def closed(self, at: datetime, opens: datetime, zone: ZoneInfo) -> str:
        """What closes it from `at` until it `opens` then: "quiet", "holiday", or "quiet_holiday"
        where quiet hours come first."""
        day, last = at.astimezone(zone).date(), opens.astimezone(zone).date()
        if not self.works(day):
            return "holiday"
        days = (day + timedelta(days=n) for n in range(1, (last - day).days + 1))
        holiday = not all(map(self.works, days))
        return "quiet_holiday" if holiday else "quiet"

    def _hours(self) -> list[tuple[timedelta, timedelta]]:
        start, end = self.quiet_from, self.quiet_to
        if start is None or end is None or start == end:
            return [(NIGHT, DAY)]
        if start > end:
            return [(_since_midnight(end), _since_midnight(start))]
        return [(NIGHT, _since_midnight(start)), (_since_midnight(end), DAY)]


ALWAYS = Calendar()


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some weekdays (0 is Monday) by a person's clock; overnight, if it ends first."""

    days: frozenset[int]
    start: time
    end: time

    @classmethod
    def read(cls, raw: Any) -> Window | None:
        """From `{"days": [0, 1], "start": "09:00", "end": "17:00"}`; None where nothing is in it.

        No days are all days; no start or end is midnight.
        """
        if not raw or not (raw.get("days") or raw.get("start") or raw.get("end")):
            return None
        return cls(
            frozenset(raw.get("days") or range(7)),
            time.fromisoformat(raw.get("start") or "00:00"),
            time.fromisoformat(raw.get("end") or "00:00"),
        )

    def opens(self, at: datetime, zone: ZoneInfo, calendar: Calendar = ALWAYS) -> datetime:
        """`at`, or the first moment after it within the window, not on a holiday."""
        start, end = _since_midnight(self.start), _since_midnight(self.end)
        hours = [(start, end if end > start else end + DAY)]
        return _opens(
            at, zone, hours, lambda day: day.weekday() in self.days and calendar.works(day)
        )


def _since_midnight(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute)


def _opens(
    at: datetime,
    zone: ZoneInfo,
    hours: Sequence[tuple[timedelta, timedelta]],
    counts: Callable[[date], bool],
) -> datetime:
    """The first moment from `at` on within the hours of a day that counts.

    Hours that clocks jump over are the moment after the jump. A calendar on which no day counts
    for ten years holds nothing up.
    """
    at = at.astimezone(UTC)
    first = at.astimezone(zone).date() - timedelta(days=1)  # whose hours may go over midnight
    for number in range(FARTHEST_DAYS):
        day = first + timedelta(days=number)
        if not counts(day):
            continue
        for start, end in hours:
            midnight = datetime.combine(day, time())
            begin = moment(midnight + start, zone)
            if at <= begin:
                return begin
            if at < moment(midnight + end, zone):
                return at
    return at
