"""Our side: workers forked from one process that has loaded the site, as django-q2 forks them.

`python -m tests.benchmarks.send PROCESSES`. Each pumps until nothing is due. Prints a line once the
site is loaded, waits for one on standard input, and prints JSON at the end: `seconds` until the
last worker was done, `statements` (without those that begin and end transactions), `peak_mib` (the
largest worker's own peak) and `pss_mib` (the greatest sum for all, shared pages counted once).
"""

from __future__ import annotations

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


def work(result: Path) -> None:
    from django.db import connection
    from django.utils import timezone

    from wagtail_drip.engine import ticking
    from wagtail_drip.tasks import keep_shared

    keep_shared()
    statements = 0

    def counted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(counted):
        ticking.pump(timezone.now, 3600)
    connection.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result.write_text(json.dumps({"statements": statements, "peak_mib": peak}))


def fork(results: list[Path]) -> list[int]:
    children = []
    for result in results:
        if pid := os.fork():
            children.append(pid)
            continue
        code = 1
        try:
            work(result)
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


def main(processes: int) -> None:
    django.setup()
    from django.db import connection

    connection.close()
    say("ready")
    sys.stdin.readline()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results = [Path(folder) / str(number) for number in range(processes)]
        children = fork(results)
        peak, over = [0.0], threading.Event()

        def watch() -> None:
            while not over.wait(0.2):
                peak[0] = max(peak[0], pss_mib([os.getpid(), *children]))

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
    main(int(sys.argv[1]))
