"""Connecting: the open connections of one worker, how many it opens, and how much it takes at once.

They are kept from slice to slice: opening one takes longer than a mail, and servers like few
connections that carry many messages.
More than one are of use only where the server takes its time over each mail.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Self

from .. import registry
from ..channels.base import Again, Session
from ..conf import conf

# Further connections are worth their threads where no mail of the last ones took less than SLOW
# seconds: SLOW_MAILS at least, and SLOW_FOR seconds in all. A quick server has a slow moment.
SLOW = 0.002
SLOW_MAILS = 5
SLOW_FOR = 0.25
# A slice is as much as goes in about so many seconds: the more, the less each mail costs the
# database; the less, the more evenly workers share, and the less is in doubt with a lost host.
SLICE_SECONDS = 8.0
FIRST_SLICE, SMALLEST_SLICE = 4000, 100


class Connections:
    """A worker's sessions. A context manager; any thread may borrow, and has it for itself then."""

    def __init__(self) -> None:
        self.most = conf.CONNECTIONS  # lowered where the server lets fewer in
        self.host = ""  # that the database sends for, once it was read
        self._idle: dict[str, list[Session]] = defaultdict(list)  # by channel
        # How many mails in a row took long, and how long together, by channel.
        self._slow: dict[str, tuple[int, float]] = {}
        # Seconds until a rate lets one more go that is due, or a server has rested; None: nothing
        # waits for that.
        self.wait: float | None = None
        self.pace = 0.0  # messages a second that have gone lately
        self.crowded = False  # many people are still to be decided upon: slices are short
        self._lock = threading.Lock()
        self._slice = FIRST_SLICE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for sessions in self._idle.values():
            while sessions:
                sessions.pop().close()

    def slice_size(self, *, beside: bool = False) -> int:
        """How many deliveries the next slice should have. `beside`: others are decided then."""
        if self.wait is not None:  # somebody's turn comes soon
            return max(SMALLEST_SLICE, min(conf.SLICE, self._slice // 5))
        if self.crowded and not beside:
            return max(SMALLEST_SLICE, min(conf.SLICE, self._slice // 10))
        return min(conf.SLICE, self._slice)

    def went(self, amount: int, seconds: float) -> None:
        """A whole slice took so long."""
        if amount >= SMALLEST_SLICE and seconds > 0:
            self._slice = max(SMALLEST_SLICE, int(amount / seconds * SLICE_SECONDS))

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
            mails, together = self._slow.get(slug, (0, 0.0))
            long = seconds > SLOW
            self._slow[slug] = (mails + 1, together + seconds) if long else (0, 0.0)

    def is_slow(self, slug: str) -> bool:
        """Whether most of a mail's time is spent waiting for the server."""
        mails, together = self._slow.get(slug, (0, 0.0))
        slow = mails >= SLOW_MAILS and together >= SLOW_FOR
        return slow and registry.channels()[slug].parallel
