"""How long a file of 100,000 people takes, and how much memory: `make bench-import`.

Uploads one into the database that DATABASE_URL names (…bench…), checks and imports it, and
then once more, when all of them are known. Each part is a process of its own, whose peak is told;
ROWS sets how many. Ends with 1 where a part took more memory than it may.
"""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import django

ROWS = int(os.environ.get("ROWS", "100_000"))
MOST_MIB = 400  # of a worker, with Django and Wagtail loaded
PARTS = ("upload", "check", "import", "upload", "check", "import")
HEADER = ["email", "first_name", "last_name", "language", "tags", "city"]


def write(path: Path) -> None:
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(HEADER)
        for n in range(ROWS):
            tags = "fair;new" if n % 2 else ""
            lines.writerow([f"p{n}@example.com", f"Name {n % 1000}", "Bloom", "en", tags, "Kiel"])


def part(name: str, path: Path) -> None:
    """One part, in this process; tells seconds and MiB."""
    django.setup()
    from django.utils import timezone

    from wagtail_drip.engine import importing, uploading
    from wagtail_drip.models import Attribute, ContactImport, Topic

    now, begun = timezone.now(), time.perf_counter()
    if name == "upload":
        Attribute.objects.get_or_create(key="city", defaults={"label": "City"})
        with path.open("rb") as file:
            job = uploading.upload(file, name=path.name, now=now)
        columns = [*HEADER[:-1], "attribute:city"]
        job.mapping = {str(number): column for number, column in enumerate(columns)}
        job.source, job.agreed_at, job.existing = "the fair", now, "overwrite"
        job.save()
        job.topics.add(Topic.objects.get())
    else:
        job = ContactImport.objects.latest("pk")
        assert importing.begin(job, "checking" if name == "check" else "importing")
        while importing.import_due(now):
            pass
        job.refresh_from_db()
        assert job.state == ("checked" if name == "check" else "done"), job.state
        assert sum(job.counts.get(of, 0) for of in ("new", "known")) == ROWS, job.counts
    took = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{name:7} {took:7.1f} s {ROWS / took:8.0f} rows a second {peak:5.0f} MiB\n")
    sys.exit(peak > MOST_MIB)


def main() -> int:
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests import factories as make
    from wagtail_drip.models import Contact, ContactImport, Topic

    name = connection.settings_dict["NAME"]
    if "bench" not in name:
        sys.exit(f"“{name}” is not filled with rows: name a database …bench….")
    call_command("migrate", verbosity=0)
    ContactImport.objects.all().delete()
    Contact.objects.filter(email__endswith="@example.com").delete()
    if not Topic.objects.exists():
        make.topic()
    connection.close()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        write(path)
        sys.stdout.write(f"{ROWS} rows, {path.stat().st_size / 1e6:.1f} MB, {connection.vendor}\n")
        sys.stdout.flush()
        command = [sys.executable, "-m", "tests.benchmarks.importing"]
        return max(subprocess.call([*command, one, str(path)]) for one in PARTS)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        part(sys.argv[1], Path(sys.argv[2]))
    sys.exit(main())
