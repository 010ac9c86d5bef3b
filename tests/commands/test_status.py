from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from tests import factories
from tests.queries import queries
from wagtail_drip.engine.reporting import lateness, status
from wagtail_drip.models import Delivery, Heartbeat

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def campaign(now):
    """A campaign with deliveries and people in every state."""
    row = factories.campaign()
    for state in Delivery.State:
        factories.deliveries(row, 2, state=state, reason="stopped", settled_at=now)
    factories.deliveries(row, 1, state="skipped", reason="goal")
    for state, reason in (("completed", ""), ("failed", "x"), ("left", "goal"), ("left", "goal")):
        factories.enrollments(row, 1, state=state, reason=reason, due_at=None)
    return row


def test_planned_is_all_that_became_of_it(campaign, now):
    found = status(now)["campaigns"][0]
    parts = ("sent", "failed", "uncertain", "waiting")
    assert found["planned"] == 13
    assert found["planned"] == sum(found[p] for p in parts) + sum(found["skipped"].values())


def test_the_json_has_the_keys_that_scripts_read(campaign, now):
    found = status(now)
    assert list(found) == ["now", "heartbeat_age_s", "lateness_s", "campaigns"]
    assert found["campaigns"] == [
        {
            "slug": "welcome",
            "status": "live",
            "version": 1,
            "planned": 13,
            "waiting": 4,
            "sent": 2,
            "failed": 2,
            "uncertain": 2,
            "skipped": {"goal": 1, "stopped": 2},
            "enrollments": {"active": 13, "completed": 1, "failed": 1, "left": {"goal": 2}},
        }
    ]


def test_the_command_prints_it(campaign):
    out = io.StringIO()
    call_command("drip_status", "--json", stdout=out)
    assert json.loads(out.getvalue())["campaigns"][0]["planned"] == 13


def test_the_table_is_for_people(campaign, now):
    out = io.StringIO()
    call_command("drip_status", stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0].split() == [
        "campaign", "status", "planned", "waiting", "sent", "failed", "uncertain", "skipped",
        "people", "inside",
    ]  # fmt: skip
    assert lines[1].split() == ["welcome", "live", "13", "4", "2", "2", "2", "3", "13"]
    assert "The line has never run." in lines


def test_an_unpublished_campaign_has_no_version(now):
    factories.campaign(live=False, started_at=None)
    row = factories.campaign("other")
    row.versions.all().delete()
    found = {c["slug"]: (c["status"], c["version"]) for c in status(now)["campaigns"]}
    assert found == {"welcome": ("draft", 1), "other": ("live", None)}


def test_the_heartbeats_age(now):
    assert status(now)["heartbeat_age_s"] is None
    Heartbeat.objects.update_or_create(pk=1, defaults={"beat_at": now - 90 * SECOND})
    assert status(now)["heartbeat_age_s"] == 90


def test_lateness_is_of_what_went_and_of_what_should_have_gone(now):
    assert lateness(now) == {"p50": None, "p95": None}
    row = factories.campaign()
    for late in range(1, 20):
        settled = now - 60 * SECOND + late * SECOND
        factories.deliveries(row, 1, state="sent", due_at=now - 60 * SECOND, settled_at=settled)
    assert lateness(now) == {"p50": 10, "p95": 19}
    factories.deliveries(row, 2, due_at=now - 500 * SECOND)
    assert lateness(now)["p95"] == 500


def test_as_many_queries_for_ten_campaigns_as_for_one(now):
    factories.deliveries(factories.campaign(), 3)
    few = queries(status, now)
    for number in range(9):
        factories.deliveries(factories.campaign(f"c{number}"), 3, state="skipped", reason="goal")
    assert queries(status, now) == few


def test_reasons_that_differ_by_case_or_accent_are_two(now):
    """MariaDB's default collation takes them for one."""
    row = factories.campaign()
    for reason in ("bought it", "Bought it", "bought ít"):
        factories.enrollments(row, 2, state="left", reason=reason, due_at=None)
    (campaign,) = status(now)["campaigns"]
    assert campaign["enrollments"]["left"] == {"bought it": 2, "Bought it": 2, "bought ít": 2}
