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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from tests.faults.sink import Sink
from wagtail_drip import tasks
from wagtail_drip.engine import reporting
from wagtail_drip.engine.journal import SUFFIX
from wagtail_drip.models import Delivery

SEED = 20260302
LONG = os.environ.get("DRIP_FAULTS") == "long"
PATIENCE_SECONDS = 600  # of waiting for other processes; it stops at the first sign
LEASE_SECONDS = 30
MANAGE = [sys.executable, "manage.py"]
T = TypeVar("T")


def pick(short: T, long: T) -> T:
    """The number for the form of the suite that runs: few in the short one."""
    return long if LONG else short


@dataclass(frozen=True, slots=True)
class Account:
    """What a case comes to. `doubt`: uncertain deliveries, taken by the server or not.

    `recovered`: the longest time, in seconds, from a kill until nothing was claimed by the dead.
    """

    case: str
    planned: int
    taken: int
    lost: int
    doubled: int
    doubt: int
    kills: int = 0
    seconds: float = 0.0
    recovered: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.case}: {self.planned} planned, {self.taken} taken, {self.lost} lost, "
            f"{self.doubled} doubled, {self.doubt} in doubt, {self.kills} kills, "
            f"{self.seconds:.1f} s"
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"line": str(self)}


class Rig:
    """Processes of one case, with one mail server and one folder of journals."""

    def __init__(self, sink: Sink, folder: Path, **changed: Any) -> None:
        self.sink, self.folder = sink, folder
        self.changed = {
            "WAGTAIL_DRIP_JOURNAL_DIR": str(folder / "journals"),
            "WAGTAIL_DRIP_SLICE": 60,
            "WAGTAIL_DRIP_CONNECTIONS": 3,
            "WAGTAIL_DRIP_LEASE_SECONDS": LEASE_SECONDS,
            "EMAIL_TIMEOUT": 20,
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": sink.port,
        } | changed
        self.running: list[subprocess.Popen[bytes]] = []
        self.kills = 0
        self.began = time.monotonic()
        self.claims_of_dead: dict[str, float] = {}  # when their worker was killed
        self.recovered = 0.0

    @property
    def may_be_in_doubt(self) -> int:
        """Messages: one for each connection that a killed worker may have had."""
        return self.kills * int(self.changed["WAGTAIL_DRIP_CONNECTIONS"])

    # Processes

    def start(self, *command: str, **changed: Any) -> subprocess.Popen[bytes]:
        """`manage.py <command>` in a session of its own; what it says goes to a file."""
        environ = os.environ | {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "BASE_URL": settings.BASE_URL,
            "DRIP_FAULTS_SETTINGS": json.dumps(self.changed | changed),
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

    def start_clusters(self, amount: int, **changed: Any) -> list[subprocess.Popen[bytes]]:
        return [self.start("qcluster", **changed) for _ in range(amount)]

    def until_up(self) -> None:
        """Wait until each cluster has its workers; one that dies before is its supervisor's."""
        self.until(lambda: all(len(_below([one])) > 3 for one in self.running), "clusters are up")

    def call_workers(self, amount: int) -> None:
        """Queue so many pumps, as a tick does where much is due."""
        for _ in range(amount):
            tasks._enqueue()

    def kill_a_sender(self, rng: random.Random) -> bool:
        """SIGKILL to a worker that is in the middle of a slice; False where there is none now."""
        senders = {pid: claim for pid in _below(self.running) if (claim := _claim_of(pid))}
        if senders:
            pid = rng.choice(sorted(senders))
            self._kill(pid, os.kill)
            self.claims_of_dead[senders[pid]] = time.monotonic()
            self.kills += 1
        return bool(senders)

    def kill_cluster(self, cluster: subprocess.Popen[bytes]) -> None:
        """SIGKILL to all of its processes at once."""
        claims = self.claims_of(cluster)
        self._kill(cluster.pid, os.killpg)
        cluster.wait(10)
        self.claims_of_dead |= dict.fromkeys(claims, time.monotonic())
        self.kills += len(claims)

    def claims_of(self, cluster: subprocess.Popen[bytes]) -> list[str]:
        """What its workers have in hand now."""
        return [claim for pid in _below([cluster]) if (claim := _claim_of(pid))]

    def _kill(self, pid: int, how: Callable[[int, int], None]) -> None:
        with suppress(ProcessLookupError):
            how(pid, signal.SIGKILL)

    def all_run(self) -> bool:
        return all(process.poll() is None for process in self.running)

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
        """All that the processes have said."""
        path = self.folder / "processes.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # Waiting

    def until(self, met: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait, and nudge now and then, as the visitors of a site do."""
        deadline = time.monotonic() + seconds
        while not surviving(met):
            assert time.monotonic() < deadline, f"{what}: not in {seconds} s\n{self.log()[-6000:]}"
            surviving(self._watch_the_dead)
            tasks.nudge()
            time.sleep(0.1)

    def go_on_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end, "time passes", seconds + PATIENCE_SECONDS)

    def until_idle(self, seconds: float = PATIENCE_SECONDS) -> None:
        self.until(lambda: not busy(), "all is sent", seconds)
        self._watch_the_dead()

    def until_taken(self, amount: int) -> None:
        self.until(lambda: len(self.sink.taken) >= amount, f"{amount} messages are taken")

    def until_settled(self) -> None:
        """As `until_idle`, and nothing is put off: what is waits for no other moment than now.

        On a busy machine an answer may come too late, and a whole slice rest.
        """
        self.until_idle()
        while Delivery.objects.filter(state__in=Delivery.OPEN).exists():
            Delivery.objects.filter(state="waiting").update(due_at=timezone.now())
            self.until_idle()

    def _watch_the_dead(self) -> None:
        if not self.claims_of_dead:
            return
        sending = Delivery.objects.filter(state="sending", claim__in=list(self.claims_of_dead))
        held = set(sending.values_list("claim", flat=True))
        for claim in self.claims_of_dead.keys() - held:
            self.recovered = max(self.recovered, time.monotonic() - self.claims_of_dead.pop(claim))

    # The account

    def account(self, case: str) -> Account:
        """Every delivery against the server's log, row by row."""
        states = dict(Delivery.objects.values_list("message_id", "state"))
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
            recovered=round(self.recovered, 1),
        )


def assert_exact(account: Account, doubt: int = 0) -> None:
    """Nothing lost, nothing doubled, at most so many in doubt; the dead held nothing for long."""
    assert (account.lost, account.doubled) == (0, 0), account
    assert account.doubt <= doubt, account
    assert account.recovered <= 2 * LEASE_SECONDS, account


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


def surviving(ask: Callable[[], T]) -> T:
    """The answer, asked again where the database cut us off in between."""
    for _ in range(100):
        try:
            return ask()
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(0.1)
    return ask()


def busy() -> bool:
    return reporting.busy(timezone.now())


def database_url() -> str:
    here = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{here['NAME']}"
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


def _claim_of(pid: int) -> str:
    """The claim whose journal this process holds open; "" for none."""
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if (name := path.readlink().name).endswith(SUFFIX):
                    return name.removesuffix(SUFFIX)
    return ""
