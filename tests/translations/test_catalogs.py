"""The catalogs: nothing guessed, nothing lost on the way, and whole where contacts read."""

from __future__ import annotations

import re

import polib
import pytest

from .messages import CATALOGS, PACKAGE, compiled
from .seen import FILES, is_seen
from .words import words_of

# %(name)s and %d of Python, {name} of its format, {{ name }} of merge fields.
_HOLE = re.compile(r"%\(\w+\)[a-z]|%[a-z%]|\{\{\s*[\w%.()]*|\{\w*\}")
_TAG = re.compile(r"</?[a-z][^>]*>")
_PLURALS = re.compile(r"nplurals=(\d)")
# Direction comes from the language; these would change it where nobody sees why.
_FORBIDDEN = re.compile("[\u202a-\u202e]")


@pytest.fixture(params=sorted(CATALOGS), ids=str)
def code(request) -> str:
    return request.param


@pytest.fixture
def catalog(code) -> polib.POFile:
    return polib.pofile(str(CATALOGS[code]))


def said(entry: polib.POEntry) -> list[str]:
    forms = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
    return [form for form in forms if form]


def holes(text: str) -> list[str]:
    return sorted(_HOLE.findall(text))


def test_nothing_is_guessed_or_left_behind(catalog):
    assert [entry.msgid for entry in catalog if entry.fuzzy or entry.obsolete] == []


def test_holes_are_kept(catalog):
    lost = [
        (entry.msgid, form)
        for entry in catalog
        for form in said(entry)
        if holes(form) not in (holes(entry.msgid), holes(entry.msgid_plural or entry.msgid))
    ]
    assert lost == []


def test_markup_is_kept(catalog):
    lost = [
        (entry.msgid, form)
        for entry in catalog
        for form in said(entry)
        if sorted(_TAG.findall(form)) != sorted(_TAG.findall(entry.msgid))
    ]
    assert lost == []


def test_what_is_put_together_keeps_its_joints(catalog):
    """A space or a line's end at either end of a text is what joins it to the next."""

    def joints(text: str) -> tuple[str, str]:
        return re.match(r"\s*", text)[0], re.search(r"\s*\Z", text)[0]  # type: ignore[index]

    lost = [
        (entry.msgid, form)
        for entry in catalog
        for form in said(entry)
        if joints(form) != joints(entry.msgid)
    ]
    assert lost == []


def test_each_number_has_its_form(catalog):
    amount = int(_PLURALS.search(catalog.metadata["Plural-Forms"])[1])
    numbers = {entry.msgid: said(entry) for entry in catalog if entry.msgid_plural}
    assert {
        msgid: len(forms) for msgid, forms in numbers.items() if len(forms) not in (0, amount)
    } == {}


def test_no_invisible_controls_of_direction(catalog):
    assert [e.msgid for e in catalog if any(_FORBIDDEN.search(form) for form in said(e))] == []


def test_the_compiled_file_says_the_same(catalog, code):
    assert CATALOGS[code].with_suffix(".mo").read_bytes() == compiled(catalog), "make messages"


def test_nothing_in_it_differs_from_run_to_run(catalog):
    assert [name for name in catalog.metadata if "date" in name.lower()] == []
    lines = [place for entry in catalog for _path, place in entry.occurrences if place]
    assert lines == []


def test_all_that_contacts_see_is_said(catalog):
    seen = [e for e in catalog if any(is_seen(path) for path, _line in e.occurrences)]
    assert len(seen) > 300
    assert [entry.msgid for entry in seen if not entry.translated()] == []


def test_no_word_that_contacts_see_is_missing(catalog):
    """What was written since the catalogs were made; then `make messages` and translate."""
    known = {(entry.msgctxt or "", entry.msgid) for entry in catalog}
    missing = {
        (path.relative_to(PACKAGE).as_posix(), word)
        for path in seen_files()
        for word in words_of(path)
        if word[1] and word not in known
    }
    assert missing == set()


def test_the_list_of_what_contacts_see_names_what_is_there():
    assert [name for name in FILES if not (PACKAGE / name).exists()] == []


def seen_files():
    kinds = (".py", ".html", ".txt")
    found = [path for path in PACKAGE.rglob("*") if path.suffix in kinds]
    return [path for path in found if is_seen(path.relative_to(PACKAGE).as_posix())]
