from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from wagtail_drip.flow.program import (
    Act,
    Arm,
    AskDay,
    AskEvent,
    Deliver,
    Do,
    End,
    Move,
    Position,
    Program,
    Send,
    Stay,
    WaitDay,
    WaitEvent,
    decide,
    drawn,
)
from wagtail_drip.flow.windows import ALWAYS, Calendar

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
NIGHT = Calendar(time(21), time(8))


def decided(node, *, facts=None, now=NOW, calendar=ALWAYS, **position):
    at = Position("n", NOW, **position)
    known = {} if facts is None else {"n": facts[0]}
    return decide(Program("n", {"n": node}), at, known, now, ZoneInfo("UTC"), calendar)


def test_a_send_waits_for_quiet_hours_to_end():
    late = NOW.replace(hour=22)
    assert decided(Send("s"), now=late, calendar=NIGHT).until == NOW.replace(hour=8) + DAY
    assert decided(Send("s"), calendar=NIGHT) == Deliver("s")
    assert isinstance(decided(Send("s"), now=late, calendar=NIGHT, settled=True), Move)


EVENT = WaitEvent(
    {"event": "ordered"}, {"type": "duration", "amount": 2, "unit": "days"}, "y", "n2"
)


def test_a_wait_for_an_event_arms_first_and_asks_then():
    assert decided(EVENT) == Arm("ordered")
    assert decided(EVENT, armed=True) == AskEvent({"event": "ordered"})


def test_it_ends_with_the_event_or_with_the_time():
    assert decided(EVENT, armed=True, facts=[None]).until == NOW + 2 * DAY
    came = decided(EVENT, armed=True, facts=[NOW + DAY], now=NOW + 9 * DAY)
    assert (came.to, came.at) == ("y", NOW + DAY)
    over = decided(EVENT, armed=True, facts=[None], now=NOW + 9 * DAY)
    assert (over.to, over.at) == ("n2", NOW + 2 * DAY)


def test_an_event_after_the_time_out_is_too_late_however_late_we_look():
    too_late = decided(EVENT, armed=True, facts=[NOW + 3 * DAY], now=NOW + 9 * DAY)
    assert too_late.to == "n2"


BIRTHDAY = WaitDay({"of": "contact", "key": "birthday"}, {"amount": 0, "unit": "days"}, True, "y")


def test_a_date_of_theirs_is_asked_and_awaited():
    assert decided(BIRTHDAY) == AskDay({"of": "contact", "key": "birthday"})
    stay = decided(BIRTHDAY, facts=["2026-03-05"])
    assert stay == Stay(datetime(2026, 3, 5, 9, tzinfo=UTC), stay.because, moving=True)
    assert decided(BIRTHDAY, facts=["2026-03-05"], now=NOW + 9 * DAY).to == "y"


@pytest.mark.parametrize(("day", "reason"), [(None, "no date"), ("2026-02-01", "over")])
def test_without_a_date_they_leave_or_go_on_as_chosen(day, reason):
    left = decided(BIRTHDAY, facts=[day])
    assert isinstance(left, End)
    assert left.left
    assert reason in left.reason
    on = WaitDay(BIRTHDAY.source, BIRTHDAY.spec, False, "y")
    assert (decided(on, facts=[day]).to, decided(on, facts=[day]).at) == ("y", NOW)


def test_something_is_done_and_leads_on():
    assert decided(Do({"do": "x"}, "y")) == Act({"do": "x"}, "y")


WAYS = [[20, "a"], [30, "b"], [50, "c"]]


def test_a_split_keeps_its_weights_and_each_person_their_way():
    people = [Position("n", NOW, person=uuid4().hex) for _ in range(6000)]
    share = Counter(drawn(WAYS, person)[1] for person in people)
    assert {way: round(count / 600) for way, count in share.items()} == pytest.approx(
        {"a": 2, "b": 3, "c": 5}, abs=1
    )
    for person in people[:50]:
        assert drawn(WAYS, person) == drawn(WAYS, person)


def test_two_splits_draw_anew():
    person = uuid4().hex
    ways = {drawn(WAYS, Position(f"n{n}", NOW, person=person))[1] for n in range(60)}
    assert ways == {"a", "b", "c"}
