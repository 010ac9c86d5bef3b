"""Write a campaign with its mails to standard output, as JSON or YAML."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from wagtail_drip.engine.files.exporting import as_text, export_campaign
from wagtail_drip.engine.files.reading import Unreadable, as_yaml
from wagtail_drip.models import Campaign


class Command(BaseCommand):
    help = "Write a campaign with its mails, unpublished changes included, as reviewable JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", help="short name (slug) of the campaign")
        parser.add_argument("--yaml", action="store_true", help="write YAML (extra: yaml)")

    def handle(self, *args: Any, campaign: str, yaml: bool, **options: Any) -> None:
        found = Campaign.objects.filter(slug=campaign).first()
        if found is None:
            known = ", ".join(Campaign.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no campaign “{campaign}”. There are: {known}.")
        data = export_campaign(found)
        try:
            self.stdout.write(as_yaml(data) if yaml else as_text(data), ending="")
        except Unreadable as error:
            raise CommandError(f"The file {error}") from None
