"""Record events from the shell: one, or a stream of JSON lines."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from wagtail_drip.engine.recording import record

FIELDS = {"name", "email", "data", "key", "at"}
COMMIT_EVERY = 200


class Command(BaseCommand):
    help = "Record that something happened to somebody."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="event, e.g. user_signed_up")
        parser.add_argument("email", nargs="?")
        parser.add_argument("--data", help="JSON object")
        parser.add_argument("--key", default="", help="the same name and key is recorded once")
        parser.add_argument("--at", help="when, as ISO 8601 with a time zone")
        parser.add_argument(
            "--stdin",
            action="store_true",
            help='read JSON lines {"name", "email", "data", "key", "at"} instead',
        )

    def handle(self, *args: Any, **options: Any) -> None:
        given = options["name"] is not None
        if options["stdin"] == given or given != (options["email"] is not None):
            raise CommandError("Give NAME and EMAIL, or --stdin.")
        if options["stdin"]:
            self._stream(sys.stdin)
        else:
            self._one(options)

    def _one(self, options: Mapping[str, Any]) -> None:
        try:
            data = json.loads(options["data"]) if options["data"] else None
            recorded = write({name: options[name] for name in FIELDS} | {"data": data})
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write("Recorded." if recorded else "Known already.")

    def _stream(self, lines: Iterable[str]) -> None:
        """Good lines are recorded whatever the others are; bad ones are named by number."""
        tally = Counter[str]()
        numbered = enumerate(lines, 1)
        while batch := list(islice(numbered, COMMIT_EVERY)):
            with transaction.atomic():
                for number, line in batch:
                    if line.strip():
                        tally[self._line(number, line)] += 1
        said = "{recorded} recorded, {known} known already, {bad} bad."
        self.stdout.write(said.format_map(tally))
        if tally["bad"]:
            sys.exit(1)

    def _line(self, number: int, line: str) -> str:
        try:
            return "recorded" if write(json.loads(line)) else "known"
        except ValueError as error:
            self.stderr.write(f"line {number}: {error}")
            return "bad"


def write(fields: Any) -> bool:
    """Record one event given as JSON. False: it was known. Raises ValueError."""
    if not isinstance(fields, dict) or not fields.keys() <= FIELDS:
        raise ValueError(f"not an object with some of {', '.join(sorted(FIELDS))}")
    event = record(
        fields.get("name") or "",
        email=fields.get("email") or "",
        data=fields.get("data"),
        key=fields.get("key") or "",
        at=moment(fields.get("at")),
        now=timezone.now(),
    )
    return event is not None


def moment(text: Any) -> datetime | None:
    if not text:
        return None
    found = parse_datetime(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is not a moment in ISO 8601")
    return found
