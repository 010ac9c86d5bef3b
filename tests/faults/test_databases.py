"""Connections cut and the server killed, while mails go out and visitors come and go."""

from __future__ import annotations

import re
from itertools import count
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client

from tests import factories as make
from tests.faults import server
from tests.faults.rig import Rig, assert_exact, pick, surviving
from tests.faults.sink import Sink
from tests.faults.visitors import Deed, Visitors, visiting
from wagtail_drip import api
from wagtail_drip.content.links import leave_url
from wagtail_drip.models import Campaign, Consent, Delivery, Enrollment, Topic


def campaign_of_two(topic: Topic) -> Campaign:
    nodes = {"n1": make.send(make.step("One"), "n2"), "n2": make.send(make.step("Two"))}
    return make.campaign(topic=topic, nodes=nodes)


def deeds(topic: Topic, campaign: Campaign, name: str) -> list[Deed]:
    """Sign up, be imported, be entered by hand, and leave by a link; each under keys of its own."""
    rows = iter(list(Delivery.objects.filter(node="n1").order_by("-pk")[:2000]))

    def sign_up(number: int) -> None:
        email = f"{name}{number}@visitors.example"
        api.subscribe(topic.slug, email=email, source="test", confirmed=True)
        api.record("user_signed_up", email=email, key=f"{name}{number}")

    def import_some(number: int) -> None:
        for one in range(3):
            email = f"{name}i{number}.{one}@visitors.example"
            api.subscribe(topic.slug, email=email, source="import", confirmed=True)

    def enroll(number: int) -> None:
        email = f"{name}e{number}@visitors.example"
        api.subscribe(topic.slug, email=email, source="test", confirmed=True)
        api.enroll(campaign.slug, email=email)

    def leave(number: int) -> None:
        path = urlsplit(leave_url(next(rows).token)).path
        assert Client().post(path).status_code == 200

    return [sign_up, import_some, enroll, leave]


def fill(amount: int) -> tuple[Topic, Campaign]:
    topic = make.topic()
    campaign = campaign_of_two(topic)
    rows = make.deliveries(campaign, amount, node="n1")
    Consent.objects.bulk_create(
        Consent(contact_id=row.contact_id, topic=topic, state="granted", changed_at=make.NOW)
        for row in rows
    )
    return topic, campaign


def until_busy(rig: Rig, visitors: Visitors) -> None:
    """On a busy machine the mails may be through before anybody has done much."""
    rig.until(lambda: visitors.done > 20, "visitors come and go")


def assert_all_are_through(rig: Rig, visitors) -> None:
    rig.until_settled()
    assert visitors.errors == []
    assert not Enrollment.objects.filter(state="active").exists()
    assert not Enrollment.objects.filter(state="failed").exists()
    assert rig.all_run()
    conflicts = re.findall(r"^.*(?:[Dd]eadlock|could not serialize).*$", rig.log(), re.MULTILINE)
    assert conflicts == []


@pytest.mark.parametrize("serializable", [False, True])
def test_connections_cut_while_people_come_and_go(start, tell, serializable):
    topic, campaign = fill(pick(400, 3000))
    rig = start(Sink(delay=0.004))
    rig.start_clusters(2)
    rig.call_workers(4)
    rig.until_taken(10)
    ours = deeds(topic, campaign, "v")
    with visiting(*ours, serializable=serializable) as visitors:
        for _cut in range(pick(2, 10)):
            rig.go_on_for(pick(2, 5))
            surviving(cut_all)
            rig.call_workers(2)
        until_busy(rig, visitors)
    assert_all_are_through(rig, visitors)
    kind = "serializable visitors" if serializable else "visitors"
    assert_exact(tell(rig.account(f"connections cut, {kind}")))


def cut_all() -> None:
    """Every connection to this database but our own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_the_server_killed_and_started_again(start, tell):
    own = server.of_environment()
    assert own, "run by tests.faults.run, which starts a server that may be killed"
    restarts = pick(2, 5)
    topic, campaign = fill(pick(400, 4000))
    rig = start(Sink(delay=0.004))
    rig.start_clusters(2)
    rig.until_up()
    rig.call_workers(4)
    with visiting(*deeds(topic, campaign, "r")) as visitors:
        for part in count(1):
            rig.until_taken(part * pick(400, 4000) // (restarts + 2))
            own.restart_hard()
            surviving(lambda: rig.call_workers(2))
            if part == restarts:
                break
        until_busy(rig, visitors)
    assert_all_are_through(rig, visitors)
    assert_exact(tell(rig.account(f"PostgreSQL killed {restarts} times")))
