"""Where the boxes and wires of a picture go."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flow import flows
from wagtail_drip.flow import drawing, outlining
from wagtail_drip.flow.drawing import BOX, wrap
from wagtail_drip.streams import with_ids

NAMES = {
    1: "Hello",
    2: "A mail with a name that is too long for one row, or for two",
    3: "你好" * 40,
}


def drawn(raw, **options) -> drawing.Drawing:
    return drawing.picture(outlining.outline(with_ids(raw), NAMES), "signed up", **options)


def overlap(a, b) -> bool:
    return (
        a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
    )


@settings(max_examples=40, deadline=None)
@given(flows.flows(), st.booleans())
def test_no_box_lies_on_another_or_outside_whatever_the_flow(raw, mirrored):
    picture = drawn(raw, mirrored=mirrored, notes=lambda line: ["12 people", "next: now"])
    assert not any(overlap(a, b) for a, b in combinations(picture.boxes, 2))
    for box in picture.boxes:
        assert box.x >= 0 and box.x + BOX <= picture.width and box.y + box.height <= picture.height
        assert box.x < box.text_x < box.x + BOX and box.x < box.icon_x < box.x + BOX


def test_the_ways_of_a_decision_stand_side_by_side_and_mirrored_the_other_way_round():
    raw = [flows.if_else([flows.send(1)], [flows.wait()])]
    for mirrored in (False, True):
        _decision, yes, no = drawn(raw, mirrored=mirrored).boxes
        assert yes.y == no.y
        assert (yes.x < no.x) is not mirrored


def test_a_way_that_leaves_does_not_come_back():
    both = drawn([flows.if_else([flows.leave()], [flows.leave()])])
    assert [label.text for label in both.labels] == ["Somebody signed up", "yes", "no"]
    one = drawn([flows.if_else([flows.leave()], [])])
    assert [label.text for label in one.labels][-1] == "The end"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", ("",)),
        ("one two three", ("one two", "three")),
        ("abcdefghijk", ("abcdefgh", "ijk")),
        ("one two three four five six", ("one two", "three…")),
        ("你好你好你好", ("你好你好", "你好")),
    ],
)
def test_text_is_cut_into_rows_that_fit(text, rows):
    assert wrap(text, columns=8, most=2) == rows


def test_five_hundred_blocks_are_drawn():
    picture = drawn([flows.send(1 + n % 3) for n in range(500)])
    assert len(picture.boxes) == 500
