from __future__ import annotations

import pytest

from wagtail_drip import registry
from wagtail_drip.flow.triggers import Trigger

BOUGHT = Trigger("bought", "bought a book", {"book": 7}, required=("book",))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"book": 7, "more": 1}, ""),
        ({"book": 0}, ""),
        ({}, "lacks “book”"),
        ({"book": None}, "lacks “book”"),
        ({"book": ""}, "lacks “book”"),
    ],
)
def test_data_is_checked(data, says):
    found = BOUGHT.problems(data)
    assert says in found[0] if says else found == []


def test_signing_up_is_built_in():
    assert str(registry.triggers()["user_signed_up"].label) == "signed up"
