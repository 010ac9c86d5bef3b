"""Import people from a CSV file, after a dry run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ...engine import importing, reading, uploading
from ...models import ContactImport, Topic
from ...models.imports import refused_rows
from ...models.tags import tags_named

SHOWN = 20  # refused rows


class Command(BaseCommand):
    help = "Import people from a CSV file. Says first what would become of its rows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="import nothing")
        parser.add_argument(
            "--column", action="append", default=[], metavar="NAME=MEANING",
            help="what a column means, where its name doesn't say: "
            f"{', '.join(reading.MEANINGS)}, attribute:KEY, or nothing",
        )  # fmt: skip
        parser.add_argument(
            "--existing", choices=ContactImport.Existing.values, default="fill",
            help="what to do with people who are known already",
        )  # fmt: skip
        parser.add_argument("--tag", action="append", default=[], metavar="NAME")
        parser.add_argument(
            "--topic", action="append", default=[], metavar="SLUG",
            help="a mailing topic that they all agreed to; takes --source and --agreed-at",
        )  # fmt: skip
        parser.add_argument("--source", default="", help="how they agreed; kept as proof")
        parser.add_argument("--agreed-at", metavar="ISO", help="when they agreed")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            job = self._job(options)
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from None
        self._run(job, ContactImport.State.CHECKING)
        self._tell(job)
        if options["dry_run"]:
            job.delete()
            return
        self._run(job, ContactImport.State.IMPORTING)
        if job.state != ContactImport.State.DONE:
            raise CommandError("The import stopped by an error; the log says more.")
        self.stdout.write("Imported.")

    def _job(self, options: dict[str, Any]) -> ContactImport:
        topics, agreed_at = self._topics(options), _moment(options["agreed_at"])
        tags = list(tags_named(options["tag"]).values())
        with Path(options["file"]).open("rb") as file:
            job = uploading.upload(file, name=Path(options["file"]).name, now=timezone.now())
        job.existing, job.source = options["existing"], options["source"][:200]
        job.agreed_at = agreed_at
        try:
            job.mapping = _mapping(job, options["column"])
        except ValueError:
            job.delete()
            raise
        job.save()
        job.topics.set(topics)
        job.tags.set(tags)
        return job

    def _topics(self, options: dict[str, Any]) -> list[Topic]:
        slugs = options["topic"]
        if slugs and not (options["source"] and options["agreed_at"]):
            raise ValueError("--topic takes --source and --agreed-at: how and when they agreed.")
        found = list(Topic.objects.filter(slug__in=slugs))
        if missing := set(slugs) - {topic.slug for topic in found}:
            raise ValueError(f"There is no mailing topic {', '.join(sorted(missing))}.")
        return found

    def _run(self, job: ContactImport, state: str) -> None:
        importing.begin(job, state)
        while job.state != ContactImport.State.STOPPED:
            importing.import_due(timezone.now())
            job.refresh_from_db()
            if job.state not in ContactImport.RUNNING:
                return

    def _tell(self, job: ContactImport) -> None:
        counts = {name: job.counts.get(name, 0) for name in ("new", "known", "refused")}
        words = ", ".join(f"{number} {name}" for name, number in counts.items())
        self.stdout.write(f"{job.rows} rows ({job.encoding}): {words}")
        for number, (row, _cells, why) in enumerate(refused_rows(job)):
            if number == SHOWN:
                self.stdout.write(f"… and {counts['refused'] - SHOWN} more")
                return
            self.stdout.write(f"row {row}: {why}")


def _mapping(job: ContactImport, columns: list[str]) -> dict[str, str]:
    known = reading.meanings()
    mapping = reading.guess(job.header, known)
    for column in columns:
        name, _equals, meaning = column.rpartition("=")
        if name not in job.header or (meaning and meaning not in known):
            raise ValueError(f"--column {column}: no such column, or no such meaning.")
        number = str(job.header.index(name))
        mapping.pop(number, None)
        if meaning:
            mapping = {n: m for n, m in mapping.items() if m != meaning} | {number: meaning}
    if reading.EMAIL not in mapping.values():
        raise ValueError("No column holds the e-mail address: say which by --column NAME=email.")
    return mapping


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    moment = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    if moment > timezone.now():
        raise ValueError("--agreed-at lies ahead.")
    return moment
