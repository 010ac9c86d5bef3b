from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from wagtail_drip.models import Attribute

CHOICES = "Small\nLarge\n"


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("text", " Bookham ", "Bookham"), ("text", "a\0b", "ab"), ("text", "", None),
        ("number", "12", 12), ("number", "1.50", 1.5), ("number", "-3e2", -300),
        ("boolean", "Yes", True), ("boolean", "0", False),
        ("date", "2026-12-31", "2026-12-31"),
        ("datetime", "2026-12-31 18:00+02:00", "2026-12-31T16:00:00+00:00"),
        ("datetime", "2026-12-31", "2026-12-31T00:00:00+00:00"),
        ("choice", "LARGE", "Large"),
    ],
)  # fmt: skip
def test_what_people_write_is_stored_by_its_type(type, text, value):
    stored = Attribute(label="Size", type=type, choices=CHOICES).read(text)
    assert (stored, stored.__class__) == (value, value.__class__)


@pytest.mark.parametrize(
    ("type", "text"),
    [("number", "many"), ("number", "nan"), ("number", "1e99"), ("boolean", "perhaps"),
     ("date", "31.12.2026"), ("datetime", "soon"), ("datetime", "0001-01-01T00:00+14:00"),
     ("choice", "Medium"), ("text", "x" * 2001)],
)  # fmt: skip
def test_what_is_of_another_type_is_refused_by_name(type, text):
    with pytest.raises(ValueError, match="“Size”"):
        Attribute(label="Size", type=type, choices=CHOICES).read(text)


def test_a_list_to_choose_from_is_not_empty():
    with pytest.raises(ValidationError, match="at least one"):
        Attribute(label="Size", key="size", type="choice", choices=" \n").clean()


@pytest.mark.parametrize("key", ["Size", "1st", "a b", "größe", "a\n"])
def test_a_key_is_a_plain_word(key):
    with pytest.raises(ValidationError):
        Attribute(label="Size", key=key).clean_fields()
