"""What comes in from anywhere and is not what it should be: a clear refusal, nothing lost, and no
sign-up, checkout or page broken by it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client

from tests import factories as make
from tests.admin.support import client_of, url
from wagtail_drip import api, signals
from wagtail_drip.admin.contacts import act_url, contact_url
from wagtail_drip.content import formatting
from wagtail_drip.engine.ticking import tick
from wagtail_drip.flow.occasions import DateTrigger
from wagtail_drip.flow.timing import day_of
from wagtail_drip.flow.triggers import Trigger
from wagtail_drip.models import (
    Campaign,
    Contact,
    Delivery,
    Enrollment,
    Event,
    Inbox,
    Occasion,
    matching,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
# Moments that no other zone's clock can show, days at both ends, and what is no date at all.
FAR = [
    "0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-02-30", "10000-01-01", "soon",
    "-1", "", "2026-03-02T25:00", "٢٠٢٦-٠٣-٠٢", 20260302, 1e308, True, None, [], {"day": 1},
]  # fmt: skip
ZONES = ["UTC", "Pacific/Auckland", "America/Los_Angeles"]


@pytest.fixture(params=ZONES)
def zone(request, settings) -> str:
    settings.TIME_ZONE = request.param
    return request.param


# Dates of the year 1 and 9999


def test_a_far_date_is_no_day_and_shows_somehow(zone):
    for value in FAR:
        for offset in (-12, 0, 14):
            assert day_of(value, timezone(timedelta(hours=offset))) is None
        assert isinstance(formatting.written(value, zone), str)
    assert formatting.written("9999-12-31T23:59:59-12:00", zone).startswith("Dec. 31, 9999")


def test_nobodys_dates_stop_the_line_for_others(now, zone, monkeypatch):
    """Attributes, data and accounts of any date: each goes on or leaves, and the one who has a good
    date gets their mail."""
    from wagtail_drip import registry

    birthday = DateTrigger("birthday", "has a birthday", date="renewal", yearly=True)
    known = registry.triggers() | {"birthday": birthday}
    monkeypatch.setattr(registry, "triggers", lambda: known)
    nodes = {
        "n1": make.wait_day("contact", "renewal", "n2", leave=False),
        "n2": make.wait_day("event", "renewal", "n3", amount=-3, yearly=True, leave=False),
        "n3": make.send(make.step("Renew")),
    }
    campaign = make.campaign(nodes=nodes)
    make.campaign("dates", trigger="birthday")
    for value in (*FAR, "2026-03-01"):
        person = make.contact(attributes={"renewal": value}, time_zone=zone)
        make.enrollment(campaign, person, data={"renewal": value})
    for number in range(3):
        tick(now + number * DAY)
    stuck = Enrollment.objects.filter(campaign=campaign, state="failed")
    assert not stuck.exists()
    people = Delivery.objects.filter(campaign=campaign).values("contact__attributes__renewal")
    assert people.count() == len(FAR)  # who has a day waits for it: it is over this year
    assert set(Occasion.objects.values_list("day", flat=True)) <= {date(2026, 3, 1)}
    for op in ("next", "last", "before", "after", "anniversary"):
        group = make.group(make.condition("date", key="renewal", op=op, days=3650))
        matching.met(group, Contact.objects.all(), now)


def test_a_far_moment_of_an_event_is_refused(settings, caplog):
    settings.WAGTAIL_DRIP_STRICT = False
    edges = [datetime(1, 1, 1), datetime(1899, 1, 1), datetime(9999, 12, 31, 23)]
    moments = [
        edge.replace(tzinfo=timezone(timedelta(hours=hours)))
        for edge in edges
        for hours in (-12, 0, 14)
    ]
    for at in moments:
        assert api.record("user_signed_up", email="ann@example.com", at=at) is None
    assert caplog.text.count("before 1900 or more than a day ahead") == len(moments)


EDGES = ["0001-01-01", "9999-12-31"]


PATHS = [
    "/admin/drip/contacts/?created_from={0}&created_to={0}", "/admin/drip/events/?when_from={0}",
    "/admin/drip/people/?entered_to={0}", "{results}?since={0}&until={0}",
    "{contact}?before={0}T00:00:00%2B14:00", "{contact}?before={0}T23:59:59-12:00",
]  # fmt: skip


def test_a_far_day_in_an_address_breaks_no_page(zone):
    campaign, person = make.campaign(), make.contact()
    make.event(person)
    client = client_of("editor", is_superuser=True)
    for path in PATHS:
        for day in EDGES:
            results = url("results", campaign)
            place = path.format(day, results=results, contact=contact_url(person.pk))
            assert client.get(place).status_code == 200


def test_a_far_day_in_a_form_is_refused(zone):
    topic, person, campaign = make.topic(), make.contact(), make.campaign()
    client = client_of("editor", is_superuser=True)
    for moment in ("0001-01-01 00:00", "9999-12-31 23:59"):
        told = {"name": "user_signed_up", "at": moment, "topic": topic.pk, "source": "paper"}
        for slug in ("note", "subscribe"):
            answer = client.post(act_url(slug, person.pk), told)
            assert answer.status_code == 200 and answer.context["form"].errors["at"]
        tried = {"who": "sample", "version": "live", "start": moment, "person-number": "1",
                 "events-TOTAL_FORMS": "0", "events-INITIAL_FORMS": "0"}  # fmt: skip
        answer = client.post(url("try", campaign), tried)
        assert answer.status_code == 200 and answer.context["form"].errors["start"]
    assert not Event.objects.exists()


# Handlers that raise


def test_a_receiver_that_raises_breaks_no_sign_up_and_no_pump(now, caplog):
    def boom(**kwargs):
        raise RuntimeError("boom")

    make.campaign()
    told = (signals.work_waiting, signals.pre_transmit, signals.post_transmit)
    for signal in told:
        signal.connect(boom)
    try:
        with transaction.atomic():
            get_user_model().objects.create(username="ann", email="ann@example.com")
        Campaign.objects.update(started_at=now - 9000 * DAY)
        tick(datetime.now(UTC) + timedelta(minutes=1))
    finally:
        for signal in told:
            signal.disconnect(boom)
    assert Event.objects.filter(name="user_signed_up").count() == 1
    assert Enrollment.objects.count() == 1 and not Inbox.objects.exists()


def test_a_trigger_that_raises_costs_nobody_else_the_entry(now, monkeypatch, caplog):
    from wagtail_drip import registry

    class Odd(Trigger):
        def concerns(self, data, **kwargs):
            if data.get("odd"):
                raise RuntimeError("boom")
            return True

    known = registry.triggers() | {"odd": Odd("odd", "did something odd")}
    monkeypatch.setattr(registry, "triggers", lambda: known)
    make.campaign(trigger="odd")
    other = make.campaign("other")
    bad, good, beside = make.contacts(3)
    make.event(bad, "odd", data={"odd": 1})
    make.event(good, "odd")
    make.event(beside)
    tick(now)
    entered = set(Enrollment.objects.values_list("contact_id", flat=True))
    assert {good.pk, beside.pk} <= entered and bad.pk not in entered
    assert not Inbox.objects.exists() and other.enrollments.count() == 1


# A megabyte, and addresses that are none


@pytest.mark.parametrize(
    "data",
    [
        {"x": "x" * 1_000_000}, {"x": ["y"] * 300_000}, {str(n): n for n in range(100_000)},
        {"x": "é" * 40_000},
    ],
)  # fmt: skip
def test_a_megabyte_of_data_is_refused_and_the_checkout_goes_on(settings, data, caplog):
    settings.WAGTAIL_DRIP_STRICT = False
    with transaction.atomic():
        assert api.record("user_signed_up", email="ann@example.com", data=data) is None
        kept = make.user("ann@example.com")
    assert get_user_model().objects.filter(pk=kept.pk).exists()
    assert "larger than 64 KB" in caplog.text and not Event.objects.filter(key="").exclude(
        name="user_signed_up"
    )


@pytest.mark.parametrize(
    "email",
    [
        "", " ", "ann", "@", "ann@", "@example.com", "a" * 300 + "@example.com", "ann@exa mple.com",
        "ann@example.com\nBcc: all@example.com", "ann@example..com", "ann\0@example.com",
        "<ann@example.com>", "a@b@c.example", "\ud800@example.com", 7, b"a@b.c",
        ["ann@example.com"], {"email": "ann@example.com"},
    ],
)  # fmt: skip
def test_what_is_no_address_is_nobody(settings, email, caplog):
    settings.WAGTAIL_DRIP_STRICT = False
    with transaction.atomic():
        api.record("user_signed_up", email=email)
        api.enroll(make.campaign().slug, email=email)
        api.subscribe(make.topic().slug, email=email, source="test")
        assert Campaign.objects.count() == 1  # the caller's transaction is whole
    assert not Contact.objects.exists()


# An endpoint flooded


def call(**headers: str):
    body = json.dumps({"event": "user_signed_up", "email": "ann@example.com", "key": "1"})
    return Client().generic("POST", "/drip/events/", body, "application/json", headers=headers)


def test_calls_without_a_key_are_held_back_by_where_they_come_from(settings):
    from wagtail_drip.models import ApiKey

    settings.WAGTAIL_DRIP_REFUSED_CALLS_PER_MINUTE = 3
    settings.WAGTAIL_DRIP_TRUSTED_PROXIES = 1
    key = ApiKey.objects.create(name="Till", site=make.site())
    flood = [call(**{"X-Forwarded-For": "192.0.2.7"}) for _n in range(5)]
    assert [one.status_code for one in flood] == [401, 401, 401, 429, 429]
    assert flood[-1].json()["error"]["code"] == "rate" and flood[-1]["Retry-After"] == "60"
    signed = {"X-Drip-Key": "0" * 24, "X-Drip-Signature": "x", "X-Forwarded-For": "192.0.2.7"}
    assert call(**signed).status_code == 429
    assert call(**{"X-Forwarded-For": "192.0.2.8"}).status_code == 401
    # Who has a key is not kept out by a neighbor.
    bearer = {"Authorization": f"Bearer {key.token()}", "X-Forwarded-For": "192.0.2.7"}
    assert call(**bearer).status_code == 201
