"""Uploading: a CSV file of contacts becomes rows, whatever program has written it.

UTF-8 with or without BOM, UTF-16, or else Windows-1252; comma, semicolon, tab or bar. The file is
read as a stream and kept in chunks, so that a hundred thousand rows take no more memory than ten.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import conf
from ..models import ContactImport, ImportChunk
from ..models.imports import CHUNK

NO_TEXT = gettext_lazy("The file is no text. Save it as CSV (UTF-8) and try again.")
COLUMNS = 200
CELL = 10_000  # letters in one cell
BLOCK = 64 * 1024
DELIMITERS = ",;\t|"
ENCODINGS = {
    "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "cp1252": "Windows-1252",
}  # fmt: skip


def upload(file: BinaryIO, *, name: str, user: Any = None, now: datetime) -> ContactImport:
    """Keep the rows of the file. Raises ValueError, saying what to change; nothing is kept then."""
    if _size(file) > conf.IMPORT_BYTES:
        most = conf.IMPORT_BYTES // 1_000_000
        raise ValueError(_("The file is larger than %d MB. Cut it into several.") % most)
    encoding = _encoding(file)
    text = io.TextIOWrapper(file, encoding=encoding, errors="strict", newline="")
    try:
        with transaction.atomic():
            return _keep(text, encoding, name, user, now)
    except UnicodeError:
        raise ValueError(str(NO_TEXT)) from None
    finally:
        text.detach()  # the file is its owner's to close


def _keep(
    text: io.TextIOWrapper, encoding: str, name: str, user: Any, now: datetime
) -> ContactImport:
    delimiter = _delimiter(text)
    rows = _rows(text, delimiter)
    _number, header = next(rows, (0, []))
    if not header:
        raise ValueError(_("The file is empty."))
    job = ContactImport.objects.create(
        file_name=_shown(name),
        created_at=now,
        created_by=user,
        encoding=ENCODINGS[encoding],
        delimiter=delimiter,
        header=[cell.strip()[:100] for cell in header],
    )
    count = 0
    chunk: list[tuple[int, list[str]]] = []
    for number, cells in rows:
        count += 1
        if count > conf.IMPORT_ROWS:
            words = _("The file has more than %d rows. Cut it into several.")
            raise ValueError(words % conf.IMPORT_ROWS)
        chunk.append((number, cells))
        if len(chunk) == CHUNK:
            _write(job, count, chunk)
            chunk = []
    if not count:
        raise ValueError(_("The file has a first row with the names of its columns, and no other."))
    if chunk:
        _write(job, count, chunk)
    job.rows = count
    job.save(update_fields=["rows"])
    return job


def _write(job: ContactImport, count: int, chunk: list[tuple[int, list[str]]]) -> None:
    number = (count - 1) // CHUNK
    rows = json.dumps(chunk, ensure_ascii=False)
    ImportChunk.objects.create(job=job, number=number, rows=rows)


def _rows(text: io.TextIOWrapper, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(its number in a spreadsheet, its cells) of each row that has anything in it."""
    reader = csv.reader(text, delimiter=delimiter, strict=False)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            words = {"row": number, "error": error}
            raise ValueError(_("Row %(row)d can't be read: %(error)s.") % words) from None
        if len(cells) > COLUMNS:
            words = {"row": number, "most": COLUMNS}
            raise ValueError(_("Row %(row)d has more than %(most)d columns.") % words)
        if any(len(cell) > CELL for cell in cells):
            words = {"row": number, "most": CELL}
            text_ = _("Row %(row)d has a cell of more than %(most)d letters. Is a quote missing?")
            raise ValueError(text_ % words)
        if any(cell.strip() for cell in cells):
            yield number, [cell.replace("\0", "") for cell in cells]


# What kind of file is it?


def _size(file: BinaryIO) -> int:
    file.seek(0, io.SEEK_END)
    size = file.tell()
    file.seek(0)
    return size


def _encoding(file: BinaryIO) -> str:
    """By its BOM, or as UTF-8 if all of it is, or as what Excel writes on Windows."""
    start = file.read(4)
    file.seek(0)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(start) == 4 and start[0] and not start[1] and start[2] and not start[3]:
        return "utf-16-le"
    if b"\0" in file.read(BLOCK):
        raise ValueError(str(NO_TEXT))
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        while block := file.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        file.seek(0)
    return "utf-8-sig"


def _delimiter(text: io.TextIOWrapper) -> str:
    """The one that stands in the first row most often, outside quotes; rewinds the text."""
    start = text.read(BLOCK)
    text.seek(0)
    first = next((line for line in start.splitlines() if line.strip()), "")
    outside = "".join(first.split('"')[::2])
    counts = Counter(char for char in outside if char in DELIMITERS)
    return max(DELIMITERS, key=lambda char: counts[char])


def _shown(name: str) -> str:
    """A file's name without what no reader sees; it is shown to people."""
    return "".join(char for char in name if char.isprintable())[-200:] or "contacts.csv"
