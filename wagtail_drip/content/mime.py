"""Bytes of a mail: quoted-printable bodies with holes, and headers that nothing can break out of.

Django's and Python's own guards are bypassed for speed, so what they guard is guarded here:
no value puts a line break into a header (RFC 5322), encoded words are at most 75 characters
(RFC 2047), body lines at most 76 bytes (RFC 2045).
"""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .personalizing import Mail

# "=_" can't occur in quoted-printable, so no body, whatever it says, ends a part early.
BOUNDARY = "=_wagtail_drip"
_TYPE = f'multipart/alternative; boundary="{BOUNDARY}"'
_PART = (
    f"--{BOUNDARY}\r\nContent-Type: text/{{}}; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
)
_END = f"\r\n--{BOUNDARY}--\r\n".encode()
_SOFT = b"=\r\n"

LINE = 76
LONGEST_WORD = 900  # a longer one would break the 998 bytes of RFC 5322, so it gets encoded
# Everything that any reader takes for the end of a line, and the other controls with it.
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_ADDRESS = re.compile(
    r'(?:"(?:[^"\\\s]|\\\S)+"|[^\s<>()\[\],;:\\"@\x00-\x1f\x7f]+)@[^\s<>@,;:"()\\]+'
)
_IDENTIFIER = re.compile(r"[!-;=?-~]{1,900}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
# Headers that have their own place; nobody may give them once more.
OURS = {"from", "to", "cc", "bcc", "subject", "date", "reply-to", "mime-version", "sender"}


def one_line(text: str) -> str:
    """`text` without anything that could end a header's line; such characters become a space."""
    return _BREAKS.sub(" ", text).strip()


def quoted(text: str) -> bytes:
    """Quoted-printable with CRLF. More may follow on the last line: it is at most 75 bytes long."""
    # The x makes the encoder believe that the line goes on, as it does: after a soft break.
    return b2a_qp(text.encode() + b"x", istext=True)[:-1].replace(b"\n", b"\r\n")


@dataclass(frozen=True, slots=True)
class Section:
    """Parts that stand in a mail where the value numbered `gate` is one, and nowhere else."""

    gate: int
    parts: tuple[Part, ...]


Part = str | int | Section  # a text, the number of a value, or parts that may be left out


class Bodies:
    """The two bodies of a mail, encoded once, with a hole for each value.

    `text` and `html` are texts and the numbers of values. A hole stands between soft line breaks,
    so a value goes in, or a section is left out, without encoding the rest anew.
    """

    def __init__(self, text: Iterable[Part], html: Iterable[Part]) -> None:
        self.pieces: list[bytes] = []
        self.holes: list[tuple[int, int, int]] = []  # (piece, value, 0 for text or 1 for html)
        self.sections: list[tuple[int, int, int]] = []  # (first piece, the one after it, gate)
        self._cut = True  # whether the next piece begins
        for which, (subtype, parts) in enumerate((("plain", text), ("html", html))):
            start = "" if which == 0 else "\r\n"
            self._add((start + _PART.format(subtype)).encode())
            self._parts(parts, which)
            # A space at the very end would be lost before the line end that the boundary needs.
            self._add(_SOFT)
        self._add(_END)
        # A piece that begins with a dot stands at the beginning of a line, as does each value.
        self._stuffed = [stuffed(piece) for piece in self.pieces]

    def _parts(self, parts: Iterable[Part], which: int) -> None:
        for kind, run in groupby(parts, type):
            if kind is str:
                self._add(quoted("".join(map(str, run))))
                continue
            for part in run:
                if isinstance(part, Section):
                    self._section(part, which)
                else:
                    self._hole(int(part), which)

    def _add(self, piece: bytes) -> None:
        if self._cut:
            self.pieces.append(piece)
            self._cut = False
        else:
            self.pieces[-1] += piece

    def _hole(self, value: int, which: int) -> None:
        self._add(_SOFT)
        self.holes.append((len(self.pieces), value, which))
        self.pieces.append(b"")
        self.pieces.append(_SOFT)

    def _section(self, section: Section, which: int) -> None:
        self._add(_SOFT)
        first, self._cut = len(self.pieces), True
        self._parts(section.parts, which)
        self._add(_SOFT)
        self._cut = True
        self.sections.append((first, len(self.pieces), section.gate))

    def fill(
        self, values: Sequence[tuple[bytes, bytes] | None], *, on_the_wire: bool = False
    ) -> bytes:
        """The body with `(text, html)` of each value in its holes.

        None for a value leaves out the sections that it is the gate of. `on_the_wire`: as SMTP
        takes it; what is the same for all was made ready for that once.
        """
        pieces = (self._stuffed if on_the_wire else self.pieces).copy()
        if on_the_wire:
            values = [one and (stuffed(one[0]), stuffed(one[1])) for one in values]
        for piece, value, which in self.holes:
            given = values[value]
            pieces[piece] = b"" if given is None else given[which]
        for first, end, gate in self.sections:
            if values[gate] is None:
                pieces[first:end] = [b""] * (end - first)
        return b"".join(pieces)


def stuffed(data: bytes) -> bytes:
    """RFC 5321 4.5.2: a dot before each dot that begins a line."""
    if data.startswith(b"."):
        data = b"." + data
    return data.replace(b"\n.", b"\n..") if b"\n." in data else data


def header(name: str, value: str) -> str:
    """One header line, folded, encoded where it has to be, with its CRLF.

    Raises ValueError where `name` is no header name.
    """
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a header.")
    value = one_line(value)
    plain = value.isascii() and "=?" not in value
    if plain and len(name) + len(value) + 2 <= LINE:
        return f"{name}: {value}\r\n"
    if plain and all(len(word) <= LONGEST_WORD for word in value.split(" ")):
        return _folded(f"{name}: {value}") + "\r\n"
    return f"{name}: {encoded_words(value, used=len(name) + 2)}\r\n"


def _folded(line: str) -> str:
    """The line broken before spaces, where it can be."""
    lines, current = [], ""
    for number, word in enumerate(line.split(" ")):
        glued = word if number == 0 else f"{current} {word}"
        # A line of spaces alone may not be, and the name stays with its value's first word.
        if len(glued) > LINE and number > 1 and current.strip() and word:
            lines.append(current)
            glued = " " + word
        current = glued
    return "\r\n".join([*lines, current])


def encoded_words(text: str, *, used: int = 0) -> str:
    """RFC 2047: base64 words of whole characters, on lines of at most 76; `used` of the first."""
    data, words, start = text.encode(), [], 0
    room = max(4, min(45, (LINE - used - 12) // 4 * 3))
    while start < len(data):
        end = min(start + room, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        words.append(f"=?utf-8?b?{b2a_base64(data[start:end], newline=False).decode()}?=")
        start, room = end, 45
    return "\r\n ".join(words)


def check_address(address: str) -> None:
    """Raises ValueError where `address` isn't one bare address."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{address[:100]!r} is not an e-mail address.")


@lru_cache(maxsize=256)
def mailbox(name: str, value: str) -> str:
    """The header line of `Name <address>` or `address`; ValueError where there is no address."""
    display, address = parseaddr(one_line(value))
    check_address(address)
    if not display:
        return f"{name}: {address}\r\n"
    if not display.isascii() or "=?" in display:
        shown = encoded_words(display, used=len(name) + 2)
    elif _ATOMS.fullmatch(display):
        shown = display
    else:
        shown = '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
    fold = "\r\n " if len(name) + len(shown) + len(address) + 5 > LINE else " "
    return f"{name}: {shown}{fold}<{address}>\r\n"


def in_brackets(identifier: str) -> str:
    """A Message-ID or List-Id in its angle brackets. Raises ValueError where it can't be one."""
    bare = identifier.strip("<>")
    if not _IDENTIFIER.fullmatch(bare):
        raise ValueError(f"{identifier[:100]!r} can't be an identifier in a header.")
    return f"<{bare}>"


@lru_cache(maxsize=1024)
def list_id(given: str, campaign: str, sender: str) -> str:
    """Value of List-Id (RFC 2919): the given one, else `<campaign.domain of the sender>`."""
    domain = parseaddr(one_line(sender))[1].rpartition("@")[2] or "localhost"
    name = re.sub("[^A-Za-z0-9-]+", "-", campaign).strip("-") or "mail"
    return in_brackets(given or f"{name}.{domain}")


@lru_cache(maxsize=64)
def _date(moment: datetime) -> str:
    return f"Date: {format_datetime(moment)}\r\n"


def head(mail: Mail, headers: Mapping[str, str], finished: str = "") -> bytes:
    """All headers but the subject, and the empty line after them.

    `finished`: header lines that need no more care. Raises ValueError where an address isn't
    one, or `headers` has one of ours.
    """
    check_address(mail.to)
    lines = [mailbox("From", mail.from_email), f"To: {mail.to}\r\n", finished]
    if mail.reply_to:
        lines.append(mailbox("Reply-To", mail.reply_to))
    if mail.date is not None:
        lines.append(_date(mail.date))
    for name, value in headers.items():
        if name.lower() in OURS or name.lower().startswith("content-"):
            raise ValueError(f"The header {name} can't be set.")
        lines.append(header(name, value))
    lines.append(f"MIME-Version: 1.0\r\nContent-Type: {_TYPE}\r\n\r\n")
    return "".join(lines).encode()
