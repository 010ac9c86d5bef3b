"""Real processes around a real database: starting, killing, waiting, and the account at the end."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from tests.faults.sink import Sink
from wagtail_drip import tasks
from wagtail_drip.engine.journal import SUFFIX
from wagtail_drip.models import Delivery, Enrollment, Inbox

PATIENCE_SECONDS = 60  # of waiting for other processes; waiting stops at the first sign
MANAGE = [sys.executable, "manage.py"]


@dataclass(frozen=True, slots=True)
class Account:
    """What a case comes to. `doubt`: uncertain deliveries, taken by the server or not."""

    case: str
    planned: int
    taken: int
    lost: int
    doubled: int
    doubt: int
    kills: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.case}: {self.planned} planned, {self.taken} taken, {self.lost} lost, "
            f"{self.doubled} doubled, {self.doubt} in doubt, {self.kills} kills, "
            f"{self.seconds:.1f} s"
        )

    as_dict = asdict


class Rig:
    """Processes of one case, with one mail server and one folder of journals."""

    def __init__(self, sink: Sink, folder: Path, **changed: Any) -> None:
        self.sink, self.folder = sink, folder
        self.changed = {
            "WAGTAIL_DRIP_JOURNAL_DIR": str(folder / "journals"),
            "WAGTAIL_DRIP_SLICE": 60,
            "WAGTAIL_DRIP_CONNECTIONS": 1,
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": sink.port,
        } | changed
        self.running: list[subprocess.Popen[bytes]] = []
        self.kills = 0
        self.began = time.monotonic()

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """`manage.py <command>` in a session of its own; what it says goes to a file."""
        environ = os.environ | {
            "DATABASE_URL": _database_url(),
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "BASE_URL": settings.BASE_URL,
            "DRIP_FAULTS_SETTINGS": json.dumps(self.changed),
        }
        with (self.folder / "processes.log").open("ab") as log:
            process = subprocess.Popen(
                [*MANAGE, *command],
                env=environ,
                cwd=settings.ROOT,
                start_new_session=True,
                stdout=log,
                stderr=log,
            )
        self.running.append(process)
        return process

    def start_clusters(self, amount: int) -> list[subprocess.Popen[bytes]]:
        return [self.start("qcluster") for _ in range(amount)]

    def call_workers(self, amount: int) -> None:
        """Queue so many pumps, as a tick does where much is due."""
        for _ in range(amount):
            tasks._enqueue()

    def until(self, met: Any, what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait, and nudge now and then, as the visitors of a site do."""
        deadline = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < deadline, f"{what}: not in {seconds} s\n{self.log()}"
            tasks.nudge()
            time.sleep(0.1)

    def until_idle(self, seconds: float = PATIENCE_SECONDS) -> None:
        self.until(lambda: not busy(), "all is sent", seconds)

    def until_taken(self, amount: int) -> None:
        self.until(lambda: len(self.sink.taken) >= amount, f"{amount} messages are taken")

    def kill_a_sender(self, rng: random.Random) -> bool:
        """SIGKILL to a worker that is in the middle of a slice; False where there is none now."""
        senders = [pid for pid in _below(self.running) if _has_journal(pid)]
        if senders:
            os.kill(rng.choice(senders), signal.SIGKILL)
            self.kills += 1
        return bool(senders)

    def stop(self) -> None:
        """SIGTERM to the clusters' main processes, as systemd does with KillMode=mixed."""
        for process in self.running:
            process.terminate()
        for process in self.running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
        for process in self.running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def log(self) -> str:
        path = self.folder / "processes.log"
        return path.read_text(errors="replace")[-6000:] if path.exists() else ""

    def account(self, case: str) -> Account:
        """Every delivery against the server's log, row by row."""
        rows = Delivery.objects.values_list("message_id", "state")
        states = dict(rows)
        taken = Counter(one.message_id for one in self.sink.taken)
        assert taken.keys() <= states.keys(), "the server has mail that nobody planned"
        return Account(
            case,
            planned=len(states),
            taken=len(taken),
            lost=sum(_is_lost(state, message in taken) for message, state in states.items()),
            doubled=sum(times - 1 for times in taken.values()),
            doubt=sum(state == "uncertain" for state in states.values()),
            kills=self.kills,
            seconds=round(time.monotonic() - self.began, 1),
        )


def _is_lost(state: str, taken: bool) -> bool:
    """Said to be sent and is not, or the reverse; or nothing will ever come of it."""
    if state == "sent":
        return not taken
    if state in ("failed", "skipped"):
        return taken
    return state in Delivery.OPEN


@contextmanager
def rig(sink: Sink, folder: Path, **changed: Any) -> Iterator[Rig]:
    with sink:
        one = Rig(sink, folder, **changed)
        try:
            yield one
        finally:
            one.stop()


def busy() -> bool:
    """Whether anything is due, or under way."""
    now = timezone.now()
    deliveries = Delivery.objects.filter(state="waiting", due_at__lte=now)
    return (
        deliveries.exists()
        or Delivery.objects.filter(state="sending").exists()
        or Enrollment.objects.filter(state="active", due_at__lte=now).exists()
        or Inbox.objects.exists()
    )


def _database_url() -> str:
    here = connection.settings_dict
    login = f"{here['USER']}:{here['PASSWORD']}@" if here["USER"] else ""
    port = f":{here['PORT']}" if here["PORT"] else ""
    return f"postgres://{login}{here['HOST']}{port}/{here['NAME']}"


def _below(processes: Sequence[subprocess.Popen[bytes]]) -> list[int]:
    """All processes under these, themselves included."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [process.pid for process in processes if process.poll() is None]
    for pid in found:
        found += children.get(pid, [])
    return found


def _has_journal(pid: int) -> bool:
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(path.readlink()).endswith(SUFFIX):
                    return True
    return False
