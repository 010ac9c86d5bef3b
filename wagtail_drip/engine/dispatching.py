"""Dispatching: while a slice goes out, the worker decides upon the next people and makes mails.

A thread does the talking: most of its time it waits for the server. It has one slice at a time, by
one connection as long as the server is quick, so that no more is in doubt if the worker is killed.
Another slice may wait for its turn: it is claimed, and looked at again before it begins. One that
has gone is settled by the worker itself, and the thread goes on with the next.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import connection
from django.db import connections as databases

from .claiming import CLAIMS, SHARED
from .connecting import Connections
from .locking import read_committed
from .retrying import renew_connection
from .sending import Prepared, prepare
from .stopping import never
from .transmitting import Slice

logger = logging.getLogger("wagtail_drip")


@dataclass(slots=True)
class OnItsWay:
    """A slice in hand: going, gone and not settled, or waiting for its turn."""

    slice: Slice
    prepared: Prepared
    going: Future[None]
    is_ending: bool = False  # it will soon have gone, and more was looked for since

    def end(self) -> int:
        """Wait until it has gone, and settle it. Raises what it came to grief by."""
        self.going.result()
        return self.prepared.end()


class Dispatcher:
    """A pump's own. A context manager: at its end nothing goes any more, and nothing waits."""

    def __init__(self, connections: Connections, enough: Callable[[], bool] = never) -> None:
        self.connections = connections
        self._enough = enough
        self._stopped = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="drip-dispatcher")
        self._in_hand: deque[OnItsWay] = deque()
        self._limited = False
        self._arrived = 0  # settled or put back while something was prepared

    def __enter__(self) -> Dispatcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        self._thread.submit(databases.close_all)
        self._thread.shutdown()
        for one in self._in_hand:  # trouble has ended the pump; the journal tells what can't be
            try:
                one.end()
            except Exception:
                logger.exception("A slice can't be settled")
                renew_connection()

    def send_due(self, now: datetime) -> int:
        """As `sending.send_due`, but some of it may still be on its way then (`is_busy`).

        While a crowd is decided upon nothing is waited for. Else it waits until something is
        settled, or once for each slice until that comes to its end: then the worker had better
        look for more, lest the thread has nothing to do.
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
        self._look_at_the_next()
        while self._in_hand and (self._in_hand[0].going.done() or not (done or self._is_crowded())):
            if self._is_time_for_more():
                break
            done += self._wait()
        return done

    def _look_at_the_next(self) -> None:
        """When its turn comes soon. More was looked for just now."""
        if self._in_hand and self._in_hand[0].slice.ending.is_set():
            self._in_hand[0].is_ending = True
            for one in islice(self._in_hand, 1, None):
                one.slice.look()

    def _is_time_for_more(self) -> bool:
        """Wait until the end of the one that goes is near. False: it is over, or that was known."""
        first = self._in_hand[0]
        if first.is_ending:
            return False
        first.slice.ending.wait()
        return not first.going.done()

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
        return self._in_hand.popleft().end()

    def _is_crowded(self) -> bool:
        return self.connections.crowded

    def _prepare(self, now: datetime) -> Prepared:
        size = self.connections.slice_size(beside=self.overlaps())
        prepared = prepare(
            now,
            size,
            enough=self._has_enough,
            connections=self.connections,
            least=min(SHARED, size) if self._is_going_on() else 1,
            mine=[one.slice.token for one in self._in_hand],
            arrive=self._arrive,
        )
        self._limited = prepared.limited
        return prepared

    def _is_going_on(self) -> bool:
        """Whether it is a while until another slice could begin: then whoever is free first should
        have what is no slice yet."""
        return bool(self._in_hand) and not self._in_hand[0].slice.ending.is_set()

    def _arrive(self) -> None:
        self._arrived += self.finish()

    def _begin(self, prepared: Prepared) -> None:
        """Let it go after what is going."""
        assert prepared.slice
        if self._in_hand:
            prepared.slice.put_aside()
        slice_, going = prepared.slice, self._thread.submit(_transmit, prepared)
        going.add_done_callback(lambda _going: slice_.ending.set())  # nobody waits for it any more
        self._in_hand.append(OnItsWay(slice_, prepared, going))

    def _has_enough(self) -> bool:
        return self._stopped.is_set() or self._enough()


def _transmit(prepared: Prepared) -> None:
    try:
        with read_committed():
            prepared.transmit()
    except Exception:
        renew_connection()
        prepared.give_up()
        raise
