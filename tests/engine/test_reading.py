from __future__ import annotations

import re

import pytest

from wagtail_drip.engine.reading import Reader, guess, meanings
from wagtail_drip.models import Attribute, ContactImport

pytestmark = pytest.mark.django_db
COLUMNS = ["email", "first_name", "language", "time_zone", "tags", "attribute:size"]


def read(*cells, columns=COLUMNS):
    mapping = {str(number): meaning for number, meaning in enumerate(columns)}
    Attribute.objects.create(label="Size", key="size", type="number")
    return Reader(ContactImport(mapping=mapping)).read([(2, list(cells))])


def test_a_row_is_a_person():
    [ann], refused = read(
        "Ann@Example.com ", " Ann", "de-AT", "europe/paris", "VIP; new, vip", "42"
    )
    assert (ann.row, ann.email, refused) == (2, "ann@example.com", {})
    assert ann.fields == {"first_name": "Ann", "language": "de-at", "time_zone": "Europe/Paris"}
    assert set(ann.tags) == {"vip", "new"} and ann.attributes == {"size": 42}


def test_what_is_empty_says_nothing():
    [ann], _refused = read("ann@example.com", "", "", " ")
    assert (ann.fields, ann.tags, ann.attributes) == ({}, {}, {})


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [(0, "", "no.*address|not an"), (0, "nobody", "nobody"), (1, "x" * 151, "First name: longer"),
     (2, "German!", "language code"), (3, "Mars/Base", "time zone"), (4, "x" * 101, "1 to 100"),
     (5, "many", "“Size”")],
)  # fmt: skip
def test_a_row_that_can_not_be_used_says_why(column, cell, words):
    cells = ["ann@example.com", "", "", "", "", ""]
    cells[column] = cell
    people, refused = read(*cells)
    assert people == [] and refused.keys() == {2}
    assert re.search(words, refused[2])


def test_columns_are_known_by_their_names():
    Attribute.objects.create(label="Shoe size", key="shoe_size")
    header = ["Nr.", "E-Mail", "Vorname", "last name", "SHOE SIZE", "Mail", "Tags"]
    assert guess(header, meanings()) == {
        "1": "email", "2": "first_name", "3": "last_name", "4": "attribute:shoe_size", "6": "tags",
    }  # fmt: skip
