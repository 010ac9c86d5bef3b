"""drip_simulate: what scripts and people read of a plan, and what it says to odd input."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests import factories as make
from wagtail_drip.engine import foretelling
from wagtail_drip.models import Enrollment

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    monkeypatch.setattr(foretelling, "SECONDS", 3600)


@pytest.fixture
def campaign():
    nodes = {
        "a": make.send(make.step("Hello"), "e"),
        "e": make.wait_event("book_bought", "", "b", amount=3),
        "b": make.send(make.step("Still there?")),
    }
    return make.campaign(nodes=nodes)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("drip_simulate", *arguments, stdout=out)
    return out.getvalue()


START = ("--start", "2026-03-02T09:00Z")


def test_the_plan_as_people_read_it(campaign):
    assert run("welcome", *START, "--time-zone", "Asia/Tehran").splitlines() == [
        "Welcome, version 1, for somebody made up, by the clock of Asia/Tehran:",
        "2026-03-02 12:30  entry: They enter.",
        "2026-03-02 12:30  send “Hello”: Sent.",
        "2026-03-02 12:30  wait_event: Waits for the event “book_bought”.",
        "2026-03-02 12:30  wait_event: Waits until March 5, 2026 12:30 p.m.",
        "2026-03-05 12:30  wait_event: It did not happen in time.",
        "2026-03-05 12:30  send “Still there?”: Sent.",
        "2026-03-05 12:30  end: The flow is at its end.",
    ]


def test_the_plan_as_scripts_read_it(campaign):
    person = make.contact("ann@example.com", time_zone="Europe/Berlin")
    plan = json.loads(
        run(
            "welcome",
            "--contact",
            "Ann@Example.com",
            *START,
            "--json",
            "--event",
            'book_bought@+2d:{"book": 3}',
        )
    )
    assert (plan["campaign"], plan["version"], plan["contact"]) == ("welcome", 1, person.email)
    assert plan["items"][1] == {
        "at": "2026-03-02T10:00:00+01:00",
        "node": "a",
        "type": "send",
        "step": "Hello",
        "outcome": "sent",
        "because": {"code": "sent", "seen": {}, "text": "Sent."},
    }
    assert [item["outcome"] for item in plan["items"][-3:]] == ["happens", "goes_on", "completed"]
    assert not Enrollment.objects.exists()


def test_the_draft(campaign):
    step = make.step("New")
    campaign.flow = [{"type": "send", "value": {"step": step.pk}, "id": "s1"}]
    campaign.save_revision()
    plan = json.loads(run("welcome", "--draft", "--json", *START))
    assert plan["version"] is None and "New" in [item["step"] for item in plan["items"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "no campaign"),
        (["welcome", "--contact", "nobody@example.com"], "no contact"),
        (["welcome", "--contact", "not an address"], "address"),
        (["welcome", "--start", "tomorrow"], "2026-03-04T09:00Z"),
        (["welcome", "--start", "2026-03-04T09:00"], "2026-03-04T09:00Z"),
        (["welcome", "--event", "bought"], r"NAME@\+2d"),
        (["welcome", "--event", "bought@+2y"], r"NAME@\+2d"),
        (["welcome", "--event", "bought@+2d:{no}"], "JSON"),
        (["welcome", "--event", "bought@+99999999999d"], "too long"),
        (["welcome", "--time-zone", "Mars/Crater"], "time zone"),
    ],
)
def test_what_can_not_be_understood_is_named(campaign, arguments, said):
    with pytest.raises(CommandError, match=said):
        run(*arguments)
