"""A hundred people leave in the same moment, while the line runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections
from django.test import Client

from tests import factories
from wagtail_drip.content.links import leave_url
from wagtail_drip.engine.enrolling import enroll_new
from wagtail_drip.flow.triggers import LEFT_TOPIC
from wagtail_drip.models import Consent, Delivery, Enrollment, Event

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.recipients.urls"),
    pytest.mark.skipif("sqlite" in connection.vendor, reason="one connection in memory"),
]
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def leave():
    def leave(delivery, data=ONE_CLICK):
        try:
            path = urlsplit(leave_url(delivery.token)).path
            return Client().post(path, data).status_code
        finally:
            connections.close_all()

    return leave


def test_a_hundred_at_once_and_the_line_runs(leave, now):
    news, offers = factories.topic("news"), factories.topic("offers")
    factories.campaign("stay", topic=offers, trigger=LEFT_TOPIC)
    waiting = factories.deliveries(factories.campaign(topic=news), 100)
    for row in waiting:
        factories.consent(row.contact, news)
        factories.consent(row.contact, offers)
    done = threading.Event()

    def crank():
        try:
            while not done.is_set():
                enroll_new(now)
        finally:
            connections.close_all()

    line = threading.Thread(target=crank)
    line.start()
    try:
        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(leave, waiting)) == {200}
    finally:
        done.set()
        line.join()
    assert set(Delivery.objects.values_list("state", "reason")) == {("skipped", "unsubscribed")}
    assert Consent.objects.filter(topic=news, state="withdrawn").count() == 100
    assert Event.objects.filter(name=LEFT_TOPIC).count() == 100


def test_one_person_presses_every_button_at_once(leave):
    news = factories.topic("news")
    delivery = factories.deliveries(factories.campaign(topic=news), 1)[0]
    factories.consent(delivery.contact, news)
    wishes = [ONE_CLICK, {"wish": "everything"}, {"wish": "stay"}, {"wish": "pause"},
              {"wish": "why", "why": "too_many"}] * 8  # fmt: skip
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda wish: leave(delivery, wish), wishes)) == {200}
    leave(delivery, {"wish": "everything"})
    assert not Consent.objects.filter(state="granted").exists()
    assert not Enrollment.objects.filter(state="active").exists()
