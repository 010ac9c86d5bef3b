"""The command: runs the cases, prints a table, writes JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from tests.benchmarks.cases import CASES, Bench, Figure, clear_away
from tests.benchmarks.services import SERVER, server

COLUMNS = (
    ("contestant", "{0.contestant}"),
    ("n", "{0.amount}"),
    ("seconds", "{0.seconds:.2f}"),
    ("a second", "{0.rate:.0f}"),
    ("ratio", "{0.ratio:.2f}"),
    ("statements", "{0.statements:.4f}"),
    ("PSS MiB", "{0.pss_mib:.0f}"),
    ("peak MiB", "{0.peak_mib:.0f}"),
    ("connections", "{0.connections:.0f}"),
    ("first s", "{0.first:.2f}"),
    ("decided s", "{0.decided:.1f}"),
    ("p95 s", "{0.p95:.2f}"),
    ("most a minute", "{0.most_a_minute:d}"),
    ("lost", "{0.lost}"),
    ("doubled", "{0.doubled}"),
)


def table(figures: list[Figure]) -> str:
    """Columns that say nothing in this case are left out."""
    columns = [[name, *(cell(how, figure) for figure in figures)] for name, how in COLUMNS]
    columns = [column for column in columns if any(column[1:])]
    rows = list(zip(*columns, strict=True))
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def cell(how: str, figure: Figure) -> str:
    try:
        return how.format(figure)
    except (TypeError, ValueError):  # a figure that this case doesn't have
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all")
    parser.add_argument(
        "--n", type=int, default=10_000, help="mails on the quick relay; others go by it (10000)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of which the median counts (3)")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"there is no case {', '.join(unknown)}")
    if not SERVER.startswith("postgres"):
        parser.error("POSTGRES_URL names no PostgreSQL server")
    figures: list[Figure] = []
    with server("sink") as sink:
        bench = Bench(sink)
        clear_away(bench)
        try:
            for name in options.cases or CASES:
                found = list(CASES[name](bench, options.n, options.repeats))
                figures += found
                sys.stdout.write(f"\n{found[0].case}\n{table(found)}\n")
                sys.stdout.flush()
        finally:
            clear_away(bench)
            if options.json:
                load = os.getloadavg()
                told = {"load": load, "figures": [figure.as_dict() for figure in figures]}
                options.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
