from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core import mail

from tests import factories as make
from tests.queries import queries
from wagtail_drip.engine import reviewing
from wagtail_drip.models import Campaign, Delivery, Review

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TODAY = date(2026, 3, 2)


@pytest.fixture(autouse=True)
def sends(settings):
    settings.WAGTAIL_DRIP_SENDING = "on"
    settings.WAGTAIL_DRIP_BASE_URL = "https://shop.example"


def sent(campaign, amount: int, clicked: int, *, days_ago: float, **fields) -> None:
    at = make.NOW - days_ago * DAY
    fields.setdefault("delivered_at", at)
    rows = make.deliveries(campaign, amount, state="sent", settled_at=at, **fields)
    ids = [row.pk for row in rows[:clicked]]
    Delivery.objects.filter(pk__in=ids).update(clicked_at=at)


def due(campaign, day: date, owner=None) -> Review:
    return Review.objects.create(campaign=campaign, due=day, owner=owner)


@pytest.mark.parametrize(
    ("before", "last", "expected"),
    [
        ((100, 20), (100, 9), True),
        ((100, 20), (100, 10), False),  # just half
        ((100, 20), (99, 0), False),  # too few
        ((99, 20), (100, 0), False),
        ((200, 20), (100, 4), True),  # rates, not numbers
        ((100, 0), (100, 0), False),
    ],
)
def test_a_campaign_falls_when_people_click_less_than_half_as_often(now, before, last, expected):
    campaign = make.campaign()
    sent(campaign, *before, days_ago=91)
    sent(campaign, *last, days_ago=89)
    sent(campaign, 200, 200, days_ago=181)  # too long ago
    assert reviewing.review(now) == 1
    row = Review.objects.get()
    assert row.falling is expected
    assert (row.delivered, row.clicked, row.delivered_before, row.clicked_before) == (
        *last, *before,
    )  # fmt: skip


def test_where_nobody_tells_of_deliveries_what_did_not_come_back_counts(now):
    campaign = make.campaign()
    sent(campaign, 120, 30, days_ago=100, delivered_at=None)
    sent(campaign, 110, 5, days_ago=10, delivered_at=None)
    sent(campaign, 50, 0, days_ago=10, delivered_at=None, bounced_at=now)
    reviewing.review(now)
    row = Review.objects.get()
    assert (row.delivered, row.delivered_before, row.falling) == (110, 120, True)


def test_each_is_measured_once_a_day_while_it_goes_out(now):
    make.campaign("resting", paused_at=now)
    make.campaign("gone", live=False)
    make.campaign()
    assert reviewing.review(now) == 2
    assert reviewing.review(now + timedelta(hours=5)) == 0
    assert reviewing.review(now + DAY) == 2


def test_many_are_measured_a_batch_at_a_time_by_as_many_queries(now, monkeypatch):
    for number in range(3):
        sent(make.campaign(f"c{number}"), 1, 1, days_ago=1)
    few = queries(reviewing.measure_clicks, now)
    for number in range(3, reviewing.BATCH + 5):
        sent(make.campaign(f"c{number}"), 1, 1, days_ago=1)
    Review.objects.all().delete()
    assert queries(reviewing.measure_clicks, now) == few
    assert reviewing.measure_clicks(now) == 5
    assert Review.objects.filter(delivered=1, clicked=1).count() == reviewing.BATCH + 5


def test_the_owner_is_told_once_for_each_due_date(now):
    campaign = make.campaign(name="Autumn\nbooks")
    owner = make.user("ines@example.com")
    row = due(campaign, TODAY, owner)
    assert reviewing.tell_owners(now - DAY) == 0
    assert reviewing.tell_owners(now) == 1 and reviewing.tell_owners(now + DAY) == 0
    [message] = mail.outbox
    assert message.to == ["ines@example.com"]
    assert message.subject == "The campaign “Autumn books” is due for review"
    assert f"/admin/snippets/wagtail_drip/campaign/review/{campaign.pk}/" in message.body
    reviewing.reviewed(campaign, due=TODAY + 30 * DAY, owner=owner, now=now)
    assert reviewing.tell_owners(now + 29 * DAY) == 0
    assert reviewing.tell_owners(now + 31 * DAY) == 1
    row.refresh_from_db()
    assert row.reviewed_at == now


def test_the_mail_names_a_fall(now):
    campaign = make.campaign()
    sent(campaign, 100, 40, days_ago=91)
    sent(campaign, 100, 10, days_ago=1)
    reviewing.reviewed(campaign, due=TODAY, owner=make.user("ines@example.com"), now=now - DAY)
    reviewing.review(now)
    assert "10.0 % of mails delivered in the last 90 days, 40.0 % in the" in mail.outbox[0].body


def test_who_cannot_be_told_stops_nothing(now, monkeypatch, caplog):
    for number, person in enumerate(
        [make.user(""), make.user("gone@example.com", is_active=False), make.user("a@example.com")]
    ):
        due(make.campaign(f"c{number}"), TODAY, person)
    due(make.campaign("nobodys"), TODAY)

    def refuse(*args):
        raise OSError("no mail server")

    monkeypatch.setattr(reviewing, "tell", refuse)
    assert reviewing.tell_owners(now) == 0
    assert "could not be reminded" in caplog.text
    monkeypatch.undo()
    assert reviewing.tell_owners(now) == 0 and not mail.outbox


def test_a_copy_of_the_site_writes_to_nobody(now, settings):
    due(make.campaign(), TODAY, make.user("ines@example.com"))
    settings.WAGTAIL_DRIP_SENDING = "off"
    assert reviewing.tell_owners(now) == 0
    settings.WAGTAIL_DRIP_SENDING = "on"
    assert reviewing.tell_owners(now) == 1


def test_without_a_date_it_is_due_a_year_after_publishing_or_review(now):
    old = make.campaign("old", last_published_at=now - 366 * DAY)
    make.campaign("new", last_published_at=now - 364 * DAY)
    ahead = make.campaign("ahead", last_published_at=now - 900 * DAY)
    due(ahead, TODAY + DAY)
    found = reviewing.overdue(Campaign.objects.all(), now)
    assert list(found) == [old]
    reviewing.reviewed(old, due=None, owner=None, now=now)
    assert not found.all()
    assert list(reviewing.overdue(Campaign.objects.all(), now + 366 * DAY).order_by("slug")) == [
        ahead, Campaign.objects.get(slug="new"), old,
    ]  # fmt: skip
