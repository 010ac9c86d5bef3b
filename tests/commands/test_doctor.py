from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from tests import factories
from wagtail_drip.flow.triggers import ASKED_FOR_TOPICS
from wagtail_drip.models import Campaign, Heartbeat, Version, standing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def good(settings):
    """A site that is ready: each test spoils one thing."""
    settings.WAGTAIL_DRIP_SENDING = "on"
    settings.WAGTAIL_DRIP_BASE_URL = "https://www.example.com"
    settings.WAGTAIL_DRIP_FROM_EMAIL = "The Shop <shop@example.com>"
    settings.WAGTAIL_DRIP_POSTAL_ADDRESS = "1 Harbour Street"
    settings.WAGTAIL_DRIP_HASH_KEY = "a key of its own"
    settings.EMAIL_BACKEND = "tests.commands.backend.Collects"
    settings.ROOT_URLCONF = "tests.recipients.urls"
    Heartbeat.objects.update_or_create(pk=1, defaults={"beat_at": timezone.now()})


def doctor(*args: str) -> tuple[dict[str, dict], bool]:
    """The findings by id, and whether the site is ready."""
    out = StringIO()
    try:
        call_command("drip_doctor", "--json", *args, stdout=out)
        code = 0
    except SystemExit as end:
        code = end.code
    report = json.loads(out.getvalue())
    assert code == (0 if report["ready"] else 1)
    return {row["id"]: row for row in report["checks"]}, report["ready"]


def ill(*args: str) -> list[str]:
    found, _ready = doctor(*args)
    assert all(row["fix"] for row in found.values() if not row["ok"])
    return [id for id, row in found.items() if not row["ok"]]


def test_a_good_site_is_ready():
    found, ready = doctor()
    assert ready, [row for row in found.values() if not row["ok"]]
    assert set(found["sender"]) == {"id", "ok", "text", "fix"}


@pytest.mark.parametrize(
    ("id", "name", "value"),
    [
        ("sending", "SENDING", "off"),
        ("sending", "SENDING", "perhaps"),
        ("sending", "SENDING", "allowlist"),
        ("base_url", "BASE_URL", "http://www.example.com"),
        ("sender", "FROM_EMAIL", "webmaster@localhost"),
        ("postal_address", "POSTAL_ADDRESS", ""),
        ("hash_key", "HASH_KEY", None),
        ("products", "PRODUCTS", "nowhere.Products"),
    ],
)
def test_a_wrong_setting_is_named_whether_or_not_mail_goes_out(settings, id, name, value):
    setattr(settings, f"WAGTAIL_DRIP_{name}", value)
    assert ill() == [id]


def test_a_back_end_that_sends_nothing_is_named(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert ill() == ["backend"]


@pytest.mark.parametrize("age", [None, timedelta(minutes=5)])
def test_a_line_that_stands_still_is_named(age):
    Heartbeat.objects.update(beat_at=timezone.now() - age if age else None)
    assert ill() == ["heartbeat"]


def test_the_schedule_is_mended_on_the_way():
    from django_q.models import Schedule

    Schedule.objects.all().delete()
    assert "mended" in doctor()[0]["schedule"]["text"]
    assert "in place" in doctor()[0]["schedule"]["text"]
    assert Schedule.objects.count() == 1


def test_a_copy_sends_nothing_until_it_is_adopted():
    Heartbeat.objects.update(base_url="https://elsewhere.example")
    assert ill() == ["host"]
    assert ill("--adopt") == []
    assert Heartbeat.load().base_url == "https://www.example.com"
    assert ill() == []


def test_what_no_app_registers_any_more_is_named():
    gone = factories.condition("phase_of_moon")
    end = factories.leave()
    factories.campaign("a", trigger="full_moon")
    factories.campaign("b", audience=[gone])
    factories.campaign("c", nodes={"n1": factories.branch(factories.group(gone)), "n2": end})
    text = doctor()[0]["slugs"]["text"]
    assert "“full_moon” (A)" in text
    assert "“phase_of_moon” (B)" in text
    assert "“phase_of_moon” (C)" in text


def test_drafts_may_use_what_they_like():
    factories.campaign("draft", trigger="full_moon", live=False)
    assert ill() == []


def test_versions_that_people_are_still_in_count():
    nodes = {"n1": factories.branch(factories.group(factories.condition("phase_of_moon")))}
    campaign = factories.campaign(nodes=nodes, live=False)
    assert ill() == []
    factories.enrollment(campaign)
    assert ill() == ["slugs"]


def test_a_real_mail_goes_out_even_before_sending_is_on(settings):
    settings.WAGTAIL_DRIP_SENDING = "off"
    found, _ready = doctor("--send-to", "Ann@Example.com")
    assert found["send_to"]["ok"]
    (message,) = mail.outbox
    assert message.to == ["ann@example.com"]
    assert message.extra_headers["Message-ID"].endswith("@example.com>")


def test_a_server_that_refuses_is_quoted(settings):
    settings.EMAIL_BACKEND = "tests.commands.backend.Refuses"
    found, ready = doctor("--send-to", "ann@example.com")
    assert not ready
    assert "no such luck" in found["send_to"]["text"]


def test_what_is_no_address_is_refused_at_once():
    with pytest.raises(CommandError, match="not an e-mail address"):
        call_command("drip_doctor", "--send-to", "ann")


def test_people_get_a_list_with_fixes(settings):
    settings.WAGTAIL_DRIP_SENDING = "off"
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("drip_doctor", stdout=out, no_color=True)
    lines = out.getvalue().splitlines()
    assert "✗ Sending is off: mails wait." in lines
    assert any(line.startswith("    → When all else is well") for line in lines)
    assert lines[-1] == "Not ready: 1 to mend."


def test_a_journal_that_can_not_be_written_is_named(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "file"
    assert ill() == ["journals"]


def test_a_folder_of_journals_that_is_everybodys_is_named(settings, tmp_path):
    (tmp_path / "journals").mkdir()
    (tmp_path / "journals").chmod(0o777)
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "journals"
    assert ill() == ["journals"]


def test_a_worker_that_hangs_is_named():
    lease = timezone.now() - timedelta(minutes=5)
    factories.deliveries(factories.campaign(), 3, state="sending", claim="x", lease_until=lease)
    assert ill() == ["claims"]
    assert doctor()[0]["claims"]["text"].startswith("3 mails")


def test_a_flow_that_a_newer_release_published_is_named():
    version = factories.campaign().current_version
    Version.objects.filter(pk=version.pk).update(program=version.program | {"format": 99})
    assert ill() == ["slugs"]
    assert "newer release" in doctor()[0]["slugs"]["text"]


def test_a_server_that_does_not_wait_for_its_disk_is_named(monkeypatch):
    hasty = {connection.vendor: ("SELECT 'off'", {"off"})}
    monkeypatch.setattr("wagtail_drip.management.commands.drip_doctor._HASTY", hasty)
    assert ill() == ["durability"]


def test_dkim_is_spoken_of_to_everybody():
    found, ready = doctor()
    assert ready and "dkim=pass" in found["dkim"]["text"]


@pytest.mark.parametrize("fields", [{"live": False}, {"paused_at": factories.NOW}])
def test_a_campaign_that_should_answer_and_does_not_is_said(fields):
    campaign = standing.standing(ASKED_FOR_TOPICS, factories.site())
    assert ill() == []
    Campaign.objects.filter(pk=campaign.pk).update(**fields)
    found, _ready = doctor()
    assert ill() == ["answers"] and "“Please confirm” is" in found["answers"]["text"]
    assert "can't, and gets nothing" in found["answers"]["text"]
    factories.campaign("our-own", trigger=ASKED_FOR_TOPICS)
    assert ill() == []  # another one of the site answers in its place
