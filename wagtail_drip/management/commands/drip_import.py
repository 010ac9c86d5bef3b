"""Make or change campaigns and their mails from files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from wagtail.models import Site

from wagtail_drip.engine.files.importing import Change, import_campaigns
from wagtail_drip.engine.files.reading import Unreadable, from_text


class Command(BaseCommand):
    help = (
        "Make or change campaigns and their mails from files that drip_export wrote. "
        "They stay drafts unless --publish is given; what is as the file says stays untouched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", nargs="+",
            help="path of a file, JSON or .yaml, or - for standard input; several may name one "
            "another",
        )  # fmt: skip
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, line by line"
        )
        parser.add_argument("--publish", action="store_true", help="publish mails and campaign")
        parser.add_argument("--site", help="host name of the site; default: the default site")

    def handle(
        self,
        *args: Any,
        file: list[str],
        dry_run: bool,
        publish: bool,
        site: str | None,
        **options: Any,
    ) -> None:
        # The name of the only one need not stand before each message.
        files = {name if len(file) > 1 else "": self._read(name) for name in file}
        try:
            changes = import_campaigns(
                files, site=self._site(site), publish=publish, dry_run=dry_run
            )
        except ValidationError as error:
            lines = "\n".join(f"  {message}" for message in error.messages)
            names = ", ".join(file)
            raise CommandError(f"{names} was not imported:\n{lines}") from None
        if options["verbosity"]:
            for change in changes:
                self.stdout.write(self._line(change, dry_run))
                for line in change.diff() if dry_run else []:
                    self.stdout.write(f"    {line}")

    def _read(self, file: str) -> Any:
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} can't be read: {error}") from None
        try:
            return from_text(text, file)
        except Unreadable as error:
            raise CommandError(f"{file} {error}") from None

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
