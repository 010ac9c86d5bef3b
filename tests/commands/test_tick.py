from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests import factories
from wagtail_drip.models import Delivery, Enrollment

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("drip_tick", *args, stdout=out)
    return out.getvalue()


@pytest.fixture
def overdue():
    """A campaign of two mails with no wait between, and somebody who signed up."""
    first, second = factories.step("First"), factories.step("Second")
    nodes = {"n1": factories.send(first, "n2"), "n2": factories.send(second)}
    factories.campaign(nodes=nodes, started_at=timezone.now() - timedelta(days=1))
    factories.event(factories.contact(), at=timezone.now())


def test_one_pass(overdue, mailoutbox):
    assert "1 new events" in run()
    assert len(mailoutbox) == 1


def test_until_idle_goes_on_to_the_end(overdue, mailoutbox):
    counts = json.loads(run("--until-idle", "--json"))
    assert counts == {"recovered": 0, "events": 1, "advanced": 3, "sent": 2, "imported": 0}
    assert [message.subject for message in mailoutbox] == ["First", "Second"]
    assert Enrollment.objects.get().state == "completed"


def test_nothing_to_do():
    assert set(json.loads(run("--json")).values()) == {0}
    assert not Delivery.objects.exists()
