"""Forget a person."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ...engine import erasing
from ...engine.identifying import find


class Command(BaseCommand):
    help = "Erase a person: nothing is left that names them; what was counted stays counted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            contact = find(email=email)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if contact is None or not erasing.erase(contact, now=timezone.now()):
            raise CommandError("Nobody is known by this address.")
        self.stdout.write(f"Contact {contact.pk} is erased.")
