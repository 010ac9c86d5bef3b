from __future__ import annotations

import codecs
import io
import json
import tracemalloc

import pytest

from wagtail_drip.engine.uploading import upload
from wagtail_drip.models import ContactImport, ImportChunk

pytestmark = pytest.mark.django_db
TEXT = "E-Mail;Vorname\nann@example.com;Zoë\nbob@example.com;Bob\n"


def rows(job) -> list:
    chunks = job.chunks.order_by("number").values_list("rows", flat=True)
    return [row for chunk in chunks for row in json.loads(chunk)]


def read(data: bytes, now, name="people.csv"):
    job = upload(io.BytesIO(data), name=name, now=now)
    return job, rows(job)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "UTF-8"),
        (TEXT.encode("utf-8-sig"), "UTF-8"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-16-le"), "UTF-16"),
        (TEXT.encode("cp1252"), "Windows-1252"),
    ],
)
def test_a_file_is_read_whatever_program_wrote_it(data, encoding, now):
    job, found = read(data, now)
    assert (job.encoding, job.header) == (encoding, ["E-Mail", "Vorname"])
    assert found == [[2, ["ann@example.com", "Zoë"]], [3, ["bob@example.com", "Bob"]]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter, now):
    header = delimiter.join(["email", '"name; or, what|ever"', "city"])
    job, found = read(f"{header}\na@example.com{delimiter}Ann{delimiter}X\r\n".encode(), now)
    assert job.delimiter == delimiter
    assert found == [[2, ["a@example.com", "Ann", "X"]]]


def test_numbers_are_those_of_a_spreadsheet_and_empty_rows_are_none(now):
    job, found = read(b'email,note\n\n,\n"a@example.com","two\nlines"\nb@example.com,\n', now)
    assert [(number, cells[0]) for number, cells in found] == [
        (4, "a@example.com"), (5, "b@example.com"),
    ]  # fmt: skip
    assert job.rows == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"email\n", "no other"),
        (b"email,x\na@example.com," + b"y" * 10_001, "more than 10000 letters"),
        (b"email\n" + b'"a@example.com\n' + b"b@example.com\n" * 20_000, "can't be read|letters"),
        (b"email," + b"," * 300 + b"\n", "more than 200 columns"),
        (b"email\n\x81\x8d\n", "no text"),
        (b"PK\x03\x04\x00\x00\x00\x00", "no text"),
        (TEXT.encode("utf-16")[:-1], "no text"),
    ],
)
def test_what_can_not_be_used_is_refused_with_what_to_change(data, words, now):
    with pytest.raises(ValueError, match=words):
        read(data, now)
    assert not ContactImport.objects.exists() and not ImportChunk.objects.exists()


def test_size_and_length_have_limits(now, settings):
    settings.WAGTAIL_DRIP_IMPORT_ROWS = 2
    read(b"email\na\nb\n", now)
    with pytest.raises(ValueError, match="more than 2 rows"):
        read(b"email\na\nb\nc\n", now)
    settings.WAGTAIL_DRIP_IMPORT_BYTES = 5
    with pytest.raises(ValueError, match="larger than"):
        read(b"email\na\n", now)


def test_a_files_name_shows_as_text(now):
    job, _rows = read(b"email\na\n", now, name="a\u202egnp.csv\n" + "x" * 300)
    assert "\u202e" not in job.file_name and len(job.file_name) <= 200


def test_the_memory_does_not_grow_with_the_file(now, tmp_path):
    peaks = []
    for amount in (2_000, 20_000):
        path = tmp_path / f"{amount}.csv"
        line = "person%d@example.com,Some,Name,with,columns\n"
        path.write_text("email,a,b,c,d\n" + "".join(line % n for n in range(amount)))
        with path.open("rb") as file:
            tracemalloc.start()
            upload(file, name="x.csv", now=now)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5
