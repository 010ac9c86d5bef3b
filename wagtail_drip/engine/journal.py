"""The send journal: what a killed worker can still tell of the slice it had claimed.

One append-only file a claim, on the worker's host, locked (flock) as long as the worker lives; it
appears under its name locked and with its first line, so that nobody takes a new one for a dead
worker's:

    drip 1 <claim> <boot id>
    making <amount>                  the claim is committed, and its mails are about to be made
    alone <delivery>                 nothing but this one is in the claim, and it is under suspicion
    waiting 0                        they are made; `making` again once it is their turn
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
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connection

from ..conf import PREFIX, conf

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SUFFIX = ".journal"
NEW = ".new"  # not yet locked or without its first line
LONGEST_TEXT = 1000  # characters of an answer; an exception may quote a whole mail


class JournalBusy(Exception):
    """Its worker lives, or somebody else is recovering it."""


class NoJournal(OSError):
    """It can't be written (a full disk, a folder of another user): then nothing may leave."""

    def __init__(self, path: Path, error: OSError | str) -> None:
        super().__init__(
            f"The send journal {path} can't be written: {error}. WAGTAIL_DRIP_JOURNAL_DIR must be "
            "a folder that every worker may write to."
        )


@dataclass(frozen=True, slots=True)
class Record:
    """`started`: step by delivery. `answers`: (verb, text) by delivery. `alone`: a suspect.

    `making`: its worker came so far that one of the mails may have killed it.
    """

    making: bool = False
    started: dict[int, int | None] = field(default_factory=dict)
    answers: dict[int, tuple[str, str]] = field(default_factory=dict)
    alone: set[int] = field(default_factory=set)


class Journal:
    """The writer's side. Raises NoJournal where a line can't be written."""

    def __init__(self, token: str) -> None:
        self.path = folder() / f"{token}{SUFFIX}"
        new = self.path.with_suffix(NEW)
        if self.path.exists():
            raise FileExistsError(self.path)
        self._file = -1
        try:
            self._file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._line("drip 1", token, _boot_id())
            new.rename(self.path)
        except OSError as error:
            self.close()  # a worker that tries for as long as the disk is full has files to open
            with contextlib.suppress(OSError):
                new.unlink()
            raise error if isinstance(error, NoJournal) else NoJournal(self.path, error) from error

    def making(self, amount: int) -> None:
        self._line("making", amount)

    def alone(self, delivery_id: int) -> None:
        self._line("alone", delivery_id)

    def waiting(self) -> None:
        self._line("waiting", 0)

    def start(self, delivery_id: int, step_id: int | None) -> None:
        self._line("start", delivery_id, step_id or 0)

    def answer(self, verb: str, delivery_id: int, text: str = "") -> None:
        self._line(verb, delivery_id, text[:LONGEST_TEXT])

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
        text = " ".join(" ".join(map(str, words)).split()) + "\n"
        line = text.encode("utf-8", "backslashreplace")
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise NoJournal(self.path, error) from error
        if written != len(line):
            raise NoJournal(self.path, "half a line was written")


@contextlib.contextmanager
def left_behind(token: str) -> Iterator[Record | None]:
    """What the journal of a dead worker says; None where there is none to trust or to read.

    Held while the block runs. One that could be read is removed after it, unless the block raises;
    another may be some other host's that shares the folder, and is left to it. Raises JournalBusy.
    """
    path = folder() / f"{token}{SUFFIX}"
    try:
        file = path.open("rb")
    except (FileNotFoundError, PermissionError):
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalBusy(token) from None
        record = _parse(file.read().decode("utf-8", "replace"))
        yield record
        if record is not None:
            path.unlink(missing_ok=True)


def tokens_left_behind() -> list[str]:
    """Claims of all journals on this host whose worker is dead."""
    found = []
    for path in folder().glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.append(path.name.removesuffix(SUFFIX))
    return found


def sweep(needed: Callable[[str], bool]) -> None:
    """Remove what dead workers left and nobody will ask for. `needed`: whether a claim's is.

    None that was written to lately: the commit of a worker that was killed a moment ago may still
    be on its way, and its claim show up after all.
    """
    latest = time.time() - 2 * conf.LEASE_SECONDS
    for path in [*folder().glob(f"*{SUFFIX}"), *folder().glob(f"*{NEW}")]:
        with contextlib.suppress(OSError):
            # Not even locked, or the worker that is making it could not lock it.
            if path.stat().st_mtime >= latest:
                continue
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Asked for last: its worker may have died since anything else was asked, and a
                # clock that is wrong makes each journal an old one.
                if not needed(path.stem):
                    path.unlink()


def folder() -> Path:
    """This database's journals; several sites on a host may share conf.JOURNAL_DIR.

    Raises NoJournal. Anybody may have made a folder of the default's name among the temporary
    files, and whoever owns it could take journals away or forge them.
    """
    here = connection.settings_dict
    names = [connection.vendor, *(str(here.get(key, "")) for key in ("HOST", "PORT", "NAME"))]
    path = conf.JOURNAL_DIR / hashlib.sha256("\0".join(names).encode()).hexdigest()[:16]
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        foreign = is_default() and _foreign(conf.JOURNAL_DIR, path)
    except OSError as error:
        raise NoJournal(path, error) from error
    if foreign:
        raise NoJournal(path, "the folder belongs to another user")
    return path


def is_default() -> bool:
    """Whether the journals lie among the temporary files, for want of a setting."""
    return not getattr(settings, f"{PREFIX}JOURNAL_DIR", None)


def _foreign(*paths: Path) -> bool:
    return any(path.lstat().st_uid != os.geteuid() for path in paths)


def _parse(text: str) -> Record | None:
    """A last line without its end was never acted upon: what it would have said didn't happen."""
    head, *lines = text.split("\n")[:-1] or [""]
    if not head.startswith("drip 1 ") or head.split(" ")[3:] != _boot_id().split():
        return None
    stages = [line for line in lines if line.startswith(("making ", "alone ", "waiting "))]
    record = Record(making=bool(stages) and not stages[-1].startswith("waiting "))
    for line in lines:
        verb, _space, rest = line.partition(" ")
        number, _space, tail = rest.partition(" ")
        if not number.isdigit():
            return None
        if verb == "start":
            record.started[int(number)] = int(tail or 0) or None
        elif verb in ("making", "waiting"):
            continue
        elif verb == "alone":
            record.alone.add(int(number))
        else:
            record.answers[int(number)] = (verb, tail)
    return record


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""
