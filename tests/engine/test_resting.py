"""After an outage the workers of one host wait together; a file that fails stops nobody."""

from __future__ import annotations

from datetime import timedelta

from wagtail_drip.engine import journal, resting


def test_who_fails_at_the_same_time_rests_until_the_same_moment(now):
    until = resting.rest(now)
    assert resting.rest(now) == resting.resting_until(now) == until
    assert timedelta(0) < until - now < 2 * resting.FIRST


def test_the_rest_grows_up_to_its_longest(now):
    for _ in range(12):
        now, rested = resting.rest(now), now
    assert timedelta(seconds=45) <= now - rested <= timedelta(seconds=75)
    resting.wake()
    assert resting.resting_until(rested) == now  # it has begun: who was answered was lucky
    assert resting.rest(now) - now < 2 * resting.FIRST


def test_a_rest_that_another_clock_wrote_holds_nobody(now):
    resting.rest(now + timedelta(hours=2))
    assert resting.resting_until(now) is None
    assert resting.rest(now) < now + timedelta(minutes=1)


def test_a_file_that_can_not_be_used_stops_nobody(now):
    (journal.folder() / resting.NAME).mkdir()
    assert resting.rest(now) > now
    assert resting.resting_until(now) is None
    resting.wake()
