from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wagtail_drip.flow import timing

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = sorted(available_timezones() - {"localtime"})


def at(text: str, zone=BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def wait(amount, unit, since, zone=BERLIN):
    return timing.until({"amount": amount, "unit": unit}, since, zone)


@pytest.mark.parametrize(
    ("amount", "unit", "since", "expected"),
    [
        (90, "minutes", "2026-03-29 01:30", "2026-03-29 04:00"),  # across the gap: absolute
        (24, "hours", "2026-03-28 12:00", "2026-03-29 13:00"),
        (1, "days", "2026-03-28 12:00", "2026-03-29 12:00"),  # 23 hours
        (1, "days", "2026-03-28 02:30", "2026-03-29 03:00"),  # 02:30 doesn't exist that day
        (1, "weeks", "2026-03-22 02:00", "2026-03-29 03:00"),
        (1, "months", "2026-01-31 09:00", "2026-02-28 09:00"),
        (1, "months", "2028-01-31 09:00", "2028-02-29 09:00"),
        (11, "months", "2026-01-31 09:00", "2026-12-31 09:00"),
        (12, "months", "2026-12-15 09:00", "2027-12-15 09:00"),
    ],
)
def test_waits(amount, unit, since, expected):
    assert wait(amount, unit, at(since)) == at(expected).astimezone(UTC)


def test_an_hour_that_comes_twice_counts_once():
    end = wait(1, "days", at("2026-10-24 02:30"))
    assert end == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_skipped_day_ends_at_the_next_midnight():
    apia = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
    end = wait(1, "days", at("2011-12-29 12:00", apia), apia)
    assert end == at("2011-12-31 00:00", apia).astimezone(UTC)


def test_the_answer_is_in_utc():
    assert wait(2, "hours", at("2026-03-02 09:00")).tzinfo is UTC


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="fortnights"):
        wait(1, "fortnights", at("2026-03-02 09:00"))


def test_a_wait_in_months_is_measured_by_long_months():
    assert timing.length({"amount": 2, "unit": "months"}) == 62


def jumps(zone: ZoneInfo, start: int = 1990, end: int = 2030) -> list[datetime]:
    """Noons (UTC) before which clocks were other than a day later: every change of clocks."""
    found, day = [], datetime(start, 1, 1, 12, tzinfo=UTC)
    while day.year < end:
        later = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            found.append(day)
        day = later
    return found


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_around_every_change_of_clocks_a_wait_ends_on_the_first_valid_moment(data):
    zone = ZoneInfo(data.draw(st.sampled_from(ZONES)))
    changes = jumps(zone, 2005, 2016)
    around = data.draw(st.sampled_from(changes)) if changes else datetime(2010, 6, 1, tzinfo=UTC)
    since = around + timedelta(minutes=data.draw(st.integers(-3000, 3000)))
    unit, step = data.draw(st.sampled_from([("days", 1), ("weeks", 7)]))
    amount = data.draw(st.integers(1, 5))
    end = wait(amount, unit, since, zone)
    wanted = since.astimezone(zone).replace(tzinfo=None, fold=0) + timedelta(days=step * amount)
    shown = end.astimezone(zone).replace(tzinfo=None)
    just_before = (end - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    assert end > since
    assert shown == wanted or (shown > wanted > just_before)
    # No earlier moment of the same wall time: had it come twice, this is the first.
    assert end.astimezone(zone).fold == 0


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1975, 1, 1), datetime(2035, 1, 1)),
    st.integers(1, 120),
    st.sampled_from(timing.UNITS),
)
def test_waits_end_later_and_never_run_backwards(name, since, amount, unit):
    zone, since = ZoneInfo(name), since.replace(tzinfo=UTC)
    end = wait(amount, unit, since, zone)
    assert since < end <= wait(amount + 1, unit, since, zone)
