"""Say of deliveries that nobody knows of whether they arrived."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ...engine import resolving
from ...models import Delivery


class Command(BaseCommand):
    help = "Settle uncertain deliveries: they were sent, or they must be sent again."

    def add_arguments(self, parser: CommandParser) -> None:
        word = parser.add_mutually_exclusive_group(required=True)
        word.add_argument("--sent", action="store_true", help="They arrived.")
        word.add_argument("--resend", action="store_true", help="They did not: send them again.")
        parser.add_argument(
            "deliveries", nargs="+", type=int, metavar="DELIVERY", help="Its number."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        ids = set(options["deliveries"])
        known = set(Delivery.objects.filter(pk__in=ids).values_list("pk", flat=True))
        if unknown := ids - known:
            raise CommandError(f"No such delivery: {', '.join(map(str, sorted(unknown)))}")
        if options["sent"]:
            changed, what = resolving.mark_sent(ids), "marked as sent"
        else:
            changed, what = resolving.send_again(ids, timezone.now()), "to be sent again"
        self.stdout.write(f"{changed} of {len(ids)} {what}; the others are not uncertain.")
