"""Dispatching: while a slice goes out, the worker decides upon the next people and makes mails.

A thread does the talking: most of its time it waits for the server. It has one slice at a time, by
one connection as long as the server is quick, so that no more is in doubt if the worker is killed.
Another slice may wait for its turn: it is claimed, and looked at again before it begins.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from django.db import connection
from django.db import connections as databases

from .claiming import CLAIMS
from .connecting import Connections
from .locking import read_committed
from .retrying import renew_connection
from .sending import Prepared, prepare
from .stopping import never


class Dispatcher:
    """A pump's own. A context manager: at its end nothing goes any more, and nothing waits."""

    def __init__(self, connections: Connections, enough: Callable[[], bool] = never) -> None:
        self.connections = connections
        self._enough = enough
        self._stopped = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="drip-dispatcher")
        self._in_hand: deque[tuple[str, Future[int]]] = deque()  # with their claims
        self._limited = False
        self._arrived = 0  # settled or put back while something was prepared

    def __enter__(self) -> Dispatcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        self._thread.submit(databases.close_all)
        self._thread.shutdown()

    def send_due(self, now: datetime) -> int:
        """As `sending.send_due`, but some of it may still be on its way then.

        While a crowd is decided upon nothing is waited for, and 0 says nothing.
        """
        if self._limited or not self.overlaps():
            return self.finish() + self._prepare(now).send()
        done = 0
        while len(self._in_hand) < CLAIMS:  # one goes out, one waits
            prepared = self._prepare(now)
            done, self._arrived = done + self._arrived, 0
            if prepared.slice is None:
                done += prepared.other
                break
            self._begin(prepared)
            if self._limited:
                return done + self.finish()
        while self._in_hand and (self._in_hand[0][1].done() or not (done or self._is_crowded())):
            done += self._wait()
        return done

    def overlaps(self) -> bool:
        """SQLite has one writer at a time, and what is not committed another thread can't see."""
        return connection.vendor != "sqlite" and not connection.in_atomic_block

    def is_busy(self) -> bool:
        """Whether a slice is in hand."""
        return bool(self._in_hand)

    def finish(self) -> int:
        """Wait for all of it. Returns how many were settled or put back. Raises their trouble."""
        done = 0
        while self._in_hand:
            done += self._wait()
        return done

    def _wait(self) -> int:
        _claim, going = self._in_hand.popleft()
        return going.result()

    def _is_crowded(self) -> bool:
        return self.connections.crowded

    def _prepare(self, now: datetime) -> Prepared:
        prepared = prepare(
            now,
            self.connections.slice_size(beside=self.overlaps()),
            enough=self._has_enough,
            connections=self.connections,
            mine=[claim for claim, _going in self._in_hand],
            arrive=self._arrive,
        )
        self._limited = prepared.limited
        return prepared

    def _arrive(self) -> None:
        self._arrived += self.finish()

    def _begin(self, prepared: Prepared) -> None:
        """Let it go after what is going."""
        assert prepared.slice
        if self._in_hand:
            prepared.slice.put_aside()
        self._in_hand.append((prepared.slice.token, self._thread.submit(_send, prepared)))

    def _has_enough(self) -> bool:
        return self._stopped.is_set() or self._enough()


def _send(prepared: Prepared) -> int:
    with read_committed():
        try:
            return prepared.send()
        except Exception:
            renew_connection()
            raise
