from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flow.flows import KEYS, flows, if_else, leave, send, wait
from wagtail_drip.flow import compiling
from wagtail_drip.flow.program import (
    KINDS,
    Act,
    Arm,
    Ask,
    AskDay,
    AskEvent,
    Branch,
    Deliver,
    End,
    Leave,
    Move,
    Position,
    Program,
    Send,
    Stay,
    Wait,
    decide,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SAMPLE = Path(__file__).parent / "program_format_1.json"
SAMPLE_2 = Path(__file__).parent / "program_format_2.json"


def compiled(*raw) -> Program:
    return compiling.compile_flow(list(raw), KEYS)


def test_a_line_of_blocks():
    assert compiled(wait(2, id="w"), send(1, id="s"), leave("done", id="l")) == Program(
        "w",
        {
            "w": Wait({"type": "duration", "amount": 2, "unit": "days"}, "s"),
            "s": Send("key-1", "l"),
            "l": Leave("done"),
        },
    )


def test_both_ways_of_a_decision_lead_on():
    flow = compiled(if_else([send(1, "a")], match="none", id="i"), send(2, "b"))
    assert flow.nodes["a"].next == "b"
    assert flow.nodes["i"] == Branch(
        {
            "match": "none",
            "conditions": [
                {"slug": "event_happened", "args": {"event": "user_signed_up", "since": "ever"}}
            ],
        },
        yes="a",
        no="b",
    )


def test_an_empty_flow_starts_at_its_end():
    assert compiled() == Program("", {})


def test_the_steps_of_a_program_are_named_once():
    flow = compiled(send(2, "a"), send(1, "b"), send(2, "c"))
    assert sorted(flow.steps()) == ["key-1", "key-2"]


@pytest.mark.parametrize(
    "raw",
    [
        [send(9, "a")],
        [send(1, "a"), send(1, "a")],
        [send(1)],
        [send(1, "x" * 65)],
        [{"type": "fax", "value": {}, "id": "f"}],
    ],
)
def test_what_the_gate_refuses_doesn_t_compile(raw):
    with pytest.raises(ValueError, match=r"can't be a node's id|unknown"):
        compiled(*raw)


@settings(max_examples=80, deadline=None)
@given(flows())
def test_any_flow_the_gate_lets_pass_compiles_and_round_trips(raw):
    steps = {pk: compiling.StepInfo(key) for pk, key in KEYS.items()}
    assert compiling.problems(raw, steps=steps) == []
    program = compiling.compile_flow(raw, KEYS)
    stored = json.loads(json.dumps(compiling.dump(program)))
    assert compiling.load(stored) == program
    assert compiling.digest(compiling.load(stored)) == compiling.digest(program)


def walk(program: Program, answers) -> list:
    """Decides from the start to the end, each wait over, each delivery settled."""
    position, facts, decisions = Position(program.start, NOW), {}, []
    for _ in range(3 * len(program.nodes) + 3):
        decision = decide(program, position, facts, NOW.replace(year=2500), ZoneInfo("UTC"))
        decisions.append(decision)
        match decision:
            case End():
                return decisions
            case Ask():
                facts[position.node] = answers()
            case AskDay():
                facts[position.node] = "1984-02-29" if answers() else None
            case AskEvent():
                facts[position.node] = NOW if answers() else None
            case Arm():
                position = Position(position.node, position.arrived_at, armed=True)
            case Act(to=to):
                position = Position(to, position.arrived_at)
            case Deliver():
                position = Position(position.node, position.arrived_at, settled=True)
            case Move(to=to, at=at):
                position = Position(to, at)
            case Stay():
                raise AssertionError("a wait that never ends")
    raise AssertionError("no end in sight")


@settings(max_examples=80, deadline=None)
@given(flows(), st.lists(st.booleans(), min_size=1))
def test_deciding_always_comes_to_an_end(raw, answers):
    program = compiling.compile_flow(raw, KEYS)
    decisions = walk(program, cycle(answers).__next__)
    delivered = [one for one in decisions if isinstance(one, Deliver)]
    assert len(delivered) <= len([n for n in program.nodes.values() if isinstance(n, Send)])
    assert delivered  # each of these flows begins with a send


def test_the_digest_tells_flows_apart_and_nothing_else():
    one = compiled(wait(1, id="w"), send(1, "s"))
    assert compiling.digest(one) == compiling.digest(compiled(wait(1, id="w"), send(1, "s")))
    for other in (
        compiled(wait(2, id="w"), send(1, "s")),
        compiled(wait(1, id="w"), send(2, "s")),
        compiled(wait(1, id="v"), send(1, "s")),
    ):
        assert compiling.digest(one) != compiling.digest(other)


def test_format_1_is_read_for_ever():
    program = compiling.load(json.loads(SAMPLE.read_text()))
    assert program.start == "w1"
    assert {type(node) for node in program.nodes.values()} == {Wait, Send, Branch, Leave}
    assert program.nodes["w1"] == Wait({"type": "duration", "amount": 1, "unit": "days"}, "i1")
    assert program.nodes["i1"].yes == "s1"


def test_this_release_writes_format_2():
    stored = json.loads(SAMPLE_2.read_text())
    assert {node["kind"] for node in stored["nodes"].values()} == {*KINDS}
    assert compiling.dump(compiling.load(stored)) == stored


@pytest.mark.parametrize("change", [{"format": 3}, {"nodes": {"a": {"kind": "teleport"}}}])
def test_a_newer_program_says_so(change):
    with pytest.raises(compiling.UnknownFormat, match=r"format 3|teleport"):
        compiling.load({"format": 1, "start": "a", "nodes": {}, **change})
