"""Turn the crank in this process: for cron, for tests, and for sites without a cluster."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from wagtail_drip.engine import ticking
from wagtail_drip.engine.stopping import on_sigterm


class Command(BaseCommand):
    help = "Run one pass of the whole line: enroll, advance, send."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--until-idle", action="store_true", help="repeat until nothing is due")
        parser.add_argument("--json", action="store_true", help="print what was done as JSON")

    def handle(self, *args: Any, until_idle: bool, json: bool, **options: Any) -> None:
        with on_sigterm() as told:
            if until_idle:
                done = ticking.pump(timezone.now, float("inf"), stop=told)
            else:
                done = ticking.tick(timezone.now(), enough=told)
        self.stdout.write(_as_json(done) if json else _as_text(done))


def _as_json(done: ticking.Counts) -> str:
    counts = asdict(done)
    del counts["unfinished"]
    return json.dumps(counts)


def _as_text(done: ticking.Counts) -> str:
    return (
        f"{done.events} new events, {done.advanced} people carried on, {done.sent} messages, "
        f"{done.recovered} recovered"
    )
