"""Our side: workers forked from one process that has loaded the site, as django-q2 forks them.

The first one pumps for the minute's tick, the others help it.

`python -m tests.benchmarks.send PROCESSES [SECONDS]`. Each pumps until nothing is due or the time
is over. Prints a line once the site is loaded, waits for one on standard input, and prints JSON at
the end: `seconds` until the last worker was done, `decided` (seconds until nobody was left whose
first mail was not laid down; a look each fifth of one), `statements` (without those that begin and
end transactions), `peak_mib` (the largest worker's own peak) and `pss_mib` (the greatest sum for
all, shared pages counted once).
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import django
import psycopg


def work(result: Path, seconds: float, *, helps: bool) -> None:
    from django.db import connection
    from django.db.backends.signals import connection_created
    from django.utils import timezone

    from wagtail_drip.engine import ticking
    from wagtail_drip.tasks import keep_shared

    keep_shared()
    statements = 0

    def counted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(sql, params, many, context)

    def watch(connection: Any, **kwargs: Any) -> None:
        """Each thread has a connection of its own."""
        if counted not in connection.execute_wrappers:
            connection.execute_wrappers.append(counted)

    connection_created.connect(watch)
    ticking.pump(timezone.now, seconds, helps=helps)
    connection.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result.write_text(json.dumps({"statements": statements, "peak_mib": peak}))


def fork(results: list[Path], seconds: float) -> list[int]:
    children = []
    for result in results:
        if pid := os.fork():
            children.append(pid)
            continue
        code = 1
        try:
            work(result, seconds, helps=bool(children))
            code = 0
        finally:
            os._exit(code)
    return children


def pss_mib(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


class Decided:
    """Tells whether everybody's first mail is laid down; asked by the parent, and not counted."""

    def __init__(self) -> None:
        from tests.benchmarks.services import url_of

        name = os.environ["DATABASE_URL"].rpartition("/")[2]
        url = url_of(name).replace("postgres:", "postgresql:")
        self.connection = psycopg.connect(url, autocommit=True)

    def __call__(self) -> bool:
        # Only those at the first mail: who has got it is due again, for the wait after it.
        left = """SELECT 1 FROM wagtail_drip_enrollment
            WHERE state = 'active' AND due_at <= now() AND node = 'n1' LIMIT 1"""
        return self.connection.execute(left).fetchone() is None


def main(processes: int, budget: float = 3600.0) -> None:
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    # As `qcluster` does before it forks: it loads what a site is made of.
    call_command("check", stdout=io.StringIO())

    connection.close()
    say("ready")
    sys.stdin.readline()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results = [Path(folder) / str(number) for number in range(processes)]
        children = fork(results, budget)
        peak, decided, over = [0.0], [0.0], threading.Event()
        all_decided = Decided()

        def watch() -> None:
            while not over.wait(0.2):
                peak[0] = max(peak[0], pss_mib([os.getpid(), *children]))
                if not decided[0] and all_decided():
                    decided[0] = time.monotonic() - began

        threading.Thread(target=watch, daemon=True).start()
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        seconds = time.monotonic() - began
        over.set()
        told = [json.loads(result.read_text()) for result in results]
    say(
        json.dumps(
            {
                "began": began,
                "seconds": seconds,
                "decided": decided[0] or seconds,
                "statements": sum(one["statements"] for one in told),
                "peak_mib": max(one["peak_mib"] for one in told),
                "pss_mib": peak[0],
            }
        )
    )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
