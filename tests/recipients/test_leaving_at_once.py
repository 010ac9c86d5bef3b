"""A hundred people leave in the same moment, while the line runs."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections
from django.test import Client

from tests import factories
from wagtail_drip.content.links import leave_url
from wagtail_drip.engine import uploading
from wagtail_drip.engine.enrolling import enroll_new
from wagtail_drip.engine.importing import begin, import_due
from wagtail_drip.flow.triggers import LEFT_TOPIC
from wagtail_drip.models import Consent, ContactImport, Delivery, Enrollment, Event, Tagging

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.recipients.urls"),
    pytest.mark.skipif("sqlite" in connection.vendor, reason="one connection in memory"),
]
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
DAY = timedelta(days=1)
IMPORTING = [import_due, import_due]


@pytest.fixture
def leave():
    def leave(delivery, data=ONE_CLICK):
        try:
            path = urlsplit(leave_url(delivery.token)).path
            return Client().post(path, data).status_code
        finally:
            connections.close_all()

    return leave


def room() -> int:
    """How many connections the server has left, at most a hundred; some are for others."""
    with connection.cursor() as cursor:
        cursor.execute(ROOM[connection.vendor])
        return min(100, cursor.fetchone()[0] - 15)


ROOM = {
    "postgresql": "SELECT current_setting('max_connections')::int - count(*) FROM pg_stat_activity",
    "mysql": "SELECT @@max_connections - count(*) FROM information_schema.processlist",
}


def file_of(people, topic, now) -> ContactImport:
    """A file that names them, says they agreed to the topic, and waits to be imported."""
    lines = "\n".join(["email,tags", *(f"{one.email},VIP" for one in people)])
    job = uploading.upload(io.BytesIO(lines.encode()), name="people.csv", now=now)
    ContactImport.objects.filter(pk=job.pk).update(
        mapping={"0": "email", "1": "tags"}, source="The fair", agreed_at=now - DAY
    )
    job.topics.add(topic)
    assert begin(job, "checking")
    import_due(now)
    assert begin(job, "importing")
    return job


def test_a_hundred_at_once_while_the_line_runs_and_files_bring_them(leave, now):
    news, offers = factories.topic("news"), factories.topic("offers")
    factories.campaign("stay", topic=offers, trigger=LEFT_TOPIC)
    waiting = factories.deliveries(factories.campaign(topic=news), 100)
    for row in waiting:
        factories.consent(row.contact, news)
        factories.consent(row.contact, offers)
    people = [row.contact for row in waiting]
    jobs = [file_of(people[::turn], news, now) for turn in (1, -1)]
    most, done, trouble = room(), threading.Event(), []
    gate = threading.Barrier(most + len(jobs) + 1)

    def turn(duty):
        try:
            gate.wait(60)
            while not done.is_set():
                duty(now)
        except Exception as error:
            trouble.append(error)
        finally:
            connections.close_all()

    duties = [threading.Thread(target=turn, args=[duty]) for duty in (enroll_new, *IMPORTING)]
    for thread in duties:
        thread.start()
    try:
        # Each of its threads waits until all are there.
        with ThreadPoolExecutor(most, initializer=gate.wait, initargs=[60]) as pool:
            assert set(pool.map(leave, waiting)) == {200}
    finally:
        done.set()
        for thread in duties:
            thread.join()
    while import_due(now):
        pass
    assert trouble == []
    assert set(Delivery.objects.values_list("state", "reason")) == {("skipped", "unsubscribed")}
    assert Consent.objects.filter(topic=news, state="withdrawn").count() == 100
    assert Event.objects.filter(name=LEFT_TOPIC).count() == 100
    assert {ContactImport.objects.get(pk=job.pk).state for job in jobs} == {"done"}
    assert Tagging.objects.count() == 100


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
