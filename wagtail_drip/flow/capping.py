"""Capping: whether a person may get one more message now, by how many they may get.

Windows roll: any n × 24 hours count, wherever they begin. By calendar days or weeks somebody could
get all of one day's messages before midnight and all of the next one's after it; and where the day
begins would depend on a time zone, which people change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from .reasons import Reason, because
from .windows import ALWAYS, Calendar

WEEK = 7
SOON = timedelta(minutes=1)  # by then a message that is just going out has mostly gone or failed


@dataclass(frozen=True, slots=True)
class Message:
    """One that counts. `site`: whose it was. `at`: when it went; None: it is just going out."""

    site: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` messages (1 or more) in any `days` × 24 hours.

    `site`: only its messages count; None: all do. `skips`: what is too many never goes.
    """

    most: int
    days: int
    site: int | None = None
    skips: bool = False

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.days)

    def moments(self, messages: Iterable[Message], now: datetime) -> list[datetime]:
        """When those went that count against it now, the last one first."""
        since = now - self.window
        counted = (one.at for one in messages if self._counts(one))
        return sorted((at for at in counted if at and at > since), reverse=True)

    def going(self, messages: Iterable[Message]) -> int:
        """How many of those that count are just going out."""
        return sum(one.at is None for one in messages if self._counts(one))

    @property
    def told(self) -> Reason:
        code = {1: "a_day", WEEK: "a_week"}.get(self.days, "in_days")
        return because(code, most=self.most, days=self.days)

    def words(self) -> str:
        return self.told.sentence()

    def _counts(self, message: Message) -> bool:
        return self.site is None or message.site == self.site


@dataclass(frozen=True, slots=True)
class MayGo:
    """It keeps to all limits."""


@dataclass(frozen=True, slots=True)
class NotBefore:
    """It would be one too many until `at` (UTC)."""

    at: datetime
    because: Reason


@dataclass(frozen=True, slots=True)
class Skip:
    """It would be one too many, and such are left out."""

    because: Reason


def decide(
    limits: Collection[Limit],
    messages: Collection[Message],
    now: datetime,
    zone: ZoneInfo,
    calendar: Calendar = ALWAYS,
) -> MayGo | NotBefore | Skip:
    """Whether one more message may go to a person who got these, by the limits that hold for them.

    All limits must be kept. Of those that are reached, the one that would let it go last is told
    and says what becomes of it; at one moment, one that skips. `zone`, `calendar`: the person's
    and the site's, so that what has to wait is not due within quiet hours.

    Where only messages that are just going out make it too many, it waits for what becomes of
    them: a message that fails was none.
    """
    reached = []
    in_doubt = False
    for limit in limits:
        moments = limit.moments(messages, now)
        if len(moments) >= limit.most:
            reached.append((moments[limit.most - 1] + limit.window, limit))
        elif len(moments) + limit.going(messages) >= limit.most:
            in_doubt = True
    if reached:
        at, limit = max(reached, key=lambda one: (one[0], one[1].skips, -one[1].most))
        opens = calendar.opens(at, zone)
        if limit.skips:
            return Skip(because("over_cap", limit=limit.told, next=opens))
        return NotBefore(opens, because("capped", limit=limit.told, next=opens))
    if in_doubt:
        return NotBefore(now + SOON, because("going_out"))
    return MayGo()


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody is on the way through a campaign that lets others wait.

    `entered_at`: first, if they are inside several times. `due_at`: when they go on; None: once
    a mail of it has gone.
    """

    campaign: int
    name: str
    priority: int
    entered_at: datetime
    due_at: datetime | None = None


def holder_of(campaign: int, priority: int, holders: Collection[Holder]) -> Holder | None:
    """The one that a message of this campaign waits for, of those its person is inside.

    Campaigns of a lower or the same priority wait. Of two that both let others wait, the one of
    the higher priority goes on, else the one that they entered first: so never do both wait.
    """
    ranks = {one.campaign: _rank(one) for one in holders}
    own = ranks.get(campaign)
    before = [
        one
        for one in holders
        if one.campaign != campaign
        and one.priority >= priority
        and (own is None or _rank(one) < own)
    ]
    return min(before, key=_rank, default=None)


def _rank(holder: Holder) -> tuple[int, datetime, int]:
    return -holder.priority, holder.entered_at, holder.campaign
