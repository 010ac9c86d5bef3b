"""The state of the line in numbers, for people and for monitoring."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from wagtail_drip.engine.reporting import status

COLUMNS = ("planned", "waiting", "sent", "failed", "uncertain", "skipped")


class Command(BaseCommand):
    help = "Show campaigns, deliveries, people, heartbeat and lateness."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = status(timezone.now())
        self.stdout.write(json.dumps(found) if options["json"] else table(found))


def table(found: dict[str, Any]) -> str:
    rows = [("campaign", "status", *COLUMNS, "people inside")]
    for campaign in found["campaigns"]:
        numbers = [campaign[name] for name in COLUMNS[:-1]]
        numbers += [sum(campaign["skipped"].values()), campaign["enrollments"]["active"]]
        rows.append((campaign["slug"], campaign["status"], *map(str, numbers)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, "", _heartbeat(found), _lateness(found)])


def _heartbeat(found: dict[str, Any]) -> str:
    age = found["heartbeat_age_s"]
    return "The line has never run." if age is None else f"The line last ran {age:.0f} s ago."


def _lateness(found: dict[str, Any]) -> str:
    late = found["lateness_s"]
    if late["p50"] is None:
        return "Nothing was due today."
    return f"Messages go {late['p50']:.1f} s after they are due (95 %: {late['p95']:.1f} s)."
