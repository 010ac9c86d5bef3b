from __future__ import annotations

import json

import pytest

from tests.flow.flows import KEYS, block, send, split, wait, wait_day, wait_event, wait_hours
from wagtail_drip.flow import blocks, program
from wagtail_drip.flow.checking import StepInfo, problems
from wagtail_drip.flow.compiling import compile_flow
from wagtail_drip.flow.outlining import outline

STEPS = {1: StepInfo("Hello")}


def told(one, trigger="") -> list[str]:
    found = problems([send(1, "s"), {**one, "id": "x"}], steps=STEPS, trigger=trigger)
    return [problem.message for problem in found]


def said(one) -> str:
    return outline([one], {1: "Hello", ("campaign", 7): "Other"})[0].text


def windowed(*days, start="", end=""):
    one = wait(2)
    one["value"]["window"] = {"days": [str(day) for day in days], "start": start, "end": end}
    return one


def date(day, time="09:00"):
    return block("wait_date", date=day, time=time)


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (windowed(), "Wait 2 days"),
        (
            windowed(0, 1, 2, 3, 4, start="09:00", end="17:00"),
            "Wait 2 days, then weekdays 09:00–17:00, their time",
        ),
        (windowed(5, 6), "Wait 2 days, then weekends, their time"),
        (windowed(0, 2, start="09:00"), "Wait 2 days, then Mon, Wed 09:00–24:00, their time"),
        (wait_hours(*range(7)), "Wait until every day, their time"),
        (date("2026-12-24"), "Wait until Dec. 24, 2026, 09:00"),
        (date(None), "Wait until ?, 09:00"),
        (wait_day(3), "Wait until 3 days before their birthday"),
        (wait_day(1, "after", unit="months"), "Wait until 1 month after their birthday"),
        (wait_day(yearly=True), "Wait until their next birthday"),
        (wait_event(), "Wait until they signed up, at most 3 days"),
        (split((30, []), (70, [])), "Split by chance: 30 % / 70 %"),
        (block("enroll", campaign=7), "Enter “Other” as well"),
        (block("enroll"), "Enter “no campaign” as well"),
        (block("set_tag", tag="VIP", side="add"), "Give the tag “VIP”"),
        (block("set_tag", tag="VIP", side="remove"), "Take the tag “VIP” away"),
        (block("set_attribute", key="city", value="Ulm"), "Set their city to “Ulm”"),
        (block("set_attribute", key="city"), "Take their city away"),
    ],
)
def test_blocks_say_themselves(one, sentence):
    assert said(one) == sentence


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (windowed(7), "it names a weekday that there isn't"),
        (windowed(start="9"), "its hours are no time of day"),
        (windowed(start="09:00", end="09:00"), "its hours end when they begin"),
        (wait_hours(), "it names neither weekdays nor hours"),
        (date("2026-02-30"), "no date is chosen"),
        (date("2026-12-24", "noon"), "no time of day is chosen"),
        (date("2226-12-24"), "it waits longer than 10 years"),
        (wait(10**400, "minutes"), "it waits longer than 10 years"),
        (wait_day(-1), "it has to wait at least 1"),
        (wait_day(1, unit="hours"), "a date is counted in days, weeks or months"),
        (wait_day(400, yearly=True), "it is more than a year away from a yearly date"),
        (wait_day(3651), "it waits longer than 10 years"),
        (wait_day(1, "beside"), "it is neither before nor after the date"),
        (wait_day(key=""), "it names no date"),
        (wait_day(of="user"), "user accounts have no date “birthday”"),
        (wait_day(of="moon"), "it doesn't say where the date stands"),
        (wait_event(event="moon_rose"), "this site knows no event “moon_rose”"),
        (wait_event(amount=0), "it has to wait at least 1"),
        (wait_event(amount=36500), "it waits longer than 10 years"),
        (split((50, [send(1, "a")])), "it needs 2 to 10 shares"),
        (split((50, [send(1, "a")]), (40, [])), "its shares sum to 90 %, not to 100 %"),
        (
            split((0, [send(1, "a")]), (100, [])),
            "each share needs a percentage of at least 1",
        ),
        (split((50, []), (50, [])), "all of its ways are empty"),
        (block("enroll"), "no campaign is chosen"),
        (block("set_tag", tag=" ", side="add"), "it names no tag"),
    ],
)
def test_what_can_t_work(one, message):
    assert message in told(one)


def test_a_date_of_the_event_must_be_in_its_data():
    one = wait_day(of="event", key="returned_on")
    assert told(one, "order_placed") == ["“placed an order” has no “returned_on”"]
    assert told(one) == []  # nobody can tell


def test_it_compiles_to_what_it_says():
    flow = [windowed(0, start="09:00"), wait_day(3), split((30, [send(1, "s")]), (70, []))]
    for number, one in enumerate(flow):
        one["id"] = f"b{number}"
    compiled = compile_flow(flow, KEYS).nodes
    window = {"days": [0], "start": "09:00", "end": ""}
    spec = {"type": "duration", "amount": 2, "unit": "days", "window": window}
    assert compiled["b0"] == program.Wait(spec, "b1")
    assert (compiled["b1"].spec["amount"], compiled["b1"].leave) == (-3, True)
    assert compiled["b2"].ways == [[30, "s"], [70, ""]]


def test_a_date_is_stored_as_text_at_all_times():
    flow = blocks.FlowBlock()
    value = flow.to_python(json.dumps([date("2026-12-24")]))
    assert value[0].value["date"].year == 2026
    stored = flow.get_prep_value(flow.normalize([("wait_date", value[0].value)]))
    assert stored[0]["value"]["date"] == "2026-12-24"
