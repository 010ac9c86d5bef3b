"""Three ways to go: out of a topic, out of everything, out of a service. What follows each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from tests import factories
from wagtail_drip import api
from wagtail_drip.engine.leaving import leave_all, leave_topic, rejoin
from wagtail_drip.engine.ticking import tick
from wagtail_drip.flow.triggers import CANCELED, LEFT_TOPIC
from wagtail_drip.models import Enrollment, Event
from wagtail_drip.models.consent import grant, granted

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]


@pytest.fixture
def ann():
    return factories.contact("ann@example.com")


@pytest.fixture
def topics(ann, now):
    found = [factories.topic("news"), factories.topic("offers")]
    for topic in found:
        grant(ann, topic, at=now - timedelta(days=1), source="form")
    return found


@pytest.fixture
def farewell(topics):
    """A series of the second topic for those who leave another one."""
    step = factories.step("Before you go")
    return factories.campaign(
        "farewell", topic=topics[1], trigger=LEFT_TOPIC, nodes={"n1": factories.send(step)}
    )


def test_leaving_a_topic_starts_a_series_in_one_they_still_want(ann, topics, farewell, now):
    leave_topic(ann, topics[0], at=now, source="link")
    tick(now + timedelta(minutes=1))
    assert [(m.to, m.subject) for m in mail.outbox] == [(["ann@example.com"], "Before you go")]
    assert not granted([ann.pk], topics[0].pk)
    assert Event.objects.get().data == {"topic": "news", "name": "News"}


def test_nothing_starts_in_a_topic_they_do_not_want(ann, topics, farewell, now):
    leave_topic(ann, topics[1], at=now, source="link")
    tick(now + timedelta(minutes=1))
    assert mail.outbox == []


def test_leaving_twice_is_one_event(ann, topics, now):
    for minute in range(2):
        leave_topic(ann, topics[0], at=now + timedelta(minutes=minute), source="link")
    assert Event.objects.count() == 1


@pytest.mark.parametrize("first", [False, True])
def test_after_leaving_everything_no_mail_follows(ann, topics, farewell, now, first):
    if first:  # the series they have just started ends with all the rest
        leave_topic(ann, topics[0], at=now, source="link")
    leave_all(ann, at=now + timedelta(seconds=5), source="link")
    tick(now + timedelta(minutes=1))
    assert mail.outbox == []
    assert not Enrollment.objects.filter(state="active").exists()


def test_what_a_mistake_has_started_ends_with_it(ann, topics, farewell, now):
    farewell.current_version.program["nodes"] = {"n1": factories.wait()}
    farewell.current_version.save()
    for looked_at, left in [(False, now), (True, now + timedelta(hours=1))]:
        leave_topic(ann, topics[0], at=left, source="link")
        if looked_at:
            tick(left)
        assert rejoin(ann, topics[0], at=left + timedelta(minutes=1), source="link")
        tick(left + timedelta(minutes=2))
        assert not Enrollment.objects.filter(state="active").exists()
    assert Enrollment.objects.get().reason == "returned"


def test_canceling_a_service_is_an_event_of_its_own(ann, topics, farewell, now, settings):
    step = factories.step("Sorry to see you go")
    nodes = {"n1": factories.send(step)}
    factories.campaign("sorry", topic=topics[0], trigger=CANCELED, nodes=nodes)
    api.record(CANCELED, contact=ann, data={"service": "Reading club"}, at=now)
    tick(now + timedelta(minutes=1))
    assert [m.subject for m in mail.outbox] == ["Sorry to see you go"]
    assert granted([ann.pk], topics[0].pk) and granted([ann.pk], topics[1].pk)


def test_a_farewell_is_never_transactional():
    campaign = factories.campaign("farewell", trigger=LEFT_TOPIC)
    assert [p.field for p in campaign.gate() if "another mailing topic" in p.message] == ["topic"]


def test_consent_that_has_run_out_is_skipped(ann, now):
    topic = factories.topic("weekly", expires_months=12)
    grant(ann, topic, at=now - timedelta(days=364), source="form")
    campaign = factories.campaign(topic=topic)
    sent = factories.delivery(factories.enrollment(campaign, ann))
    late = factories.enrollment(factories.campaign("late", topic=topic), ann)
    skipped = factories.delivery(late, due_at=now + timedelta(days=2))
    tick(now)
    tick(now + timedelta(days=2))
    for row in (sent, skipped, late):
        row.refresh_from_db()
    assert (sent.state, skipped.state, skipped.reason) == ("sent", "skipped", "consent expired")
    assert (late.state, late.reason) == ("left", "consent expired")
    assert grant(ann, topic, at=now + timedelta(days=3), source="form")  # renewed
