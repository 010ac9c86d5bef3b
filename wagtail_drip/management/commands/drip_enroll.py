"""Enroll everybody who is in a campaign's audience now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ...engine.enrolling import enroll_audience
from ...engine.stopping import on_sigterm
from ...models import Campaign


class Command(BaseCommand):
    help = "Enroll everybody who is in a campaign's audience now. May be stopped and run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", help="Its short name.")
        parser.add_argument("--dry-run", action="store_true", help="Only say how many would enter.")

    def handle(self, *args: Any, campaign: str, dry_run: bool, **options: Any) -> None:
        found = Campaign.objects.filter(slug=campaign).first()
        if found is None:
            raise CommandError(f"There is no campaign with the short name {campaign!r}.")
        with on_sigterm() as told:
            try:
                entered = enroll_audience(found, now=timezone.now(), enough=told, dry_run=dry_run)
            except ValueError as error:
                raise CommandError(str(error)) from None
        verb = "would enter" if dry_run else "entered"
        self.stdout.write(f"{entered} people {verb} {found}.")
