"""Resting: after an outage all workers of this host wait together, longer each time.

Each channel for itself: an SMS provider that is down is no reason to keep mails back.

Kept in a file beside the journals, since the database has no part in it: who can't reach the mail
server from here can't reach it from here. Other hosts find out for themselves.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.utils.text import slugify

from .journal import folder

logger = logging.getLogger("wagtail_drip")

FIRST = timedelta(seconds=1)
LONGEST = timedelta(minutes=1)
NAME = "outage"
MAIL = "email"


def rest(now: datetime, channel: str = MAIL) -> datetime:
    """The channel's server can't be reached: until when nobody here tries again.

    Where the file can't be written the others are not told, and this worker rests all the same.
    """
    try:
        return _rest(now, channel)
    except OSError as error:
        logger.error("The outage can't be told to the other workers of this host: %s", error)
        return now + jittered(LONGEST)


def _rest(now: datetime, channel: str) -> datetime:
    with _file(channel).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        until, times = _parse(file.read())
        if until is None or not now < until <= now + 2 * LONGEST:  # else somebody was quicker
            until = now + jittered(min(LONGEST, FIRST * 2 ** min(times, 10)))
            file.truncate(0)
            file.write(f"{until.timestamp()} {times + 1}")
    return until


def resting_until(now: datetime, channel: str = MAIL) -> datetime | None:
    """None where nothing speaks against trying now."""
    try:
        until, _times = _parse(_file(channel).read_text())
    except OSError:  # none, or of another user: then this worker finds out for itself
        return None
    # What lies further ahead was written under another clock (a test's, or one set back).
    return until if until and now < until <= now + 2 * LONGEST else None


def resting(channels: Iterable[str], now: datetime) -> set[str]:
    """Those of the channels that nobody here tries now."""
    return {channel for channel in channels if resting_until(now, channel)}


class Heard:
    """What a worker has heard of outages. Asking for news is cheap enough for each message."""

    def __init__(self, channels: Iterable[str]) -> None:
        self._paths = {channel: _file(channel) for channel in channels}
        self.all()

    def all(self) -> None:
        """All of it, before the rests are looked at."""
        self._seen = {channel: self._written(channel) for channel in self._paths}

    def has_news(self, channel: str) -> bool:
        """Whether somebody here was told to wait, or was answered again, since."""
        return self._written(channel) != self._seen[channel]

    def _written(self, channel: str) -> int:
        try:
            return self._paths[channel].stat().st_mtime_ns
        except OSError:  # nobody has ever rested
            return 0


def wake(channel: str = MAIL) -> None:
    """The server answered: the next outage starts with a short rest again.

    A rest that has begun stays: who was answered may have been luckier than the others.
    """
    with contextlib.suppress(OSError), _file(channel).open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        until, times = _parse(file.read())
        if until and times:
            file.seek(0)
            file.truncate()
            file.write(f"{until.timestamp()} 0")


def jittered(delay: timedelta) -> timedelta:
    """A quarter more or less, so that those who failed together don't come back together."""
    return delay * random.uniform(0.75, 1.25)


def _file(channel: str) -> Path:
    return folder() / (NAME if channel == MAIL else f"{NAME}-{slugify(channel)}")


def _parse(text: str) -> tuple[datetime | None, int]:
    try:
        until, times = text.split()
        return datetime.fromtimestamp(float(until), UTC), int(times)
    except ValueError:
        return None, 0
