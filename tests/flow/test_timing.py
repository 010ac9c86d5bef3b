from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wagtail_drip.flow import timing

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = sorted(available_timezones() - {"localtime"})
LONG = bool(os.environ.get("DRIP_LONG"))  # make long


def at(text: str, zone=BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def wait(amount, unit, since, zone=BERLIN):
    return timing.until({"type": "duration", "amount": amount, "unit": unit}, since, zone)


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


def ends_on_the_first_valid_moment(since, amount, unit, zone) -> None:
    end = wait(amount, unit, since, zone)
    days = amount * {"days": 1, "weeks": 7}[unit]
    wanted = since.astimezone(zone).replace(tzinfo=None, fold=0) + timedelta(days=days)
    shown = end.astimezone(zone).replace(tzinfo=None)
    just_before = (end - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    assert end > since
    assert shown == wanted or (shown > wanted > just_before)
    # No earlier moment of the same wall time: had it come twice, this is the first.
    assert end.astimezone(zone).fold == 0


@pytest.mark.parametrize("name", ZONES if LONG else [])
def test_every_change_of_clocks_of_ten_years(name):
    zone = ZoneInfo(name)
    for change in jumps(zone, 2016, 2027):
        for minutes in range(-3000, 3000, 15):
            ends_on_the_first_valid_moment(change + timedelta(minutes=minutes), 1, "days", zone)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_around_every_change_of_clocks_a_wait_ends_on_the_first_valid_moment(data):
    zone = ZoneInfo(data.draw(st.sampled_from(ZONES)))
    changes = jumps(zone, 2005, 2016)
    around = data.draw(st.sampled_from(changes)) if changes else datetime(2010, 6, 1, tzinfo=UTC)
    since = around + timedelta(minutes=data.draw(st.integers(-3000, 3000)))
    unit = data.draw(st.sampled_from(["days", "weeks"]))
    ends_on_the_first_valid_moment(since, data.draw(st.integers(1, 5)), unit, zone)


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


# Dates of a person's own


def around(day, amount=0, since="2026-03-02 10:00", **spec):
    whole = {"amount": amount, "unit": "days", "time": "09:00", "yearly": False, **spec}
    end = timing.around(whole, timing.day_of(day), at(since), BERLIN)
    return end and end.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("day", "amount", "spec", "expected"),
    [
        ("2026-03-10", -3, {}, "2026-03-07 09:00"),
        ("2026-03-10", 3, {}, "2026-03-13 09:00"),
        ("2026-03-05", -3, {}, "2026-03-02 10:00"),  # today, and its hour is over: at once
        ("2026-03-04", -3, {}, None),  # over
        ("1984-02-29", 0, {"yearly": True}, "2027-02-28 09:00"),
        ("1984-02-29", 0, {"yearly": True, "since": "2028-02-28 10:00"}, "2028-02-29 09:00"),
        ("1984-02-29", 1, {"yearly": True}, "2027-03-01 09:00"),
        ("1984-03-02", 0, {"yearly": True}, "2026-03-02 10:00"),
        ("1984-03-01", 0, {"yearly": True}, "2027-03-01 09:00"),
        ("1984-01-10", -14, {"yearly": True, "since": "2026-12-20 08:00"}, "2026-12-27 09:00"),
        ("2031-05-01", -7, {"yearly": True}, "2031-04-24 09:00"),  # none before the day itself
        ("2026-05-31", -1, {"unit": "months"}, "2026-04-30 09:00"),
        ("2026-03-29", 0, {"time": "02:30"}, "2026-03-29 03:00"),
        ("2026-03-07", 0, {"window": {"days": [0]}}, "2026-03-09 00:00"),
    ],
)
def test_before_and_after_a_date_of_theirs(day, amount, spec, expected):
    assert around(day, amount, **spec) == expected


@pytest.mark.parametrize(
    "value", [None, "", "soon", "2026-02-30", 7, True, ["2026-01-01"], "9999-01-01"]
)
def test_what_is_no_date(value):
    assert timing.day_of(value) is None


def test_a_moment_has_its_day_where_they_are():
    assert timing.day_of("2026-03-02T23:30:00+00:00", BERLIN).isoformat() == "2026-03-03"
    assert timing.day_of("2026-03-02T23:30:00", BERLIN).isoformat() == "2026-03-02"


def test_until_a_date_by_their_own_clock():
    spec = {"type": "date", "date": "2026-12-24", "time": "09:00"}
    assert timing.until(spec, at("2026-03-02 10:00"), BERLIN) == at("2026-12-24 09:00")
    assert timing.until(spec, at("2026-12-25 10:00"), BERLIN) == at("2026-12-25 10:00")


def test_a_wait_and_then_a_window():
    spec = {
        "type": "duration",
        "amount": 5,
        "unit": "days",
        "window": {"days": [0], "start": "09:00"},
    }
    assert timing.until(spec, at("2026-03-02 10:00"), BERLIN) == at("2026-03-09 09:00")


@settings(max_examples=60, deadline=None)
@given(st.dates(date(1930, 1, 1), date(2020, 12, 31)), st.dates(date(2021, 1, 1), date(2040, 1, 1)))
def test_an_anniversary_comes_within_a_year(born, today):
    since = datetime(today.year, today.month, today.day, 12, tzinfo=BERLIN)
    end = timing.around({"amount": 0, "unit": "days", "yearly": True}, born, since, BERLIN)
    there = end.astimezone(BERLIN).date()
    assert timedelta(0) <= there - today <= timedelta(days=366)
    assert (there.month, there.day) in {(born.month, born.day), (2, 28)}
    assert (there.month, there.day) == (born.month, born.day) or (born.month, born.day) == (2, 29)
