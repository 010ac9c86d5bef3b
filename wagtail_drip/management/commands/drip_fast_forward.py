"""Let time pass at once, for demos and tests."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from wagtail_drip.conf import conf
from wagtail_drip.engine.time_travel import fast_forward

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Command(BaseCommand):
    help = "Move every recorded moment earlier, so that what waits is due that much sooner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("time", help="how much: 90m, 12h, 3d or 1w")

    def handle(self, *args: Any, time: str, **options: Any) -> None:
        if not conf.TIME_TRAVEL:
            raise CommandError(
                "Refused: this rewrites every date of every campaign, which is for demos and "
                "tests. Set WAGTAIL_DRIP_TIME_TRAVEL = True to allow it."
            )
        fast_forward(parsed(time))
        self.stdout.write(f"{time} have passed.")


def parsed(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([mhdw])", text.strip())
    if not match or not int(match[1]):
        raise CommandError(f"{text!r} is no length of time; write 90m, 12h, 3d or 1w.")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
