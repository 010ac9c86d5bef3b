from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flow.test_timing import BERLIN, LONG, ZONES, at, jumps
from wagtail_drip.flow.windows import ALWAYS, Calendar, Window

WEEKDAYS = {"days": [0, 1, 2, 3, 4], "start": "09:00", "end": "17:00"}
NIGHTS = {"days": [4], "start": "22:00", "end": "02:00"}


def opens(window, moment, calendar=ALWAYS, zone=BERLIN):
    return Window.read(window).opens(at(moment, zone), zone, calendar)


@pytest.mark.parametrize(
    ("window", "moment", "expected"),
    [
        (WEEKDAYS, "2026-03-02 08:59", "2026-03-02 09:00"),  # a Monday
        (WEEKDAYS, "2026-03-02 09:00", "2026-03-02 09:00"),
        (WEEKDAYS, "2026-03-02 16:59", "2026-03-02 16:59"),
        (WEEKDAYS, "2026-03-02 17:00", "2026-03-03 09:00"),
        (WEEKDAYS, "2026-03-06 18:00", "2026-03-09 09:00"),  # over the weekend
        (NIGHTS, "2026-03-06 21:00", "2026-03-06 22:00"),
        (NIGHTS, "2026-03-07 01:30", "2026-03-07 01:30"),  # Friday's night is Saturday's morning
        (NIGHTS, "2026-03-07 02:00", "2026-03-13 22:00"),
        ({"days": [6]}, "2026-03-02 10:00", "2026-03-08 00:00"),
        ({"start": "09:00"}, "2026-03-02 08:00", "2026-03-02 09:00"),
        ({"start": "09:00"}, "2026-03-02 23:59", "2026-03-02 23:59"),
        ({"end": "09:00"}, "2026-03-02 09:00", "2026-03-03 00:00"),
        # These hours don't exist on that day: the moment after the jump stands for them.
        ({"start": "02:00", "end": "03:00"}, "2026-03-29 01:00", "2026-03-29 03:00"),
        # They come twice on that one, and count once: as one long window.
        ({"start": "02:00", "end": "03:00"}, "2026-10-25 01:00", "2026-10-25 02:00"),
    ],
)
def test_the_next_moment_in_a_window(window, moment, expected):
    assert opens(window, moment) == at(expected).astimezone(UTC)


def test_a_window_passes_over_holidays():
    calendar = Calendar(holidays=frozenset({date(2026, 3, 3)}), yearly=frozenset({(3, 4)}))
    assert opens(WEEKDAYS, "2026-03-02 18:00", calendar) == at("2026-03-05 09:00").astimezone(UTC)


def test_nothing_chosen_is_no_window():
    assert Window.read({"days": [], "start": "", "end": ""}) is None


@pytest.mark.parametrize(
    ("quiet", "moment", "expected"),
    [
        ((21, 8), "2026-03-02 20:59", "2026-03-02 20:59"),
        ((21, 8), "2026-03-02 21:00", "2026-03-03 08:00"),
        ((21, 8), "2026-03-03 07:59", "2026-03-03 08:00"),
        ((12, 14), "2026-03-02 13:00", "2026-03-02 14:00"),
        ((12, 14), "2026-03-02 14:00", "2026-03-02 14:00"),
        ((1, 3), "2026-03-29 01:30", "2026-03-29 03:00"),  # 02:00 to 03:00 is left out that day
    ],
)
def test_quiet_hours(quiet, moment, expected):
    calendar = Calendar(*(time(hour) for hour in quiet))
    assert calendar.opens(at(moment), BERLIN) == at(expected).astimezone(UTC)


def test_a_holiday_ends_at_midnight_or_when_quiet_hours_do():
    day = frozenset({date(2026, 3, 3)})
    assert Calendar(holidays=day).opens(at("2026-03-03 10:00"), BERLIN) == at("2026-03-04 00:00")
    calendar = Calendar(time(21), time(8), day)
    assert calendar.opens(at("2026-03-02 22:00"), BERLIN) == at("2026-03-04 08:00")


@pytest.mark.parametrize(
    ("moment", "why"),
    [
        ("2026-03-02 22:00", "quiet_holiday"),
        ("2026-03-03 10:00", "holiday"),
        ("2026-03-04 07:00", "quiet"),
        ("2026-03-05 23:00", "quiet"),
    ],
)
def test_a_calendar_says_what_closes_it(moment, why):
    calendar = Calendar(time(21), time(8), frozenset({date(2026, 3, 3)}))
    begun = at(moment)
    assert calendar.closed(begun, calendar.opens(begun, BERLIN), BERLIN) == why


def test_a_calendar_without_working_days_holds_nothing_up():
    everyday = frozenset((month, day) for month in range(1, 13) for day in range(1, 32))
    moment = at("2026-03-03 10:00")
    assert Calendar(yearly=everyday).opens(moment, BERLIN) == moment


# Far more of them in `make long`.
clocks = st.integers(0, 47).map(lambda half: f"{half // 2:02}:{half % 2 * 30:02}")


def is_open(window: Window, moment: datetime, zone: ZoneInfo) -> bool:
    """By what clocks show at that moment, and nothing else."""
    there = moment.astimezone(zone)
    clock, today, yesterday = there.time(), there.weekday(), (there.weekday() - 1) % 7
    if window.start < window.end:
        return today in window.days and window.start <= clock < window.end
    return (today in window.days and clock >= window.start) or (
        yesterday in window.days and clock < window.end
    )


@settings(max_examples=4000 if LONG else 60, deadline=None)
@given(st.data())
def test_around_every_change_of_clocks_a_window_opens_when_clocks_say_so(data):
    zone = ZoneInfo(data.draw(st.sampled_from(ZONES)))
    changes = jumps(zone, 2005, 2016)
    around = data.draw(st.sampled_from(changes)) if changes else datetime(2010, 6, 1, tzinfo=UTC)
    moment = around + timedelta(minutes=data.draw(st.integers(-3000, 3000)))
    window = Window(
        frozenset(data.draw(st.sets(st.integers(0, 6), min_size=1))),
        *(time.fromisoformat(text) for text in data.draw(st.tuples(clocks, clocks))),
    )
    opened = window.opens(moment, zone)
    before = opened - timedelta(minutes=1)
    assert opened >= moment
    if is_open(window, moment, zone):
        assert opened == moment
    elif is_open(window, opened, zone):
        assert before < moment or not is_open(window, before, zone) or opened == before
    else:  # all of that day's hours were jumped over: the moment after the jump
        assert opened.astimezone(zone).utcoffset() != before.astimezone(zone).utcoffset()
    # And none was passed over on the way.
    step = moment
    while step < min(opened, moment + timedelta(hours=50)):
        assert not is_open(window, step, zone)
        step += timedelta(minutes=13)
