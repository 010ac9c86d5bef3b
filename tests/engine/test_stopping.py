"""SIGTERM waits for the message in hand."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from wagtail_drip.engine.stopping import on_sigterm


@pytest.fixture
def arrived():
    """Signals that would have ended this process."""
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))
    yield got
    signal.signal(signal.SIGTERM, before)


def test_the_signal_takes_its_effect_at_the_end(arrived):
    with on_sigterm() as told:
        assert not told()
        os.kill(os.getpid(), signal.SIGTERM)
        assert (told(), arrived) == (True, [])
    assert arrived == [signal.SIGTERM]


def test_who_was_not_told_is_not_stopped(arrived):
    with on_sigterm() as told:
        pass
    assert (told(), arrived) == (False, [])


def test_in_a_thread_nothing_is_handled(arrived):
    seen = []

    def work() -> None:
        with on_sigterm() as told:
            seen.append(told())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
