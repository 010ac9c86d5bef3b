"""Imports of contacts: the file as rows in the database, and what became of each.

The rows are kept here and not in a file: whichever host works on them finds them, nobody can
download them from a media folder, and they go when the person they name is erased.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .addresses import normalize
from .consent import Topic
from .contacts import Contact
from .tags import Tag

CHUNK = 500  # rows that are worked on at once


class ContactImport(models.Model):
    """One file, from its upload to its end."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("columns to be named")  # its rows are here
        CHECKING = "checking", _("being checked")  # the dry run goes on
        CHECKED = "checked", _("checked")  # waits for a person's yes
        IMPORTING = "importing", _("being imported")
        STOPPED = "stopped", _("stopped by an error")  # of ours; a person may let it go on
        DONE = "done", _("imported")

    RUNNING = (State.CHECKING, State.IMPORTING)

    class Existing(models.TextChoices):
        FILL = "fill", _("fill in what is empty")
        OVERWRITE = "overwrite", _("overwrite what the file has")
        SKIP = "skip", _("leave them as they are")

    file_name = models.CharField(_("file"), max_length=200)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.UPLOADED
    )
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    finished_at = models.DateTimeField(_("finished"), null=True)

    # What the file is
    encoding = models.CharField(_("encoding"), max_length=20)
    delimiter = models.CharField(_("delimiter"), max_length=1)
    header = models.JSONField(default=list)
    rows = models.PositiveIntegerField(_("rows"), default=0)

    # What is to be done with it
    mapping = models.JSONField(default=dict)  # {"0": "email", "3": "attribute:city", …}
    existing = models.CharField(
        _("people who are known already"),
        max_length=10,
        choices=Existing.choices,
        default=Existing.FILL,
    )
    topics = models.ManyToManyField(Topic, verbose_name=_("mailing topics"), blank=True)
    tags = models.ManyToManyField(Tag, verbose_name=_("tags"), blank=True)
    source = models.CharField(_("how they agreed"), max_length=200, blank=True)
    wording = models.TextField(_("what they agreed to"), blank=True, max_length=1000)
    agreed_at = models.DateTimeField(_("when they agreed"), null=True)

    # How far it is
    position = models.PositiveIntegerField(default=0)  # chunks done in this state
    counts = models.JSONField(default=dict)  # what became of the rows: {"new": 3, "refused": 1}

    class Meta:
        verbose_name = _("import of contacts")
        verbose_name_plural = _("imports of contacts")
        indexes = [models.Index(fields=["state", "id"], name="drip_import_state")]

    def __str__(self) -> str:
        return self.file_name


class ImportChunk(models.Model):
    """Some rows of the file, in their order. Once imported it keeps the refused ones alone."""

    job = models.ForeignKey(ContactImport, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    rows = models.TextField()  # JSON: [[row number, [cell, …]], …]
    # JSON: {row number: why it is refused}, as the last run found.
    refused = models.TextField(default="{}")
    # JSON: {start of an address's digest: row number}, so that a second one is found.
    addresses = models.TextField(default="{}")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="drip_importchunk_once")
        ]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.number}"


class ImportedContact(models.Model):
    """Whom an import made or changed."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="imports")
    job = models.ForeignKey(ContactImport, on_delete=models.CASCADE, related_name="people")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("imported contact")
        verbose_name_plural = _("imported contacts")
        constraints = [
            models.UniqueConstraint(fields=["contact", "job"], name="drip_imported_once")
        ]

    def __str__(self) -> str:
        return str(self.job)


def refused_rows(job: ContactImport) -> Iterator[tuple[int, list[str], str]]:
    """(row number, its cells, why) of all that was refused, a chunk at a time."""
    for number in range((job.rows + CHUNK - 1) // CHUNK):
        chunk = job.chunks.filter(number=number).first()
        if chunk is None:
            continue
        refused = json.loads(chunk.refused)
        for row, cells in json.loads(chunk.rows):
            if str(row) in refused:
                yield row, cells, refused[str(row)]


def forget_rows(addresses: Collection[str]) -> int:
    """Take all rows that name one of these normalized addresses out of what was uploaded."""
    gone = 0
    for address in addresses:
        for chunk in _may_name(address).iterator(chunk_size=20):
            gone += _forget(chunk, address)
    return gone


def rows_of(addresses: Collection[str]) -> Iterator[tuple[ContactImport, int, list[str]]]:
    """(file, row number, its cells) of all rows that are kept and name one of the addresses.

    One query for each address.
    """
    for address in addresses:
        chunks = _may_name(address).select_related("job").order_by("job", "number")
        for chunk in chunks.iterator(chunk_size=20):
            for number, cells in json.loads(chunk.rows):
                if any(_names(cell, address) for cell in cells):
                    yield chunk.job, number, cells


def _may_name(address: str) -> QuerySet[ImportChunk]:
    local = address.partition("@")[0]
    chunks = ImportChunk.objects.all()
    if local.isascii():  # other letters no database finds whatever their case and form
        chunks = chunks.filter(rows__icontains=json.dumps(local)[1:-1])
    return chunks


def _forget(chunk: ImportChunk, address: str) -> int:
    rows = json.loads(chunk.rows)
    kept = [row for row in rows if not any(_names(cell, address) for cell in row[1])]
    if len(kept) == len(rows):
        return 0
    refused = json.loads(chunk.refused)
    numbers = {str(row[0]) for row in kept}
    left: dict[str, Any] = {number: why for number, why in refused.items() if number in numbers}
    ImportChunk.objects.filter(pk=chunk.pk).update(
        rows=json.dumps(kept, ensure_ascii=False), refused=json.dumps(left, ensure_ascii=False)
    )
    return len(rows) - len(kept)


# What stands round an address among other words: `Ann <ann@example.com>`, `see ann@example.com.`
_AROUND = re.compile(r"[\s<>()\[\]\",;:|]+")


def _names(cell: str, address: str) -> bool:
    if "@" not in cell:
        return False
    words = [word.strip("'.!?") for word in _AROUND.split(cell)]
    return any(_is(text, address) for text in (cell, *words) if "@" in text)


def _is(text: str, address: str) -> bool:
    try:
        return normalize(text) == address
    except ValueError:
        return False
