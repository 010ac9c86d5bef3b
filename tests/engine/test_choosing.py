from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from tests import factories
from wagtail_drip.engine.choosing import PAUSE, Wishes, choose, offered_topics, pause, tell_why
from wagtail_drip.engine.leaving import leave_all
from wagtail_drip.engine.sending import send_due
from wagtail_drip.models import Farewell
from wagtail_drip.models.consent import grant, granted, suppressed
from wagtail_drip.models.signups import Choice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]


@pytest.fixture
def ann():
    return factories.contact("ann@example.com")


@pytest.fixture
def news(ann, now):
    topic = factories.topic("news", opt_in="double")
    grant(ann, topic, at=now - timedelta(days=1), source="form")
    return topic


@pytest.fixture
def wish(ann, now):
    def wish(offered, *chosen, at=now, **fields):
        choices = [Choice(topic, topic.agreement, topic.wording_version) for topic in offered]
        wishes = Wishes(choices, frozenset(topic.pk for topic in chosen), **fields)
        choose(ann, wishes, at=at, source="preferences page", ip=None)
        ann.refresh_from_db()

    return wish


def test_topics_are_chosen_and_left_at_once(ann, news, wish):
    offers = factories.topic("offers", opt_in="double")
    enrollment = factories.enrollment(factories.campaign(topic=news), ann)
    wish([news, offers], offers)
    enrollment.refresh_from_db()
    assert (granted([ann.pk], news.pk), granted([ann.pk], offers.pk)) == (set(), {ann.pk})
    assert (enrollment.state, enrollment.reason) == ("left", "unsubscribed")
    assert ann.consent_records.get(topic=offers).wording == offers.agreement


def test_what_is_not_offered_stays(ann, news, wish):
    wish([])
    assert granted([ann.pk], news.pk)


def test_saving_the_same_again_writes_no_proof(ann, news, wish):
    wish([news], news)
    assert ann.consent_records.count() == 1


def test_choosing_a_topic_takes_back_having_left_everything(ann, news, wish, now):
    leave_all(ann, at=now, source="link")
    wish([news], news, at=now + timedelta(minutes=1))
    assert granted([ann.pk], news.pk)
    assert not suppressed([ann.email], transactional=False)


def test_a_pause_holds_mail_back_until_it_ends(ann, news, now):
    delivery = factories.delivery(factories.enrollment(factories.campaign(topic=news), ann))
    pause(ann, at=now)
    send_due(now)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.due_at, mail.outbox) == ("waiting", now + PAUSE, [])
    send_due(now + PAUSE)
    assert len(mail.outbox) == 1


def test_transactional_mail_goes_during_a_pause(ann, now):
    factories.delivery(factories.enrollment(factories.campaign("receipt"), ann))
    pause(ann, at=now)
    send_due(now)
    assert len(mail.outbox) == 1


def test_ending_the_pause_sends_what_it_held(ann, news, wish, now):
    factories.delivery(factories.enrollment(factories.campaign(topic=news), ann))
    wish([news], news, pause=True)
    send_due(now)
    wish([news], news, pause=True, at=now + timedelta(days=1))
    assert ann.paused_until == now + PAUSE  # saving again doesn't lengthen it
    wish([news], news, at=now + timedelta(days=2))
    send_due(now + timedelta(days=2))
    assert (ann.paused_until, len(mail.outbox)) == (None, 1)


def test_the_site_offers_what_is_public_and_what_they_had(ann, news):
    factories.topic("open")
    factories.topic("inner", public=False)
    factories.topic("had", public=False)
    grant(ann, factories.topic("mine", public=False), at=factories.NOW, source="shop")
    assert [t.slug for t in offered_topics(ann, factories.site().pk)] == ["mine", "news", "open"]


def test_what_somebody_said_last_is_kept(ann, news, now):
    tell_why(ann, news, why="too_many", words="", at=now)
    tell_why(ann, news, why="other", words="Moved away", at=now)
    tell_why(ann, None, why="other", words="", at=now)
    assert list(Farewell.objects.order_by("pk").values_list("topic", "why", "words")) == [
        (news.pk, "other", "Moved away"),
        (None, "other", ""),
    ]


def test_who_wants_more_again_gets_what_was_put_off(ann, news, wish, now):
    wish([news], news, most_per_week=1)
    _first, second = (
        factories.delivery(factories.enrollment(factories.campaign(slug, topic=news), ann))
        for slug in ("a", "b")
    )
    send_due(now), send_due(now)
    second.refresh_from_db()
    assert (second.state, second.due_at) == ("waiting", now + timedelta(days=7))
    wish([news], news, most_per_week=3, at=now + timedelta(hours=1))
    send_due(now + timedelta(hours=1))
    second.refresh_from_db()
    assert second.state == "sent"
