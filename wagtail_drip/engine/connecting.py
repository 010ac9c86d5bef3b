"""Connecting: the open connections of one worker, kept from slice to slice, and how many it opens.

Opening one takes longer than a mail, and servers like few connections that carry many messages.
More than one are of use only where the server takes its time over each mail.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Self

from .. import registry
from ..channels.base import Again, Session
from ..conf import conf

# From so many seconds a mail on, further connections are worth their threads.
SLOW = 0.002
WEIGHT = 0.2  # of the newest mail in the mean


class Connections:
    """A worker's sessions. A context manager; any thread may borrow, and has it for itself then."""

    def __init__(self) -> None:
        self.most = conf.CONNECTIONS  # lowered where the server lets fewer in
        self._idle: dict[str, list[Session]] = defaultdict(list)  # by channel
        self._seconds: dict[str, float] = {}  # that a mail takes, by channel
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for sessions in self._idle.values():
            while sessions:
                sessions.pop().close()

    def borrow(self, slug: str) -> Session | Again:
        """A session of the channel that was connected when it was last used, or a new one."""
        with self._lock:
            if self._idle[slug]:
                return self._idle[slug].pop()
        return registry.channels()[slug].open()

    def give_back(self, slug: str, session: Session) -> None:
        with self._lock:
            self._idle[slug].append(session)

    def took(self, slug: str, seconds: float) -> None:
        """A mail was answered after so many seconds."""
        with self._lock:
            mean = self._seconds.get(slug, seconds)
            self._seconds[slug] = mean + (seconds - mean) * WEIGHT

    def is_slow(self, slug: str) -> bool:
        """Whether most of a mail's time is spent waiting for the server."""
        return self._seconds.get(slug, 0.0) > SLOW
