"""People on the site while mails go out: each does their deeds in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from wagtail_drip.engine.retrying import is_conflict, was_cut

Deed = Callable[[int], Any]


class Visitors:
    """`errors`: what a visitor would have seen. `done`: how many deeds were."""

    def __init__(self, serializable: bool) -> None:
        self.serializable = serializable
        self.stop = threading.Event()
        self.errors: list[Exception] = []
        self.done = 0

    def act(self, deed: Deed) -> None:
        number = 0
        while not self.stop.wait(0.02):
            number += 1
            self._once(deed, number)
        connection.close()

    def _once(self, deed: Deed, number: int) -> None:
        while not self.stop.is_set():
            try:
                self._pin()
                deed(number)
                self.done += 1
                return
            except Exception as error:
                cut = was_cut(error) or connection.errors_occurred
                if is_conflict(error) or not cut:
                    self.errors.append(error)
                    return
                # Their page failed with the database; they load it again.
                connection.close()
                self.stop.wait(0.1)

    def _pin(self) -> None:
        connection.close_if_unusable_or_obsolete()
        connection.ensure_connection()
        if self.serializable:
            from psycopg import IsolationLevel

            connection.connection.isolation_level = IsolationLevel.SERIALIZABLE


@contextmanager
def visiting(*deeds: Deed, serializable: bool = False) -> Iterator[Visitors]:
    visitors = Visitors(serializable)
    threads = [threading.Thread(target=visitors.act, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    try:
        yield visitors
    finally:
        visitors.stop.set()
        for thread in threads:
            thread.join(60)
