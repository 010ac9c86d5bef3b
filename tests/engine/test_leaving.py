from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from tests import factories
from wagtail_drip.engine.ending import take_out
from wagtail_drip.engine.leaving import MISTAKE, leave_all, leave_topic, rejoin
from wagtail_drip.engine.sending import send_due
from wagtail_drip.models import Enrollment
from wagtail_drip.models.consent import grant, granted, suppress, suppressed, withdraw

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(now):
    return factories.contact("ann@example.com")


@pytest.fixture
def news(ann, now):
    topic = factories.topic("news")
    grant(ann, topic, at=now - timedelta(days=1), source="form")
    return topic


@pytest.fixture
def welcome(ann, news):
    """Ann's way through a series of the topic, with a mail that waits."""
    enrollment = factories.enrollment(factories.campaign("welcome", topic=news), ann)
    factories.delivery(enrollment)
    return enrollment


@pytest.fixture
def receipt(ann):
    """Ann's way through a transactional series."""
    enrollment = factories.enrollment(factories.campaign("receipt"), ann)
    factories.delivery(enrollment)
    return enrollment


def where(enrollment):
    """State and reason of the enrollment, then of its only delivery."""
    enrollment.refresh_from_db()
    delivery = enrollment.deliveries.get()
    return enrollment.state, enrollment.reason, delivery.state, delivery.reason


GONE = ("left", "unsubscribed", "skipped", "unsubscribed")
UNDER_WAY = ("active", "", "waiting", "")


def test_leaving_a_topic_stops_its_series_and_its_waiting_mail(ann, news, welcome, now):
    assert leave_topic(ann, news, at=now, source="link") == 1
    assert where(welcome) == GONE
    assert (welcome.ended_at, welcome.due_at) == (now, None)
    assert welcome.deliveries.get().settled_at == now
    assert granted([ann.pk], news.pk) == set()


def test_other_topics_go_on(ann, news, now):
    offers = factories.topic("offers")
    other = factories.enrollment(factories.campaign("offers", topic=offers), ann)
    factories.delivery(other)
    leave_topic(ann, news, at=now, source="link")
    assert where(other) == UNDER_WAY


def test_other_people_go_on(news, welcome, ann, now):
    bob = factories.enrollment(welcome.campaign)
    factories.delivery(bob)
    leave_topic(ann, news, at=now, source="link")
    assert where(bob) == UNDER_WAY


def test_leaving_everything_leaves_transactional_mail(ann, news, welcome, receipt, now):
    assert leave_all(ann, at=now, source="link") == 1
    assert where(welcome) == GONE
    assert where(receipt) == UNDER_WAY
    assert granted([ann.pk], news.pk) == set()
    assert suppressed([ann.email], transactional=False) == {ann.email}
    assert suppressed([ann.email], transactional=True) == set()


def test_what_is_on_the_wire_is_left_to_sending(ann, news, welcome, now):
    welcome.deliveries.update(state="sending", claim="worker")
    leave_topic(ann, news, at=now, source="link")
    assert where(welcome) == ("left", "unsubscribed", "sending", "")


def test_leaving_again_changes_nothing(ann, news, welcome, now):
    leave_topic(ann, news, at=now, source="link")
    assert leave_topic(ann, news, at=now + timedelta(days=1), source="link") == 0
    assert ann.consent_records.filter(state="withdrawn").count() == 1
    welcome.refresh_from_db()
    assert welcome.ended_at == now


def test_leaving_asks_the_same_for_one_series_and_for_ten(
    ann, news, welcome, now, django_assert_max_num_queries
):
    for number in range(10):
        factories.delivery(
            factories.enrollment(factories.campaign(f"more-{number}", topic=news), ann)
        )
    with django_assert_max_num_queries(22):
        assert leave_topic(ann, news, at=now, source="link") == 11


def test_a_mistake_gives_back_what_the_same_link_took(ann, news, welcome, now):
    leave_topic(ann, news, at=now, source="link")
    assert rejoin(ann, news, at=now + timedelta(minutes=1), source="link")
    assert where(welcome) == UNDER_WAY
    assert (welcome.due_at, welcome.ended_at) == (None, None)
    assert granted([ann.pk], news.pk) == {ann.pk}


def test_somebody_who_waited_between_mails_goes_on_too(ann, news, now):
    enrollment = factories.enrollment(factories.campaign(topic=news), ann)
    later = now + timedelta(minutes=1)
    leave_topic(ann, news, at=now, source="link")
    rejoin(ann, news, at=later, source="link")
    enrollment.refresh_from_db()
    assert (enrollment.state, enrollment.due_at) == ("active", later)


def test_a_mistake_after_leaving_everything_gives_back_this_topic_alone(ann, news, now):
    offers = factories.topic("offers")
    grant(ann, offers, at=now - timedelta(days=1), source="form")
    leave_all(ann, at=now, source="link")
    assert rejoin(ann, news, at=now + timedelta(minutes=1), source="link")
    assert granted([ann.pk], news.pk) == {ann.pk}
    assert granted([ann.pk], offers.pk) == set()
    assert suppressed([ann.email], transactional=False) == set()


def test_after_a_day_only_the_consent_comes_back(ann, news, welcome, now):
    leave_topic(ann, news, at=now, source="link")
    assert rejoin(ann, news, at=now + MISTAKE + timedelta(minutes=1), source="link")
    assert where(welcome) == GONE


def test_a_stopped_series_is_not_resumed(ann, news, welcome, now):
    leave_topic(ann, news, at=now, source="link")
    type(welcome.campaign).objects.update(live=False)
    rejoin(ann, news, at=now + timedelta(minutes=1), source="link")
    assert where(welcome) == GONE


def test_another_link_gives_nothing_back(ann, news, welcome, now):
    withdraw(ann, news, at=now, source="preferences")
    assert not rejoin(ann, news, at=now + timedelta(minutes=1), source="link")
    assert granted([ann.pk], news.pk) == set()


@pytest.mark.parametrize("reason", ["complained", "bounced"])
def test_who_complained_or_bounced_is_not_brought_back(ann, news, now, reason):
    leave_topic(ann, news, at=now, source="link")
    suppress(ann.email, reason=reason, scope="marketing", at=now)
    assert not rejoin(ann, news, at=now + timedelta(minutes=1), source="link")
    assert granted([ann.pk], news.pk) == set()


def test_a_complaint_after_leaving_everything_stands_too(ann, news, now):
    leave_all(ann, at=now, source="link")
    leave_all(ann, at=now, source="complaint", suppression="complained")
    assert not rejoin(ann, news, at=now + timedelta(minutes=1), source="link")
    assert suppressed([ann.email], transactional=False) == {ann.email}


def test_what_ended_before_stays_ended(ann, news, welcome, now):
    ended = {"state": "left", "reason": "unsubscribed", "ended_at": now - timedelta(days=1)}
    Enrollment.objects.update(**ended, due_at=None)
    leave_topic(ann, news, at=now, source="link")
    rejoin(ann, news, at=now + timedelta(minutes=1), source="link")
    welcome.refresh_from_db()
    assert welcome.state == "left"


def test_take_out_names_its_reason(welcome, now):
    assert take_out(Enrollment.objects.all(), reason="editor", at=now) == 1
    assert where(welcome) == ("left", "editor", "skipped", "editor")


def test_what_slips_in_after_leaving_is_never_sent(ann, news, now, settings):
    settings.ROOT_URLCONF = "tests.recipients.urls"
    leave_topic(ann, news, at=now, source="link")
    late = factories.enrollment(factories.campaign(topic=news), ann)
    factories.delivery(late)
    send_due(now)
    assert where(late) == GONE
    assert mail.outbox == []
