"""Write all that is kept of a person."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ...engine.disclosing import disclose
from ...engine.identifying import find


class Command(BaseCommand):
    help = "Write everything that is kept of a person to standard output as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            contact = find(email=email)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if contact is None:
            raise CommandError("Nobody is known by this address.")
        told = disclose(contact, now=timezone.now())
        self.stdout.write(json.dumps(told, indent=2, ensure_ascii=False))
