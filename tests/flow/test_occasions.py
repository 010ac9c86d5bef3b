"""What is due on which day, by each clock; the same moments as a flow's own waits find."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wagtail_drip.flow.occasions import (
    DateTrigger,
    SilenceTrigger,
    celebrated,
    dated,
    due_days,
    moment_of,
)
from wagtail_drip.flow.timing import around

ZONES = [
    "UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Tehran", "Pacific/Kiritimati",
    "Etc/GMT+12", "America/Sao_Paulo", "Africa/Casablanca",
]  # fmt: skip
DAYS = st.dates(date(1990, 1, 1), date(2040, 12, 31))
NOWS = st.datetimes(datetime(2008, 1, 1), datetime(2040, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))


def trigger(**fields) -> DateTrigger:
    return DateTrigger("near", "has a date", **{"date": "birthday", **fields})


@given(
    NOWS,
    st.sampled_from(ZONES),
    st.integers(0, 20),
    st.sampled_from(["00:00", "02:30", "09:00", "23:30"]),
)
def test_a_day_is_due_from_its_hour_on_and_not_too_long(now, name, catch_up, time):
    zone, asked = ZoneInfo(name), trigger(catch_up=catch_up, time=time)
    due, today = due_days(asked, now, zone), now.astimezone(zone).date()
    for ago in range(-2, catch_up + 3):
        day = today - timedelta(days=ago)
        come = moment_of(asked, day, zone) <= now
        assert (day in due) == (come and 0 <= ago <= catch_up)


@given(DAYS, st.integers(-400, 400), st.booleans(), st.sampled_from(ZONES), NOWS)
def test_it_is_the_moment_that_a_wait_in_a_flow_would_end(day, days, yearly, name, now):
    if yearly:
        days %= 300
    zone, asked = ZoneInfo(name), trigger(days=days, yearly=yearly)
    spec = {"amount": days, "unit": "days", "time": asked.time, "yearly": yearly}
    told = now.astimezone(zone).date()
    on = dated(asked, told)
    matches = (day.month * 100 + day.day in celebrated(on)) if yearly else day == on
    begin = moment_of(asked, told, zone) - timedelta(hours=20)
    end = around(spec, day, begin, zone)
    if matches and begin.astimezone(zone).date() in (told, told - timedelta(days=1)):
        assert end == moment_of(asked, told, zone)


@given(DAYS)
def test_each_day_of_birth_is_celebrated_once_a_year(day):
    for year in (2023, 2024, 2100):
        days = [date(year, 1, 1) + timedelta(days=n) for n in range(365 + (year == 2024))]
        feasts = [one for one in days if day.month * 100 + day.day in celebrated(one)]
        assert len(feasts) == 1


def test_who_was_born_on_29_february():
    assert celebrated(date(2023, 2, 28)) == [228, 229]
    assert celebrated(date(2024, 2, 28)) == [228]
    assert celebrated(date(2024, 2, 29)) == [229]


@pytest.mark.parametrize(
    "wrong",
    [{"days": 4000}, {"days": "7"}, {"catch_up": -1}, {"catch_up": 1000}, {"date": ""},
     {"time": "nine"}, {"yearly": True, "days": 500}],
)  # fmt: skip
def test_what_can_t_be_is_said_at_once(wrong):
    with pytest.raises(ValueError):
        trigger(**wrong)
    with pytest.raises(ValueError):
        SilenceTrigger("quiet", "is quiet", days=0)
