from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from wagtail_drip.models import Event

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("drip_record", *args, stdout=out)
    return out.getvalue()


@pytest.fixture
def stream(monkeypatch, capsys):
    """Feed lines to --stdin; returns exit code, output and errors."""

    def feed(*lines: str):
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
        code = 0
        try:
            call_command("drip_record", "--stdin")
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return feed


def line(email: str = "ann@example.com", **fields) -> str:
    return json.dumps({"name": "user_signed_up", "email": email} | fields)


def test_one_event():
    at = "2026-01-02T03:04:05+01:00"
    options = ("--data", '{"book": 7}', "--key", "1", "--at", at)
    assert run("user_signed_up", "ann@example.com", *options) == "Recorded.\n"
    event = Event.objects.get()
    assert (event.data, event.key) == ({"book": 7}, "1")
    assert event.at.isoformat() == "2026-01-02T02:04:05+00:00"
    assert run("user_signed_up", "ann@example.com", "--key", "1") == "Known already.\n"


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("user_signed_up",),
        ("nonsense", "ann@example.com"),
        ("user_signed_up", "nobody"),
        ("user_signed_up", "ann@example.com", "--data", "{"),
        ("user_signed_up", "ann@example.com", "--data", "[1]"),
        ("user_signed_up", "ann@example.com", "--at", "tomorrow"),
        ("user_signed_up", "ann@example.com", "--at", "2026-01-02T03:04:05"),
        ("user_signed_up", "ann@example.com", "--at", "2026-02-30T03:04:05Z"),
        ("user_signed_up", "ann@example.com", "--stdin"),
    ],
)
def test_misuse_is_a_sentence(args):
    with pytest.raises(CommandError):
        run(*args)
    assert not Event.objects.exists()


def test_a_stream(stream):
    code, out, err = stream(line(key="1"), "", line(key="1"), line(data={"a": 1}))
    assert (code, err) == (0, "")
    assert out == "2 recorded, 1 known already, 0 bad.\n"


def test_bad_lines_are_named_and_the_others_recorded(stream):
    code, out, err = stream(
        line(), "{", line("nobody"), '["x"]', line(colour="red"), line("b@c.de")
    )
    assert code == 1
    assert out == "2 recorded, 0 known already, 4 bad.\n"
    assert [text.split(":")[0] for text in err.splitlines()] == [f"line {n}" for n in (2, 3, 4, 5)]


def test_no_line_is_lost_between_commits(stream, monkeypatch):
    monkeypatch.setattr("wagtail_drip.management.commands.drip_record.COMMIT_EVERY", 2)
    _code, out, _err = stream(*[line() for _ in range(5)])
    assert out.startswith("5 recorded")
