"""Triggers of time: a date of somebody's, silence, and the day on which a campaign goes live.

Nobody records these: engine/occurring.py does, each once for a person and occurrence. What is due
on which day is reckoned here, by the person's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .clocks import moment
from .timing import MORNING, wall
from .triggers import Trigger
from .waiting import user_dates

MOST_DAYS = 3650
MOST_CATCH_UP = 90  # how late something may still start, at most


@dataclass(frozen=True)
class TimeTrigger(Trigger):
    """`catch_up`: so many days late it still starts, where nothing ran on the day (an outage, or
    the date was entered late); 0: what its day has missed does not start at all."""

    days: int = 0
    catch_up: int = 1
    interest: bool = False  # time does it, not the person

    def __post_init__(self) -> None:
        if not (type(self.days) is int and abs(self.days) <= MOST_DAYS):
            raise ValueError(_("`days` must be a whole number up to %d.") % MOST_DAYS)
        if not (type(self.catch_up) is int and 0 <= self.catch_up <= MOST_CATCH_UP):
            raise ValueError(_("`catch_up` must be 0 to %d days.") % MOST_CATCH_UP)


@dataclass(frozen=True)
class DateTrigger(TimeTrigger):
    """So many `days` after a date of somebody's (before it: a negative number), at `time`.

    `date`: the key of an attribute ("birthday"), a field of the account ("user.date_joined"), or
    the name of a declared `RowDate`. `yearly`: at each anniversary from the first one on; that of
    29 February is the 28th in other years.
    """

    date: str = ""
    yearly: bool = False
    time: str = MORNING
    sample: Mapping[str, Any] = field(default_factory=lambda: {"day": "2026-03-02"})

    def __post_init__(self) -> None:
        super().__post_init__()
        time.fromisoformat(self.time)
        if not self.date:
            raise ValueError(_("A DateTrigger must name its `date`."))
        if self.yearly and abs(self.days) > 366:
            raise ValueError(_("It is more than a year away from a yearly date."))

    def faults(self) -> list[str]:
        """What can't work, for the system check. Attributes are what editors make of them."""
        field = self.date.removeprefix("user.")
        if self.date == field or field in user_dates():
            return []
        return [_("DateTrigger(%(slug)s): user accounts have no date “%(field)s”.") % {
            "slug": self.slug, "field": field,
        }]  # fmt: skip


@dataclass(frozen=True)
class SilenceTrigger(TimeTrigger):
    """`days` after the last `event` of somebody's ("": of any kind) without another one."""

    event: str = ""
    days: int = 30
    sample: Mapping[str, Any] = field(
        default_factory=lambda: {"since": "2026-02-01T09:00:00+00:00", "last": "mail_clicked"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.days < 1:
            raise ValueError(_("Silence lasts at least 1 day."))


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What a `FoundTrigger` found. `whose`: "contact_id", where that is known, else "user" or
    "email". `key`: the same whenever it is found again. `at`: when it came about."""

    whose: Mapping[str, Any]
    key: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True)
class FoundTrigger(TimeTrigger):
    """What time brings about in tables of a site's own. Subclass it, and register an instance."""

    def due(self, now: datetime) -> Any:
        """A queryset of the rows it is due of and was not recorded of yet: one query, by an index,
        whatever there is. Nothing that came about more than `catch_up` days ago."""
        raise NotImplementedError

    def occurrences(self, rows: Sequence[Any]) -> Iterable[Occurrence]:
        """What to record of these rows, in a number of queries that doesn't grow with them."""
        raise NotImplementedError


def due_days(trigger: DateTrigger, now: datetime, zone: ZoneInfo) -> list[date]:
    """The days on which it is to start for people in `zone`, as far as their hour has come and
    they are not too long ago; the latest first."""
    today = now.astimezone(zone).date()
    due = [today - timedelta(days=ago) for ago in range(trigger.catch_up + 1)]
    return due if moment_of(trigger, today, zone) <= now else due[1:]


def moment_of(trigger: DateTrigger, day: date, zone: ZoneInfo) -> datetime:
    return moment(wall(day, trigger.time), zone)


def dated(trigger: DateTrigger, day: date) -> date:
    """The date (or its anniversary) that is told of on this day."""
    return day - timedelta(days=trigger.days)


def month_day(day: date) -> int:
    """229 for any 29 February."""
    return day.month * 100 + day.day


def celebrated(day: date) -> list[int]:
    """What has its anniversary on this day."""
    if month_day(day) == 228 and (day + timedelta(days=1)).month == 3:
        return [228, 229]
    return [month_day(day)]


def builtin() -> dict[str, Trigger]:
    """What most sites can use as it is: the attribute `birthday`, and three months of silence."""
    found: list[Trigger] = [
        DateTrigger("birthday", gettext_lazy("has their birthday"), date="birthday", yearly=True),
        SilenceTrigger("inactive", gettext_lazy("has done nothing for 90 days"), days=90),
    ]
    return {trigger.slug: trigger for trigger in found}
