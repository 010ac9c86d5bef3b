"""Fill the bookshop with Oscar: pages, catalogue, voucher offers, topics, logins, campaigns."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from example_site.store import seeding


class Command(BaseCommand):
    help = "Make what the bookshop starts with, where it is missing. Safe to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--migrate", action="store_true", help="migrate the database first")
        parser.add_argument(
            "--adopt", action="store_true", help="send for BASE_URL, whatever was sent for before"
        )

    def handle(self, *args: Any, migrate: bool, adopt: bool, **options: Any) -> None:
        if migrate and unmigrated():
            call_command("migrate", interactive=False, verbosity=0)
        seeding.seed()
        if adopt:
            seeding.adopt()


def unmigrated() -> bool:
    """Whether there is anything to migrate: without, a restart spares what follows migrating."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
