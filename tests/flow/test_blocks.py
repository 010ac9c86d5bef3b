from __future__ import annotations

import json

import pytest
from wagtail import hooks
from wagtail.blocks import CharBlock, StructBlock

from tests.flow.flows import KEYS, block, if_else, send, wait
from wagtail_drip.flow import blocks, program
from wagtail_drip.flow.builtin import builtin
from wagtail_drip.flow.checking import StepInfo, problems
from wagtail_drip.flow.compiling import compile_flow
from wagtail_drip.flow.outlining import outline
from wagtail_drip.flow.parts import Part
from wagtail_drip.streams import UNKNOWN, raw


class NoteBlock(Part, StructBlock):
    """An integrator's block: leaves a note, then waits an hour."""

    text = CharBlock()

    def compile(self, value, id, next, compiler):
        return compiler.add(id, program.Wait({"amount": 1, "unit": "hours"}, next))

    def problems(self, value, checks):
        return [] if value.get("text") else ["it says nothing"]

    class Meta:
        group = "Do"


@pytest.fixture
def note():
    with hooks.register_temporarily("register_drip_flow_blocks", lambda: {"note": NoteBlock()}):
        yield


def picker(flow: blocks.FlowBlock) -> list[str]:
    return [name for name in flow.child_blocks if name != UNKNOWN]


def test_the_picker_is_grouped():
    groups = {
        str(group): [block.name for block in children]
        for group, children in blocks.FlowBlock().grouped_child_blocks()
    }
    groups.pop("Unknown")
    assert groups == {
        "Send": ["send", "sms", "webhook", "task"],
        "Wait": ["wait", "wait_hours", "wait_date", "wait_day", "wait_event"],
        "Decide": ["if_else", "split"],
        "Do": ["enroll", "set_tag", "set_attribute", "leave"],
    }


def test_headers_are_sentences():
    flow = blocks.FlowBlock().child_blocks
    event = flow["if_else"].child_blocks["conditions"].child_blocks["event_happened"]
    assert flow["wait"].meta.label_format == "{amount} {unit}"
    assert flow["send"].meta.label_format == "“{step}”"
    assert flow["if_else"].meta.label_format == "{conditions} …"
    assert str(event.meta.label_format) == "they {event}"


def test_the_third_decision_offers_no_further_one():
    flow, levels = blocks.FlowBlock(), []
    while "if_else" in flow.child_blocks:
        levels.append(picker(flow))
        flow = flow.child_blocks["if_else"].child_blocks["yes"]
    assert len(levels) == 3
    assert not {"if_else", "split", "wait_event"} & {*picker(flow)}
    assert {"send", "wait", "leave"} <= {*picker(flow)}


def test_streams_inside_one_another_share_their_blocks():
    """Each built anew, they would double with every level, and the editor's page with them."""
    inside = blocks.FlowBlock().child_blocks["if_else"].child_blocks
    assert inside["yes"].child_blocks["send"] is inside["no"].child_blocks["send"]


def test_blocks_open_collapsed_at_every_level():
    flow = blocks.FlowBlock()
    assert flow.meta.collapsed
    assert flow.child_blocks["if_else"].child_blocks["yes"].meta.collapsed


def test_an_integrator_s_block_stands_at_every_level_and_compiles(note):
    flow = blocks.FlowBlock()
    assert "note" in flow.child_blocks["if_else"].child_blocks["no"].child_blocks
    raw = [block("note", "n", text="Hi"), send(1, "s")]
    assert problems(raw, steps={1: StepInfo("Hello")}) == []
    assert compile_flow(raw, KEYS).nodes["n"].next == "s"


def test_an_integrator_s_block_is_checked_and_outlined(note):
    raw = [block("note", "n", text=""), send(1, "s")]
    assert str(problems(raw, steps={1: StepInfo("Hello")})[0]) == "Step 1, Note: it says nothing"
    assert [line.text for line in outline(raw, {1: "Hello"})] == ["Note", "Send “Hello”"]


FAX = {"type": "fax", "value": {"to": "1"}, "id": "f"}


def test_an_unknown_block_is_shown_and_kept_at_every_level():
    flow = blocks.FlowBlock()
    value = flow.to_python(json.dumps([FAX, if_else([FAX], id="i")]))
    inner = value[1].value["yes"]
    assert [child.block_type for child in (value[0], inner[0])] == ["unknown", "unknown"]
    assert raw(value)[0] == FAX
    stored = flow.get_prep_value(value)
    assert stored[0] == FAX
    assert stored[1]["value"]["yes"] == [FAX]


def test_an_unknown_block_comes_back_when_it_is_known_again(note):
    wrapped = {"type": "unknown", "value": {"type": "note", "value": {"text": "Hi"}}, "id": "n"}
    assert blocks.FlowBlock().to_python([wrapped])[0].block_type == "note"


def test_writing_gives_nested_blocks_ids_once():
    flow = blocks.FlowBlock()
    value = flow.to_python([if_else([wait()])])
    first = flow.get_prep_value(value)
    assert first[0]["value"]["yes"][0]["id"]
    assert flow.get_prep_value(value) == first


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (wait(1, "days"), "Wait 1 day"),
        (wait(2, "weeks"), "Wait 2 weeks"),
        (wait(None), "Wait ?"),
        (send(1), "Send “Hello”"),
        (send(9), "Send “no mail”"),
        (block("leave"), "Leave the campaign"),
        (if_else(asked=()), "If nothing is asked"),
        (if_else(asked=[block("moon")]), "If an unknown condition (moon)"),
        (block("fax"), "An unknown block (fax)"),
    ],
)
def test_blocks_say_themselves(raw, text):
    assert outline([raw], {1: "Hello"})[0].text == text


@pytest.mark.parametrize("odd", [None, 7, "x", [1], {"yes": 3, "conditions": 4}])
def test_an_outline_of_odd_data_breaks_nothing(odd):
    for type_ in builtin():
        assert outline([{"type": type_, "value": odd}], {})[0].text


def test_an_outline_goes_no_deeper_than_flows_do():
    raw = [send(1)]
    for _ in range(60):
        raw = [if_else(raw)]
    assert outline(raw, {1: "Hello"})[0].ways
