from __future__ import annotations

import pytest
from wagtail import hooks
from wagtail.blocks import CharBlock, StructBlock

from wagtail_drip.flow import blocks, conditions
from wagtail_drip.flow.conditions import Condition


class Colour(Condition):
    slug = "colour"
    label = "they like a colour"

    def block(self):
        return StructBlock([("name", CharBlock())], label=self.label)

    def sentence(self, args):
        return f"they like {args.get('name')}"

    def check(self, args, subject="enrollment"):
        return [] if subject == "contact" else ["colours are for contacts"]


class Plain(Condition):
    slug = "plain"
    label = "they are plain"


RED = {"slug": "colour", "args": {"name": "red"}}
BLUE = {"slug": "colour", "args": {"name": "blue"}}


@pytest.fixture(autouse=True)
def colour():
    known = {"colour": Colour(), "plain": Plain()}
    with hooks.register_temporarily("register_drip_conditions", lambda: known):
        yield


def test_a_group_keeps_slug_and_args_alone():
    group = conditions.group("any", [{**RED, "id": "x"}, {"slug": "plain"}])
    assert group == {"match": "any", "conditions": [RED, {"slug": "plain", "args": {}}]}


def test_a_group_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="most"):
        conditions.group("most", [])


@pytest.mark.parametrize("odd", [None, "x", [1], {}])
def test_odd_stream_data_holds_no_conditions(odd):
    assert conditions.from_stream(odd) == []


def test_a_block_s_type_is_the_condition_s_slug():
    raw = [{"type": "colour", "value": {"name": "red"}, "id": "1"}, {"type": "x", "value": 3}]
    assert conditions.from_stream(raw) == [RED, {"slug": "x", "args": {}}]


@pytest.mark.parametrize(
    ("match", "text"),
    [
        ("all", "they like red and they like blue"),
        ("any", "they like red or they like blue"),
        ("none", "it is not so that they like red or they like blue"),
    ],
)
def test_a_group_as_a_clause(match, text):
    assert conditions.sentence([RED, BLUE], match) == text


def test_a_condition_is_told_whom_it_is_asked_of():
    assert conditions.problems([RED], "contact") == []
    assert conditions.problems([RED]) == ["colours are for contacts"]


def test_each_registered_condition_is_offered():
    offered = blocks.ConditionsBlock().child_blocks
    assert {"colour", "plain", "event_happened", "topic"} <= set(offered)
    assert str(offered["plain"].label) == "they are plain"
