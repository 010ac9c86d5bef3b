from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from tests import factories
from wagtail_drip.engine.confirming import confirm
from wagtail_drip.engine.leaving import leave_all, leave_topic
from wagtail_drip.engine.signing_up import sign_up
from wagtail_drip.engine.ticking import tick
from wagtail_drip.models import Campaign, Consent, Contact, Delivery, Event, PendingConsent
from wagtail_drip.models.consent import grant, granted, suppress, suppressed
from wagtail_drip.models.signups import Choice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.recipients.urls")]

WORDING = "Yes, weekly."


@pytest.fixture
def news():
    return factories.topic("news", name="Book news", opt_in="double")


@pytest.fixture
def offers():
    return factories.topic("offers", opt_in="single")


@pytest.fixture
def ask(now):
    """Somebody fills in the form of a page with this address."""

    def ask(*topics, email="ann@example.com", at=now, **fields):
        choices = [Choice(topic, WORDING, 3) for topic in topics]
        sign_up(email, choices, site=factories.site(), now=at, source="/news/", **fields)
        return Contact.objects.filter(email=email.lower()).get()

    return ask


@pytest.fixture
def sent(now):
    """The mails that go out when the line runs."""

    def sent(at=None):
        before = len(mail.outbox)
        for _ in range(3):
            tick((at or now) + timedelta(hours=1))
        return mail.outbox[before:]

    return sent


def test_at_once_where_the_topic_is_single_opt_in(ask, offers):
    ann = ask(offers, ip="192.0.2.7")
    proof = ann.consent_records.get()
    assert granted([ann.pk], offers.pk)
    assert (proof.source, proof.wording, proof.wording_version) == ("/news/", WORDING, 3)
    assert proof.ip == "192.0.2.7"


def test_nothing_goes_before_the_mailbox_has_said_yes(ask, news, sent):
    ann = ask(news)
    assert not granted([ann.pk], news.pk)
    assert [m.subject for m in sent()] == ["Please confirm that you want our mail"]
    assert "Book news" in mail.outbox[0].body
    assert Delivery.objects.get().state == "sent"


def test_the_mail_has_no_word_of_who_asked(ask, news, sent):
    Contact.objects.create(email="ann@example.com", first_name="http://evil.example")
    ask(news)
    (message,) = sent()
    html = message.alternatives[0][0]
    assert "evil" not in message.body + html + message.subject


def test_confirming_grants_with_the_proof_of_both_moments(ask, news, now):
    ann = ask(news, ip="192.0.2.7")
    assert confirm(ann, at=now + timedelta(hours=2), ip="192.0.2.9") == [news]
    proof = ann.consent_records.get()
    assert granted([ann.pk], news.pk)
    assert proof.source == "/news/ (2026-03-02 09:00 UTC), confirmed by mail"
    assert (proof.wording, proof.wording_version, proof.ip) == (WORDING, 3, "192.0.2.9")
    assert not PendingConsent.objects.exists()
    assert confirm(ann, at=now + timedelta(hours=3)) == []


def test_one_mail_in_an_hour_whoever_asks(ask, news, offers, sent, now):
    for minute in range(5):
        ask(news, at=now + timedelta(minutes=minute), ip=f"192.0.2.{minute}")
    ask(news, email="ANN@Example.COM", at=now)
    assert len(sent()) == 1


def test_three_mails_a_day(ask, news, sent, now):
    for hour in range(0, 20, 2):
        ask(news, at=now + timedelta(hours=hour))
    assert len(sent(now + timedelta(days=1))) == 3


def test_what_was_asked_meanwhile_is_confirmed_by_the_same_link(ask, news, now):
    more = factories.topic("more", opt_in="double")
    ask(news)
    ann = ask(more, at=now + timedelta(minutes=5))
    assert {topic.slug for topic in confirm(ann, at=now)} == {"news", "more"}


def test_after_confirming_the_next_wish_is_mailed_at_once(ask, news, sent, now):
    more = factories.topic("more", opt_in="double")
    confirm(ask(news), at=now + timedelta(minutes=1))
    ask(more, at=now + timedelta(minutes=2))
    assert len(sent()) == 2


@pytest.mark.parametrize("leave", ["topic", "all"])
def test_who_left_comes_back_by_the_mailbox_alone(ask, offers, sent, now, leave):
    ann = ask(offers)
    at = now + timedelta(minutes=1)
    if leave == "topic":
        leave_topic(ann, offers, at=at, source="link")
    else:
        leave_all(ann, at=at, source="link")
    ask(offers, at=now + timedelta(minutes=2))
    assert not granted([ann.pk], offers.pk)
    assert len(sent()) == 1
    confirm(ann, at=now + timedelta(hours=2))
    assert granted([ann.pk], offers.pk)
    assert not suppressed([ann.email], transactional=False)


@pytest.mark.parametrize("reason", ["complained", "bounced", "manual"])
def test_who_complained_bounced_or_was_shut_out_gets_no_mail(ask, news, sent, now, reason):
    suppress("ann@example.com", reason=reason, scope="marketing", at=now)
    ann = ask(news)
    assert sent() == []
    assert confirm(ann, at=now) == []


def test_somebody_known_gets_the_same_mail(ask, news, sent, now):
    grant(factories.contact("ann@example.com"), news, at=now, source="shop")
    ask(news)
    assert len(sent()) == 1


def test_a_stranger_sets_no_language_of_somebody_we_know(ask, news):
    factories.contact("ann@example.com", created_at=factories.NOW - timedelta(days=9))
    assert ask(news, language="ar").language == ""
    assert ask(news, email="new@example.com", language="ar").language == "ar"


def test_subscribing_starts_the_series_of_that_topic_alone(ask, news, offers, now):
    for topic in (news, offers):
        factories.campaign(f"hello-{topic.slug}", topic=topic, trigger="subscribed")
    ask(offers)
    tick(now)
    assert [d.campaign.slug for d in Delivery.objects.all()] == ["hello-offers"]


def test_another_site_asks_in_its_own_name(ask, news, now):
    factories.campaign("elsewhere", trigger="asked_for_topics")
    Event.objects.all().delete()
    ask(news)
    event = Event.objects.get()
    type(event).objects.update(data=event.data | {"site": 4711})
    tick(now + timedelta(minutes=1))
    assert not Delivery.objects.exists()


def test_a_stopped_campaign_stays_stopped(ask, news, sent):
    ask(news)
    Campaign.objects.update(live=False)
    ask(news, email="bob@example.com")
    assert sent() == []
    assert Campaign.objects.count() == 1


def test_nonsense_is_no_address(ask, news):
    with pytest.raises(ValueError):
        ask(news, email="nonsense")
    assert not Consent.objects.exists()
