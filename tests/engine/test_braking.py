from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from wagtail.models import ModelLogEntry

from tests import factories
from wagtail_drip.engine.braking import brake
from wagtail_drip.engine.ticking import tick
from wagtail_drip.models import Delivery

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def people(settings):
    settings.WAGTAIL_DRIP_ALERT_EMAILS = ["ops@example.com"]


@pytest.fixture
def campaign():
    return factories.campaign()


def sent(campaign, amount, now, *, told=True, **facts):
    """That many mails, sent an hour ago; `facts` of how many of them: complained=3, bounced=2."""
    at = now - HOUR
    delivered = {"delivered_at": at} if told else {}
    rows = factories.deliveries(campaign, amount, state="sent", settled_at=at, **delivered)
    for fact, count in facts.items():
        ids = [row.pk for row in rows[:count]]
        Delivery.objects.filter(pk__in=ids).update(**{f"{fact}_at": at})
    return rows


def paused(campaign):
    campaign.refresh_from_db()
    return campaign.status == "paused"


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(
    ("mails", "complaints", "stops"),
    [(1000, 3, True), (1000, 2, False), (999, 900, False), (1001, 3, False), (1400, 5, True)],
)
def test_complaints_stop_a_campaign(campaign, now, mails, complaints, stops, told):
    sent(campaign, mails, now, told=told, complained=complaints)
    assert brake(now) == stops
    assert paused(campaign) == stops


@pytest.mark.parametrize(
    ("mails", "bounces", "stops"), [(100, 5, True), (100, 4, False), (99, 99, False)]
)
def test_bounces_stop_a_campaign(campaign, now, mails, bounces, stops):
    sent(campaign, mails, now, bounced=bounces)
    assert brake(now) == stops
    assert paused(campaign) == stops


def test_soft_bounces_and_old_ones_stop_nothing(campaign, now):
    sent(campaign, 100, now, bounced=50)
    Delivery.objects.update(bounce_type="soft")
    assert brake(now) == 0
    Delivery.objects.update(bounce_type="hard")
    assert brake(now + 8 * DAY) == 0
    assert brake(now) == 1


def test_another_campaign_s_mails_don_t_count(campaign, now):
    sent(factories.campaign("other"), 1000, now, bounced=500)
    sent(campaign, 100, now, bounced=4)
    assert brake(now) == 1 and not paused(campaign)


def test_people_are_told_once(campaign, now, django_capture_on_commit_callbacks):
    sent(campaign, 100, now, bounced=10)
    with django_capture_on_commit_callbacks(execute=True):
        for minutes in range(3):
            tick(now + timedelta(minutes=minutes))
    (message,) = [one for one in mail.outbox if one.to == ["ops@example.com"]]
    assert campaign.name in message.subject
    # No robot answers it (RFC 3834), and it is named as the sender's own.
    headers, domain = message.message(), message.from_email.rpartition("@")[2].strip(">")
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Message-ID"].endswith(f"@{domain}>")
    assert "10 of 100 mails sent within 7 days came back: 10.00 %" in message.body
    campaign.refresh_from_db()
    assert campaign.paused_reason in message.body
    log = ModelLogEntry.objects.filter(action="wagtail_drip.brake").get()
    assert log.data["reason"] == campaign.paused_reason


def test_a_mail_server_that_is_away_changes_nothing(
    campaign, now, settings, caplog, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "nowhere.Backend"
    sent(campaign, 100, now, bounced=10)
    with django_capture_on_commit_callbacks(execute=True):
        assert brake(now) == 1
    assert paused(campaign) and "could be told" in caplog.text


def test_who_resumes_by_hand_is_let_be_and_starts_anew(campaign, now):
    sent(campaign, 100, now, bounced=10)
    brake(now)
    campaign.refresh_from_db()
    assert campaign.resume(now)
    assert (campaign.paused_reason, campaign.resumed_at) == ("", now)
    assert [brake(now + hours * HOUR) for hours in (0, 23, 25)] == [0, 0, 0]
    sent(campaign, 100, now + 26 * HOUR, bounced=10)
    assert brake(now + 26 * HOUR) == 1


def test_a_pause_by_hand_gives_no_reason(campaign, now):
    assert campaign.pause(now) and campaign.paused_reason == ""
    sent(campaign, 100, now, bounced=10)
    assert brake(now) == 0


def test_where_nothing_is_wrong_it_costs_one_query(campaign, now, django_assert_num_queries):
    sent(campaign, 20, now)
    with django_assert_num_queries(1):
        brake(now)
