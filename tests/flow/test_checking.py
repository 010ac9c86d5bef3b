from __future__ import annotations

import pytest

from tests.flow.flows import block, if_else, leave, nested, send, wait
from wagtail_drip.flow.checking import StepInfo, problems, step_ids
from wagtail_drip.flow.compiling import NotReady
from wagtail_drip.flow.parts import MAX_BLOCKS
from wagtail_drip.streams import with_ids

STEPS = {
    1: StepInfo("Hello"),
    2: StepInfo("Draft", live=False),
    3: StepInfo("Broken", problems=("The mail has no subject.", "Too long.")),
    4: StepInfo("Foreign", same_site=False),
}


def told(*raw) -> list[str]:
    return [str(problem) for problem in problems(with_ids(list(raw)), steps=STEPS)]


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (send(None), "Send: no mail is chosen"),
        (block("send"), "Send: no mail is chosen"),
        (send(99), "Send: its mail was deleted"),
        (send("1"), "Send: its mail was deleted"),
        (send(True), "Send: its mail was deleted"),
        (send(2), "Send: “Draft” is not published"),
        (send(4), "Send: “Foreign” belongs to another site"),
        (wait(0), "Wait: it has to wait at least 1"),
        (wait(None), "Wait: it has to wait at least 1"),
        (wait("2"), "Wait: it has to wait at least 1"),
        (wait(3651), "Wait: it waits longer than 10 years"),
        (wait(10**30), "Wait: it waits longer than 10 years"),
        (wait(3650 * 24 + 1, "hours"), "Wait: it waits longer than 10 years"),
        (wait(118, "months"), "Wait: it waits longer than 10 years"),
        (wait(1, "fortnights"), "Wait: no unit of time is chosen"),
        (if_else([send()], asked=()), "If: it has no condition"),
        (if_else(), "If: both of its ways are empty"),
        (
            if_else([send()], match="some"),
            "If: it asks for neither all, any nor none of its conditions",
        ),
        (
            if_else([send()], asked=[block("moon_phase")]),
            "If: this site has no condition “moon_phase”",
        ),
        (
            if_else([send()], asked=[block("event_happened", event="moon_rose")]),
            "If: this site knows no event “moon_rose”",
        ),
        (block("fax", to="1"), "fax: this site has no such block"),
    ],
)
def test_what_can_t_work_is_named_with_its_place(one, says):
    assert told(send(), one) == [f"Step 2, {says}"]


@pytest.mark.parametrize("one", [wait(3650), wait(117, "months"), leave(), if_else(no=[send()])])
def test_what_works(one):
    assert told(send(), one) == []


def test_what_a_mail_lacks_is_told_once():
    assert told(send(3), send(3)) == [
        "Step 1, Send: “Broken”: The mail has no subject.",
        "Step 1, Send: “Broken”: Too long.",
    ]


def test_a_place_inside_a_decision():
    assert told(send(), if_else([send()], [wait(1), send(None)])) == [
        "Step 2, no 2, Send: no mail is chosen"
    ]


def test_a_flow_that_sends_nothing():
    assert told(wait()) == told() == ["The flow sends no mail."]


def test_decisions_stand_three_deep_and_no_deeper():
    assert told(nested(3)) == []
    assert told(nested(4))[0].endswith("decisions may stand only 3 deep inside one another")
    assert len(told(nested(50))) == 1


def test_a_flow_has_an_end_somewhere():
    assert told(*[send() for _ in range(MAX_BLOCKS)]) == []
    assert told(*[send() for _ in range(MAX_BLOCKS + 1)]) == ["The flow has more than 500 blocks."]


@pytest.mark.parametrize("id", [None, "", 7, "x" * 65])
def test_an_id_must_be_usable(id):
    found = problems([{**send(), "id": id}], steps=STEPS)
    assert "no usable id" in str(found[0])


def test_ids_are_one_of_a_kind_at_all_levels():
    assert told(send(1, "a"), if_else([send(1, "a")])) == [
        "Step 2, yes 1, Send: another block has the same id; remove it and add it anew"
    ]


@pytest.mark.parametrize("odd", [None, "text", 7, [1], [{}], {"type": "send"}, [[send()]]])
def test_odd_data_is_refused_and_breaks_nothing(odd):
    assert problems(odd, steps=STEPS)
    assert problems([{"type": "if_else", "value": odd, "id": "i"}], steps=STEPS)
    assert problems([block("if_else", "i", conditions=odd, yes=odd, no=odd)], steps=STEPS)


def test_a_problem_knows_its_block():
    (problem,) = problems([send(None, "s1")], steps=STEPS)
    assert (problem.block, problem.field) == ("s1", "flow")


def test_not_ready_has_a_message_for_each_problem():
    found = problems([send(None, "a"), wait(0, id="b")], steps=STEPS)
    error = NotReady(found)
    assert error.problems == found
    assert error.messages == [str(problem) for problem in found]


def test_the_ids_of_all_mails():
    assert step_ids([send(1), send(None), send("x"), if_else([if_else([send(2)])])]) == {1, 2}
