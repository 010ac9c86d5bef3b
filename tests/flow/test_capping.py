"""Whether one more may go: never more than so many in any window, and never later than need be."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from wagtail_drip.flow.capping import (
    SOON,
    Holder,
    Limit,
    MayGo,
    Message,
    NotBefore,
    Skip,
    decide,
    holder_of,
)
from wagtail_drip.flow.windows import Calendar

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
QUIET = Calendar(time(21), time(8))

limits = st.builds(
    Limit,
    st.integers(1, 5),
    st.integers(1, 9),
    site=st.sampled_from([None, 1, 2]),
    skips=st.just(False),
)
minutes = st.integers(0, 14 * 24 * 60)


def ago(*hours: float, site: int = 1) -> list[Message]:
    return [Message(site, NOW - one * HOUR) for one in hours]


def test_below_the_limit_it_may_go():
    assert decide([Limit(3, 7)], ago(1, 2), NOW, UTC_ZONE) == MayGo()
    assert decide([], ago(1, 2), NOW, UTC_ZONE) == MayGo()


def test_at_the_limit_it_waits_for_the_first_of_them_to_be_long_enough_ago():
    found = decide([Limit(2, 7)], ago(1, 48, 100), NOW, UTC_ZONE)
    assert isinstance(found, NotBefore) and found.at == NOW - 48 * HOUR + 7 * DAY
    assert found.because.sentence(UTC_ZONE) == "At most 2 a week: next on March 7, 2026 9 a.m."


def test_a_window_ends_to_the_moment():
    assert decide([Limit(1, 1)], ago(24), NOW, UTC_ZONE) == MayGo()
    assert decide([Limit(1, 1)], ago(23.999), NOW, UTC_ZONE) != MayGo()


def test_words():
    told = [Limit(1, 1), Limit(4, 1), Limit(1, 7), Limit(2, 30)]
    assert [limit.words() for limit in told] == [
        "At most 1 a day", "At most 4 a day", "At most 1 a week", "At most 2 in 30 days",
    ]  # fmt: skip


def test_the_moment_is_told_by_the_persons_clock_and_keeps_to_quiet_hours():
    found = decide([Limit(1, 1)], ago(6), NOW, BERLIN, QUIET)  # free at 03:00 UTC, 04:00 there
    assert found.at == datetime(2026, 3, 3, 7, tzinfo=UTC)
    assert found.because.sentence(BERLIN).endswith("next on March 3, 2026 8 a.m.")


def test_of_two_the_one_that_lets_go_last_decides():
    daily, weekly = Limit(1, 1), Limit(3, 7, skips=True)
    messages = ago(2, 30, 50)
    assert isinstance(decide([daily, weekly], messages, NOW, UTC_ZONE), Skip)
    assert isinstance(decide([daily, weekly], messages[:1], NOW, UTC_ZONE), NotBefore)
    delayed = decide([Limit(1, 1, skips=True), Limit(3, 7)], messages, NOW, UTC_ZONE)
    assert isinstance(delayed, NotBefore) and delayed.at == NOW - 50 * HOUR + 7 * DAY


def test_the_smaller_number_wins():
    assert decide([Limit(5, 7), Limit(2, 7)], ago(1, 2), NOW, UTC_ZONE).because.seen["limit"] == {
        "code": "a_week",
        "seen": {"most": 2, "days": 7},
    }


def test_another_sites_messages_count_only_where_all_do():
    elsewhere = ago(1, site=2)
    assert decide([Limit(1, 7, site=1)], elsewhere, NOW, UTC_ZONE) == MayGo()
    assert decide([Limit(1, 7)], elsewhere, NOW, UTC_ZONE) != MayGo()


def test_what_is_just_going_out_is_waited_for():
    """It may fail, and was none then: neither skip for it nor wait a whole window."""
    found = decide([Limit(1, 7, skips=True)], [Message(1, None)], NOW, UTC_ZONE)
    assert isinstance(found, NotBefore) and found.at == NOW + SOON


@given(st.lists(limits, max_size=4), st.lists(minutes, max_size=12))
def test_at_the_moment_it_names_it_may_go_and_a_moment_before_it_may_not(some, ages):
    messages = [Message(1 + age % 2, NOW - timedelta(minutes=age)) for age in ages]
    found = decide(some, messages, NOW, UTC_ZONE)
    if isinstance(found, NotBefore):
        assert found.at > NOW
        assert decide(some, messages, found.at, UTC_ZONE) == MayGo()
        before = found.at - timedelta(microseconds=1)
        assert decide(some, messages, before, UTC_ZONE) != MayGo()


@given(st.lists(limits, min_size=1, max_size=3), st.lists(minutes, max_size=40))
def test_no_window_wherever_it_begins_has_more(some, wanted):
    """Whatever is wanted when: what waits is asked again at the moment it was told."""
    sent: list[datetime] = []
    due = sorted(NOW + timedelta(minutes=one) for one in wanted)
    while due:
        now = due.pop(0)
        found = decide(some, [Message(1, at) for at in sent], now, BERLIN, QUIET)
        if isinstance(found, MayGo):
            sent.append(now)
        else:
            due = sorted([*due, found.at])
    assert len(sent) == len(wanted)
    for limit in some:
        if limit.site != 2:
            for start in sent:
                assert sum(start <= at < start + limit.window for at in sent) <= limit.most


@given(st.lists(limits, max_size=3), st.lists(minutes, max_size=9), limits)
def test_one_limit_more_never_lets_more_go(some, ages, another):
    messages = [Message(1, NOW - timedelta(minutes=age)) for age in ages]
    fewer = decide(some, messages, NOW, UTC_ZONE)
    if isinstance(fewer, NotBefore):
        assert decide([*some, another], messages, NOW, UTC_ZONE).at >= fewer.at


# While somebody is inside another campaign

holders = st.lists(
    st.builds(
        Holder,
        st.integers(1, 6),
        st.just(""),
        st.integers(-1, 1),
        st.integers(0, 3).map(lambda hours: NOW - hours * HOUR),
    ),
    max_size=5,
    unique_by=lambda one: one.campaign,
)


@given(holders, st.integers(-2, 2))
def test_somebody_always_goes_first(inside, priority):
    """Of campaigns that let others wait exactly one doesn't wait; another one waits for higher."""
    free = [one for one in inside if not holder_of(one.campaign, one.priority, inside)]
    assert len(free) == min(len(inside), 1)
    first = holder_of(99, priority, inside)
    assert bool(first) == any(one.priority >= priority for one in inside)
    if first:
        assert [first] == free


def test_of_two_alike_the_one_entered_first_goes_on():
    early, late = Holder(2, "", 0, NOW - DAY), Holder(1, "", 0, NOW)
    assert holder_of(1, 0, [late, early]) == early and holder_of(2, 0, [late, early]) is None
