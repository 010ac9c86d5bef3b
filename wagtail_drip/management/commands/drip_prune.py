"""Take away what is older than the site wants to keep: for cron, once a day."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ...engine.pruning import prune


class Command(BaseCommand):
    help = "Prune what WAGTAIL_DRIP_RETENTION gives days for; the numbers of drip_status stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = prune(timezone.now(), dry_run=options["dry_run"])
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(done))
            return
        verb = "would go" if options["dry_run"] else "are gone"
        for kind, number in done.items():
            self.stdout.write(f"{kind}: {number} {verb}")
