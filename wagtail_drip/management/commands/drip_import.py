"""Make or change a campaign and its mails from a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from wagtail.models import Site

from wagtail_drip.engine.files.importing import Change, import_campaign


class Command(BaseCommand):
    help = (
        "Make or change a campaign and its mails from a file that drip_export wrote. "
        "They stay drafts unless --publish is given; what is as the file says stays untouched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="path of the file, or - for standard input")
        parser.add_argument("--dry-run", action="store_true", help="say what would change")
        parser.add_argument("--publish", action="store_true", help="publish mails and campaign")
        parser.add_argument("--site", help="host name of the site; default: the default site")

    def handle(
        self, *args: Any, file: str, dry_run: bool, publish: bool, site: str | None, **options: Any
    ) -> None:
        data = self._read(file)
        try:
            changes = import_campaign(data, site=self._site(site), publish=publish, dry_run=dry_run)
        except ValidationError as error:
            lines = "\n".join(f"  {message}" for message in error.messages)
            raise CommandError(f"{file} was not imported:\n{lines}") from None
        if options["verbosity"]:
            for change in changes:
                self.stdout.write(self._line(change, dry_run))

    def _read(self, file: str) -> Any:
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} can't be read: {error}") from None
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise CommandError(f"{file} is not JSON: {error.msg} at {place}.") from None

    def _site(self, host: str | None) -> Site:
        found = Site.objects.filter(**({"hostname": host} if host else {"is_default_site": True}))
        site = found.select_related("root_page").first()
        if site is None:
            known = ", ".join(Site.objects.values_list("hostname", flat=True)) or "none"
            raise CommandError(f"There is no such site. There are: {known}.")
        return site

    @staticmethod
    def _line(change: Change, dry_run: bool) -> str:
        kind = {"step": "mail"}.get(change.kind, change.kind)
        would = " (dry run)" if dry_run else ""
        also = ", published" if change.published else ""
        return f"{kind} “{change.name}”: {change.what}{also}{would}"
