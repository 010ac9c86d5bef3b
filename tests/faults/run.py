"""All fault cases: `python -m tests.faults.run [--long] [--broker redis] [--json PATH] [-k WORDS]`.

On PostgreSQL, on servers of its own; and on SQLite, one cluster and a site that write to one file.
The short form has small numbers, and the same cases.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults import server

TESTS = [sys.executable, "-m", "pytest", "-q", "tests/faults"]
# One of two halves that take about as long, and run at the same time.
HALF = "test_an_outage or test_brokers or test_guards or test_people or test_poison"
NONE_CHOSEN = 5  # pytest's own code for it


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="the numbers that are promised")
    parser.add_argument("--broker", choices=["database", "redis"], default="database")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the accounts there")
    parser.add_argument("-k", default="test", metavar="WORDS", help="choose cases, as for pytest")
    options = parser.parse_args(words)
    form = {
        "DRIP_FAULTS": "long" if options.long else "short",
        "DRIP_FAULTS_BROKER": options.broker,
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="drip-faults-")))
        running = [
            subprocess.Popen(
                [*TESTS, "-k", f"({chosen}) and ({options.k})"],
                env=os.environ
                | form
                | environment
                | {"DRIP_FAULTS_JSON": str(folder / f"{number}.json")},
            )
            for number, (chosen, environment) in enumerate(parts(stack))
        ]
        codes = {process.wait() for process in running}
        told = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    accounts = [account for part in told for account in part]
    total = {name: sum(one[name] for one in accounts) for name in ("lost", "doubled", "doubt")}
    in_all = "In all: {lost} lost, {doubled} doubled, {doubt} in doubt.".format(**total)
    lines = ["", "=== faults", *(account["line"] for account in accounts), in_all]
    sys.stdout.write("\n".join([*lines, ""]))
    if options.json:
        options.json.write_text(json.dumps({"total": total, "cases": accounts}, indent=1))
    return 0 if 0 in codes and codes <= {0, NONE_CHOSEN} else 1


def parts(stack: ExitStack) -> Iterator[tuple[str, dict[str, str]]]:
    """The cases and the environment of each process of tests; all run at once."""
    yield f"not ({HALF})", server.as_environment(stack.enter_context(server.server()))
    yield HALF, server.as_environment(stack.enter_context(server.server()))
    memory = Path("/dev/shm")  # nobody pulls the plug here, and a disk would be waited for
    quick = TemporaryDirectory(prefix="drip-faults-", dir=memory if memory.is_dir() else None)
    path = Path(stack.enter_context(quick)) / "faults.sqlite3"
    yield "test_sqlite", {"DATABASE_URL": f"sqlite:///{path}"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
