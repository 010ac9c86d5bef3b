from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models

from tests import factories
from tests.queries import queries
from wagtail_drip.engine.ticking import tick
from wagtail_drip.engine.time_travel import MOMENTS, fast_forward
from wagtail_drip.management.commands.drip_fast_forward import parsed
from wagtail_drip.models import Campaign, Decision, Delivery, Enrollment, Event, Heartbeat

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)

# Wagtail's own, leases by the database's clock, and the heartbeat keep real time.
REAL_TIME = {
    "lease_until", "first_published_at", "last_published_at", "go_live_at", "expire_at",
    "locked_at", "latest_revision_created_at", "spent_until",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "delta"),
    [("90m", timedelta(minutes=90)), ("12h", DAY / 2), ("3d", 3 * DAY), ("1w", 7 * DAY)],
)
def test_lengths_of_time(text, delta):
    assert parsed(text) == delta


@pytest.mark.parametrize("text", ["", "3", "d", "-3d", "1.5d", "0d", "3 days", "999999w"])
def test_what_is_no_length_of_time(text):
    with pytest.raises(CommandError, match="3d"):
        parsed(text)


def test_it_is_refused_unless_allowed(now, settings):
    settings.WAGTAIL_DRIP_TIME_TRAVEL = False
    factories.event(factories.contact())
    with pytest.raises(CommandError, match="WAGTAIL_DRIP_TIME_TRAVEL"):
        call_command("drip_fast_forward", "3d")
    assert Event.objects.get().at == now


def test_every_moment_moves(now, settings):
    settings.WAGTAIL_DRIP_TIME_TRAVEL = True
    campaign = factories.campaign(started_at=now)
    delivery = factories.delivery(factories.enrollment(campaign), lease_until=now, opened_at=now)
    factories.event(delivery.contact)
    Heartbeat.objects.update_or_create(pk=1, defaults={"beat_at": now})
    call_command("drip_fast_forward", "3d")
    then = now - 3 * DAY
    assert Campaign.objects.get().started_at == Event.objects.get().at == then
    row = Enrollment.objects.get()
    assert (row.entered_at, row.arrived_at, row.due_at, row.ended_at) == (then, then, None, None)
    delivery.refresh_from_db()
    assert delivery.due_at == delivery.opened_at == then
    assert delivery.lease_until == now == Heartbeat.objects.get().beat_at


def test_no_moment_is_forgotten():
    """A new field with a moment either travels or is named here."""
    for model in apps.get_app_config("wagtail_drip").get_models():
        found = {f.name for f in model._meta.fields if isinstance(f, models.DateTimeField)}
        if model is not Heartbeat:
            assert found - REAL_TIME == set(MOMENTS.get(model, ())), model


def test_what_a_decision_saw_moves_with_it(now):
    row = factories.enrollment(factories.campaign())
    seen = {"until": now.isoformat(), "day": "2026-05-01", "held": [now.isoformat()], "most": 3}
    Decision.objects.create(enrollment=row, node="n1", at=now, code="waits", seen=seen)
    fast_forward(DAY)
    then = (now - DAY).isoformat()
    found = Decision.objects.get()
    assert found.at == now - DAY
    assert found.seen == {"until": then, "day": "2026-05-01", "held": [then], "most": 3}


def test_fractions_of_seconds_survive(now):
    at = now.replace(microsecond=123456)
    factories.event(factories.contact(), at=at)
    fast_forward(DAY)
    assert Event.objects.get().at == at - DAY


def test_one_update_for_each_table():
    updates = [sql for sql in queries(fast_forward, DAY) if sql.startswith("UPDATE")]
    assert len(updates) == len(MOMENTS)


def test_what_waits_is_due_that_much_sooner(now):
    nodes = {"n1": factories.wait("n2", amount=3), "n2": factories.send(factories.step())}
    factories.enrollment(factories.campaign(nodes=nodes))
    tick(now)
    fast_forward(2 * DAY)
    tick(now)
    assert not Delivery.objects.exists()
    fast_forward(DAY)
    tick(now)
    assert Delivery.objects.get().state == "sent"
