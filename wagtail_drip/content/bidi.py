"""Words that go into a sentence of the other direction: isolated, so that they leave it in order.

By Unicode's own characters (FSI … PDI), which work in subjects and plain text as in HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

FSI, PDI = "\u2068", "\u2069"
_RTL = "\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_HAS_RTL = re.compile(f"[{_RTL}]")
# Numbers are not: the groups of "0912 345" change places in a line that runs to the left.
_ALL_RTL = re.compile(f"(?:(?![\u0660-\u0669\u06f0-\u06f9])[{_RTL}]|[\\s\u200c\u200d])*")
# What opens or closes a direction of its own could turn round all that comes after it.
_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")

# What a text has beside its words: tags, addresses, the names of merge fields.
_NO_WORDS = re.compile(r"<[^>]*>|&\w+;|https?://\S+|\{\{\s*[\w.]+")
_LETTERS = re.compile(r"[^\W\d_]")


def runs_to_the_left(texts: Iterable[str]) -> bool:
    """Whether most of their letters are of a script that runs from right to left."""
    letters = _LETTERS.findall(_NO_WORDS.sub(" ", "\n".join(texts)))
    return 2 * sum(1 for letter in letters if _HAS_RTL.match(letter)) > len(letters)


def isolated(words: str, direction: str) -> str:
    """`words` as they may stand in a line of this direction, "ltr" or "rtl"."""
    if words.isascii():
        return f"{FSI}{words}{PDI}" if direction == "rtl" and words else words
    words = _OVERRIDES.sub("", words)
    if direction == "rtl":
        return words if _ALL_RTL.fullmatch(words) else f"{FSI}{words}{PDI}"
    return f"{FSI}{words}{PDI}" if _HAS_RTL.search(words) else words
