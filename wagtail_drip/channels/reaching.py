"""Reaching: a worker's lanes try a server in turns, and share the answer that none is there.

Else each of ten lanes that lose their connections together would knock at a server in trouble.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable

from .base import Again

# For so long nobody of this process tries again. Less than the shortest rest after an outage, whose
# first try must be one.
SHARED_SECONDS = 0.7


class Door:
    """The way to one server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._turn = threading.Lock()
        self._failed: tuple[float, Again] | None = None

    def reach(self, connect: Callable[[], Again | None]) -> Again | None:
        """What `connect` answers, or what it answered another lane a moment ago."""
        with self._turn:
            if self._failed and self.clock() - self._failed[0] < SHARED_SECONDS:
                return self._failed[1]
            failure = connect()
            self._failed = (self.clock(), failure) if failure else None
            return failure


_doors: dict[Hashable, Door] = defaultdict(Door)


def door(host: str, port: int) -> Door:
    return _doors[host, port]
