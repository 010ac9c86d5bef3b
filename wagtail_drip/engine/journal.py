"""The send journal: what a killed worker can still tell of the slice it had claimed.

One append-only file a claim, on the worker's host, locked (flock) as long as the worker lives:

    drip 1 <claim> <boot id>
    start <delivery> <step>          before the first byte of this message leaves
    ok <delivery> <provider's id>    after the answer; or `refused`, `again`, `doubt` <text>

It is not synced to the disk, so it outlives SIGKILL and not the host: one written before the last
boot counts as lost, since its end may be missing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

from ..conf import conf

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SUFFIX = ".journal"


class JournalBusy(Exception):
    """Its worker lives, or somebody else is recovering it."""


@dataclass(frozen=True, slots=True)
class Record:
    """`started`: step by delivery. `answers`: (verb, text) by delivery."""

    started: dict[int, int | None] = field(default_factory=dict)
    answers: dict[int, tuple[str, str]] = field(default_factory=dict)


class Journal:
    """The writer's side. Raises OSError where a line can't be written: then nothing may leave."""

    def __init__(self, token: str) -> None:
        self.path = folder() / f"{token}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._file = os.open(self.path, flags, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._line("drip 1", token, _boot_id())

    def start(self, delivery_id: int, step_id: int | None) -> None:
        self._line("start", delivery_id, step_id or 0)

    def answer(self, verb: str, delivery_id: int, text: str = "") -> None:
        self._line(verb, delivery_id, text)

    def close(self) -> None:
        """Let go of it and leave it there, for recovery to read."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def remove(self) -> None:
        """All that it says is in the database."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _line(self, *words: object) -> None:
        line = (" ".join(" ".join(map(str, words)).split()) + "\n").encode()
        if os.write(self._file, line) != len(line):
            raise OSError(f"{self.path}: the journal can't be written")


@contextlib.contextmanager
def left_behind(token: str) -> Iterator[Record | None]:
    """What the journal of a dead worker says; None where there is none to trust.

    Held while the block runs and removed after it, unless the block raises. Raises JournalBusy.
    """
    path = folder() / f"{token}{SUFFIX}"
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalBusy(token) from None
        yield _parse(file.read().decode("utf-8", "replace"))
        path.unlink(missing_ok=True)


def tokens_left_behind() -> list[str]:
    """Claims of all journals on this host whose worker is dead."""
    found = []
    for path in folder().glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.append(path.name.removesuffix(SUFFIX))
    return found


def folder() -> Path:
    """This database's journals; several sites on a host may share conf.JOURNAL_DIR."""
    settings = connection.settings_dict
    names = [connection.vendor, *(str(settings.get(key, "")) for key in ("HOST", "PORT", "NAME"))]
    path = conf.JOURNAL_DIR / hashlib.sha256("\0".join(names).encode()).hexdigest()[:16]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _parse(text: str) -> Record | None:
    """A last line without its end was never acted upon: what it would have said didn't happen."""
    head, *lines = text.split("\n")[:-1] or [""]
    if not head.startswith("drip 1 ") or head.split(" ")[3:] != _boot_id().split():
        return None
    record = Record()
    for line in lines:
        verb, _space, rest = line.partition(" ")
        number, _space, tail = rest.partition(" ")
        if not number.isdigit():
            return None
        if verb == "start":
            record.started[int(number)] = int(tail or 0) or None
        else:
            record.answers[int(number)] = (verb, tail)
    return record


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""
