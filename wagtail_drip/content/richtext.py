"""What editors write with the rich text editor: as HTML that may stand in a mail, and as text.

Stored rich text may come from an import as well as from the editor, so nothing is taken on
trust: tags beside the few below are dropped, their words kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from html.parser import HTMLParser

CHIP = "drip-field"  # the feature that admin/chips.py registers
TAGS = {"p", "b", "strong", "i", "em", "ul", "ol", "li", "br", "a", "h2", "h3", "h4", "sup", "sub"}
_SILENT = {"script", "style", "title", "template", "head"}  # their words aren't words
_BLOCKS = {"p", "div", "ul", "ol", "table", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"}
_SCHEMES = re.compile(r"(?i)(https?|mailto|tel|sms):")
_ANY_SCHEME = re.compile(r"(?i)[a-z][a-z0-9+.-]*:")
# Browsers pass over these inside a scheme, so `java\tscript:` counts as `javascript:`.
_IGNORED = re.compile("[\x00-\x20\x7f]+")


def safe_url(url: str) -> str:
    """`url`, or "" where following it could run something."""
    bare = _IGNORED.sub("", url)
    if _ANY_SCHEME.match(bare) and not _SCHEMES.match(bare):
        return ""
    return url.strip()


class _Cleaner(HTMLParser):
    """Writes the allowed part of what it reads, each text passed through `merge`."""

    def __init__(self, merge: Callable[[str], str], absolute: Callable[[str], str]) -> None:
        super().__init__(convert_charrefs=True)
        self.merge, self.absolute = merge, absolute
        self.out: list[str] = []
        self.open: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self.silent += 1
        elif tag == "br":
            self.out.append("<br>")
        elif tag == "a":
            url = self.absolute(safe_url(dict(attrs).get("href") or ""))
            if url:
                self.out.append(f'<a href="{escape(url)}">')
                self.open.append("a")
        elif tag in TAGS:
            self.out.append(f"<{tag}>")
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in self.open:
            # What the editor left open inside is closed with it: nothing leaks out of the block.
            while (last := self.open.pop()) != tag:
                self.out.append(f"</{last}>")
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.out.append(escape(self.merge(data), quote=False))

    def result(self) -> str:
        self.close()
        return "".join(self.out) + "".join(f"</{tag}>" for tag in reversed(self.open))


def clean(html: str, *, merge: Callable[[str], str], absolute: Callable[[str], str]) -> str:
    """The allowed part of `html`, its texts merged, its links absolute."""
    cleaner = _Cleaner(merge, absolute)
    cleaner.feed(html)
    return cleaner.result()


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and (href := dict(attrs).get("href")):
            self.found.append(href.strip())


def typed_links(html: str) -> list[str]:
    """The addresses written out in `html`; chosen pages and documents aren't among them."""
    parser = _Links()
    parser.feed(html)
    parser.close()
    return parser.found


class _Reader(HTMLParser):
    """Writes what it reads as plain text: links keep their URL, lists their marks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.lists: list[int | None] = []  # the next number of each open list; None: bullets
        self.link: tuple[str, int] | None = None
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in _SILENT:
            self.silent += 1
        elif tag == "br":
            self.out.append("\n")
        elif tag == "img":
            self.out.append(values.get("alt") or "")
        elif tag == "a":
            self.link = (values.get("href") or "", len(self.out))
        elif tag in ("ul", "ol"):
            self.out.append("" if self.lists else "\n\n")
            self.lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self.out.append("\n" + "  " * (len(self.lists) - 1) + self._bullet())
        elif tag in _BLOCKS:
            self.out.append("\n\n")

    def _bullet(self) -> str:
        if not self.lists or self.lists[-1] is None:
            return "- "
        number = self.lists[-1]
        self.lists[-1] = number + 1
        return f"{number}. "

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag == "a" and self.link:
            url, start = self.link
            words = "".join(self.out[start:]).strip()
            if url and url.removeprefix("mailto:") != words:
                self.out.append(f" ({url})" if words else url)
            self.link = None
        elif tag in ("ul", "ol"):
            if self.lists:
                self.lists.pop()
            self.out.append("\n\n" if not self.lists else "")
        elif tag in _BLOCKS:
            self.out.append("\n\n")
        elif tag == "tr":
            self.out.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.out.append(re.sub(r"[ \t\r\n]+", " ", data))


def as_text(html: str) -> str:
    """`html` as plain text; paragraphs are an empty line apart."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return tidy_lines("".join(reader.out))


def tidy_lines(text: str) -> str:
    """`text` without spaces at the ends of lines and with at most one empty line in a row."""
    lines = (line.rstrip(" \t") for line in text.split("\n"))
    # One space before a line comes from the HTML's own layout; two and more are a list's.
    unindented = (line if line.startswith("  ") else line.lstrip(" ") for line in lines)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(unindented)).strip()
