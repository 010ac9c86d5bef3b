"""Rates: never more in any minute than allowed, and hardly less, by all workers together."""

from __future__ import annotations

import threading
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from tests import factories as make
from wagtail_drip.conf import conf
from wagtail_drip.engine import claiming, pacing, sending, ticking
from wagtail_drip.engine.connecting import Connections
from wagtail_drip.models import Delivery

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch):
    """The database's clock, as a list of one moment."""
    moment = [NOON]
    monkeypatch.setattr(pacing, "database_now", lambda: moment[0])
    return moment


def claimed(now, limit=100) -> int:
    return len(claiming.claim("t", now, limit).taken)


def test_without_a_rate_no_limit_is_kept(now):
    make.deliveries(make.campaign(), 3)
    assert claimed(now) == 3 and not pacing.Pace.objects.exists()


def test_a_campaign_gets_its_share_and_others_all(now, clock):
    slow, quick = make.campaign("slow", rate=60), make.campaign("quick")
    make.deliveries(slow, 5, priority=9)
    make.deliveries(quick, 5)
    claim = claiming.claim("t", now, 100)
    assert len(claim.taken) == 2 + 5 and 0.5 < claim.wait < 1.1
    assert claimed(now) == 0
    clock[0] += timedelta(seconds=claim.wait + 0.01)
    assert claimed(now) == 1


def test_a_full_slice_leaves_room_for_limited_campaigns(now, clock):
    make.deliveries(make.campaign("quick", priority=5), 20, priority=5)
    make.deliveries(make.campaign("slow", rate=60), 5)
    taken = claiming.claim("t", now, 10).taken.values()
    assert len(taken) == 10 and sum(one.go.campaign.slug == "slow" for one in taken) == 2


def test_campaigns_of_a_site_share_its_rate(now, clock, settings):
    settings.WAGTAIL_DRIP_RATE = {make.site().hostname: 60}
    for slug in ("a", "b"):
        make.deliveries(make.campaign(slug), 5)
    assert claimed(now) == 2
    clock[0] += timedelta(seconds=1.1)
    assert claimed(now) == 1


def test_the_narrower_of_two_limits_holds(now, clock, settings):
    settings.WAGTAIL_DRIP_RATE = 600
    make.deliveries(make.campaign(rate=60), 20)
    assert claimed(now) == 2


def test_what_may_not_go_uses_nothing_up(now, clock):
    campaign = make.campaign(rate=60)
    for row in make.deliveries(campaign, 2, due_at=now - timedelta(minutes=1)):
        row.enrollment.state = "left"
        row.enrollment.save()
    make.deliveries(campaign, 5)
    assert [claimed(now), claimed(now)] == [0, 2]


@pytest.mark.parametrize("rate", [1, 7, 50, 60, 333, 600, 6000])
def test_no_minute_has_more_and_five_minutes_hardly_less(rate, clock):
    """Two workers that come whenever they are told to, or half a second late."""
    campaign, sent = make.campaign(rate=rate), []
    with transaction.atomic():
        while clock[0] < NOON + timedelta(minutes=6):
            allowed = pacing.allowance([campaign])
            [limits] = allowed.groups()
            amount = allowed.of(limits)
            allowed.use(limits, amount)
            pacing.spend(allowed, [campaign.pk] * amount)
            sent += [clock[0]] * amount
            late = 0.5 * (len(sent) % 2)
            clock[0] += timedelta(seconds=max(0.01, allowed.seconds_to_wait()) + late)
    minute = timedelta(minutes=1)
    most = max(bisect_left(sent, one + minute) - at for at, one in enumerate(sent))
    assert most <= rate
    if rate >= 60:
        least = bisect_left(sent, NOON + 6 * minute) - bisect_left(sent, NOON + minute)
        assert least >= 0.95 * rate * 5


def test_a_clock_set_back_stops_nobody_for_long(clock, now):
    make.deliveries(make.campaign(rate=60), 9)
    claimed(now)
    clock[0] -= timedelta(days=1)
    assert claiming.claim("t", now, 100).wait < 5


@pytest.mark.skipif(connection.vendor == "sqlite", reason="writers take turns there")
@pytest.mark.django_db(transaction=True)
def test_claimers_at_once_share_one_rate(now, site_rows):
    make.deliveries(make.campaign(rate=600), 200)
    start = threading.Barrier(4)

    def work(name: str) -> int:
        start.wait()
        try:
            return sum(len(claiming.claim(name, now, 50).taken) for _ in range(3))
        finally:
            connection.close()

    began = datetime.now(UTC)
    with ThreadPoolExecutor(4) as pool:
        taken = sum(pool.map(work, "abcd"))
    seconds = (datetime.now(UTC) - began).total_seconds()
    assert 12 <= taken <= 12 + 10 * seconds
    assert Delivery.objects.filter(state="sending").count() == taken


def test_a_worker_waits_for_its_turn(now, clock):
    make.deliveries(make.campaign(rate=60), 5)
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += timedelta(seconds=seconds)

    done = ticking.pump(lambda: now, 60, sleep=sleep)
    assert done.sent == 5 and 3 <= len(waits) <= 8 and max(waits) <= 1.1
    assert not Delivery.objects.filter(state="waiting").exists()


def test_where_somebody_waits_slices_are_small(now, clock):
    make.deliveries(make.campaign(rate=60), 5)
    with Connections() as connections:
        usual = connections.slice_size()
        sending.send_due(now, connections=connections)
        assert connections.slice_size() < usual


@pytest.mark.parametrize("wrong", [0, -1, "60", {"a.example": 0}, True])
def test_a_rate_is_a_number_of_messages(wrong, settings):
    settings.WAGTAIL_DRIP_RATE = wrong
    with pytest.raises(ImproperlyConfigured, match="RATE"):
        assert conf.RATE
