"""Characters and segments as GSM 03.38 and UCS-2 count them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wagtail_drip.content.segments import GSM7, UCS2, count


@pytest.mark.parametrize(
    ("text", "encoding", "characters", "segments"),
    [
        ("", GSM7, 0, 0),
        ("Hello", GSM7, 5, 1),
        ("a" * 160, GSM7, 160, 1),
        ("a" * 161, GSM7, 161, 2),
        ("a" * 306, GSM7, 306, 2),
        ("a" * 307, GSM7, 307, 3),
        ("€" * 80, GSM7, 160, 1),
        ("€" * 80 + "a", GSM7, 161, 2),
        # 152 and half of an € have room in the first; the € begins the second: 154 would be one.
        ("a" * 152 + "€" + "a" * 152, GSM7, 306, 3),
        ("Grüße, Ñandú à Øster", UCS2, 20, 1),  # ú is none of its letters
        ("Grüße, à Øster", GSM7, 14, 1),
        ("`", UCS2, 1, 1),
        ("ы" * 70, UCS2, 70, 1),
        ("ы" * 71, UCS2, 71, 2),
        ("ы" * 134, UCS2, 134, 2),
        ("ы" * 135, UCS2, 135, 3),
        ("😀" * 35, UCS2, 70, 1),
        ("😀" * 36, UCS2, 72, 2),
        # 67 units hold 33 whole emoji; the half of one more is left empty.
        ("😀" * 67, UCS2, 134, 3),
        ("a" + "😀" * 66, UCS2, 133, 2),
        ("سلام {first}", UCS2, 12, 1),
    ],
)
def test_counts(text, encoding, characters, segments):
    found = count(text)
    assert (found.encoding, found.characters, found.segments) == (encoding, characters, segments)


def test_it_names_what_makes_it_dear_once_and_in_order():
    assert count("„Hi“ – ok – „you“").dear == ("„", "“", "–")
    assert count("~^{}[]\\|€ \n\r").dear == ()


@given(st.text(max_size=400))
def test_never_more_room_than_segments_have(text):
    found = count(text)
    alone, shared = (160, 153) if found.encoding == GSM7 else (70, 67)
    assert (found.segments == 0) == (text == "")
    if found.characters <= alone:
        assert found.segments <= 1
    else:
        assert found.segments * (shared - 1) < found.characters + 2 * shared
        assert found.segments * shared >= found.characters
    if found.encoding == UCS2:
        assert found.characters == len(text.encode("utf-16-le", "surrogatepass")) // 2
