"""Every language says the same: the same keys, the same answers and merge fields in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from wagtail_drip.engine.files.recipes import FALLBACK, HERE, SHARED
from wagtail_drip.models import Step

FOLDERS = sorted(path.parent for path in HERE.glob(f"*/{FALLBACK}.json"))
OTHERS = [
    pytest.param(file, id=f"{file.parent.name}-{file.stem}")
    for folder in FOLDERS
    for file in sorted(folder.glob("*.json"))
    if file.stem not in (FALLBACK, "campaign")
]
TOKEN = re.compile(r"\{\{\s*([^{}|]+?)\s*(\|[^{}|]*)?\}\}")
TAG = re.compile(r"</?([a-z]+)/?>")
# Their own letters, so that nothing was left in English; names, codes and tags aside.
LETTERS = {"fa": r"[\u0600-\u06ff]", "ar": r"[\u0600-\u06ff]", "ru": r"[\u0400-\u04ff]"}


def read(file: Path) -> dict[str, str]:
    found = json.loads(file.read_text())
    assert all(isinstance(text, str) and text.strip() for text in found.values()), file
    return found


def marks(text: str) -> tuple[list[str], list[str], list[str]]:
    """What is put in and how it is marked up, in the order that the language has it."""
    fields = [name + ("|" if fallback else "") for name, fallback in TOKEN.findall(text)]
    answers = re.findall(r"\[\[\w+\]\]", text)
    return sorted(fields), sorted(answers), sorted(TAG.findall(text))


@pytest.mark.parametrize("file", OTHERS)
def test_each_language_has_the_same_keys_answers_and_merge_fields(file: Path) -> None:
    english, other = read(file.parent / f"{FALLBACK}.json"), read(file)
    assert other.keys() == english.keys()
    assert [key for key in english if marks(english[key]) != marks(other[key])] == []
    letters = re.compile(LETTERS[file.stem])
    left = [key for key, text in other.items() if key != "does.code" and not letters.search(text)]
    assert left == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_texts_fit_and_each_stands_somewhere(folder: Path) -> None:
    longest = Step._meta.get_field("subject").max_length
    for file in folder.glob("*.json"):
        if file.stem == "campaign":
            continue
        texts = read(file)
        short = [key for key in texts if key.endswith((".subject", ".preheader", ".name"))]
        assert [key for key in short if len(texts[key]) > longest] == []
        braces = [t for t in texts.values() if len(TOKEN.findall(t)) != t.count("{{")]
        assert braces == []
        if folder.name != SHARED:
            used = set(re.findall(r'"@([\w.]+)"', (folder / "campaign.json").read_text()))
            own = {k for k in texts if not re.match(r"about$|ask\.|help\.|does\.", k)}
            assert own <= used
            shared = read(HERE / SHARED / f"{FALLBACK}.json")
            assert used <= own | shared.keys()
