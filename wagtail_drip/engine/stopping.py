"""Stopping: who is told to end finishes the message in hand, and begins no other one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def on_sigterm() -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM only makes the given function true; it takes its effect at the end.

    Else a deploy would leave a message in doubt for each worker that was amid one.
    """
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told.is_set  # signals are the main thread's alone
        return

    def note(number: int, frame: Any) -> None:
        told.set()

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield told.is_set
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
        if told.is_set():
            os.kill(os.getpid(), signal.SIGTERM)


def never() -> bool:
    return False
