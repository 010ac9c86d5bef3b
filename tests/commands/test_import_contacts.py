from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from tests import factories as make
from wagtail_drip.models import Consent, Contact, ContactImport

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("Mail,Who\nann@example.com,Ann\nnobody,Eve\n")
    return str(path)


def test_a_file_becomes_people(people, capsys):
    make.topic("news")
    call_command(
        "drip_import_contacts", people, "--column", "Who=first_name", "--tag", "fair",
        "--topic", "news", "--source", "book fair", "--agreed-at", "2026-01-05",
    )  # fmt: skip
    ann = Contact.objects.get()
    assert (ann.first_name, [tag.name for tag in ann.tags.all()]) == ("Ann", ["fair"])
    assert Consent.objects.get().state == "granted"
    out = capsys.readouterr().out
    assert "2 rows (UTF-8): 1 new, 0 known, 1 refused" in out and "row 3: " in out


def test_a_dry_run_leaves_nothing(people, capsys):
    call_command("drip_import_contacts", people, "--dry-run")
    assert "1 new" in capsys.readouterr().out
    assert not Contact.objects.exists() and not ContactImport.objects.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--topic", "news"], "--source"),
        (["--topic", "gone", "--source", "x", "--agreed-at", "2026-01-05"], "no mailing topic"),
        (["--column", "Mail="], "No column"),
        (["--column", "Nothing=email"], "no such column"),
        (["--agreed-at", "2999-01-01"], "ahead"),
    ],
)
def test_what_can_not_be_done_is_said_and_nothing_is_kept(people, options, words):
    with pytest.raises(CommandError, match=words):
        call_command("drip_import_contacts", people, *options)
    assert not Contact.objects.exists()


def test_a_file_that_is_not_there_is_said():
    with pytest.raises(CommandError, match="No such file"):
        call_command("drip_import_contacts", "/nowhere.csv")
