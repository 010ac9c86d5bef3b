from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction

from tests import factories
from tests.factories import leave, send, wait, wait_event
from tests.queries import queries
from wagtail_drip.engine.advancing import advance_due
from wagtail_drip.engine.enrolling import enroll_new
from wagtail_drip.models import Enrollment, Watch

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
FLOW = {
    "n1": wait_event("order_placed", "n2", "n3"),
    "n2": wait("n3", amount=5),
    "n3": leave("the time was over"),
}


def fresh(row: Enrollment) -> Enrollment:
    return Enrollment.objects.get(pk=row.pk)


def settle(now) -> None:
    """Until nobody is due."""
    while advance_due(now):
        pass


@pytest.fixture
def waiting(now):
    row = factories.enrollment(factories.campaign(nodes=FLOW))
    settle(now)
    return fresh(row)


def ordered(row, at, **fields):
    return factories.event(row.contact, "order_placed", at=at, **fields)


def test_arming_is_committed_before_the_look(now):
    row = factories.enrollment(factories.campaign(nodes=FLOW))
    advance_due(now)
    assert Watch.objects.get().name == "order_placed"
    assert fresh(row).due_at == now  # not yet the time-out
    advance_due(now)
    assert (fresh(row).node, fresh(row).due_at) == ("n1", now + 3 * DAY)


def test_an_event_wakes_them_and_the_next_wait_counts_from_it(waiting, now):
    ordered(waiting, now + DAY)
    enroll_new(now + DAY + timedelta(minutes=1))
    settle(now + DAY + timedelta(minutes=1))
    row = fresh(waiting)
    assert (row.node, row.arrived_at, row.due_at) == ("n2", now + DAY, now + 6 * DAY)
    assert not Watch.objects.exists()


def test_the_time_out_has_its_own_way(waiting, now):
    settle(now + 3 * DAY)
    assert (fresh(waiting).state, fresh(waiting).reason) == ("left", "the time was over")


def test_an_event_of_before_or_of_others_or_of_another_kind_is_none(waiting, now):
    ordered(waiting, now - DAY)
    factories.event(waiting.contact, "user_signed_up", at=now)
    factories.event(factories.contact(), "order_placed", at=now)
    enroll_new(now)
    settle(now)
    assert (fresh(waiting).node, fresh(waiting).due_at) == ("n1", now + 3 * DAY)


def test_an_event_between_arming_and_the_look_is_seen_by_the_look(now):
    row = factories.enrollment(factories.campaign(nodes=FLOW))
    advance_due(now)
    ordered(row, now, inbox=False)  # enrolling was through with it already
    advance_due(now)
    assert fresh(row).node == "n2"


def test_what_made_them_enter_is_not_what_they_wait_for(now):
    person = factories.contact()
    first = factories.event(person, "order_placed", at=now, inbox=False)
    row = factories.enrollment(factories.campaign(nodes=FLOW), person, event=first)
    settle(now)
    assert fresh(row).node == "n1"


def test_about_the_same_thing(now):
    nodes = {**FLOW, "n1": {**FLOW["n1"], "event": {"event": "order_placed", "same": "book"}}}
    row = factories.enrollment(factories.campaign(nodes=nodes), data={"book": 7})
    settle(now)
    for book, node in ((8, "n1"), (7, "n2")):
        ordered(row, now, data={"book": book})
        enroll_new(now)
        settle(now)
        assert fresh(row).node == node


def test_whoever_waits_for_a_mail_is_let_be(now):
    """A Watch that outlived its wait does nothing."""
    row = factories.enrollment(
        factories.campaign(nodes={**FLOW, "n1": send(factories.step(), "n2")})
    )
    Watch.objects.create(enrollment=row, contact=row.contact, name="order_placed", node="old")
    settle(now)
    ordered(row, now)
    enroll_new(now)
    settle(now)
    assert (fresh(row).node, fresh(row).due_at) == ("n1", None)
    assert fresh(row).deliveries.count() == 1


@pytest.mark.parametrize("event", [False, True])
def test_a_fixed_number_of_queries(now, event, settings):
    def cost(people: int) -> list[str]:
        rows = factories.enrollments(factories.campaign(f"c{people}", nodes=FLOW), people)
        counted = queries(advance_due, now) + queries(advance_due, now)
        if event:
            for row in rows:
                ordered(row, now)
            counted = queries(enroll_new, now, 1000) + queries(advance_due, now)
        return counted

    assert len(cost(10)) == len(cost(500))


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="its writers take turns")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("commit_first", ["event", "look"])
def test_no_wake_up_is_lost_in_a_race(now, commit_first):
    """The event is recorded and enrolled while another process has its last look."""
    row = factories.enrollment(factories.campaign(nodes=FLOW))
    advance_due(now)

    def elsewhere():
        ordered(row, now)
        enroll_new(now)
        connection.close()

    with transaction.atomic():
        if commit_first == "look":
            advance_due(now)  # sets the time-out; enrolling must come after it, and undo it
        else:
            Enrollment.objects.count()
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join(1)
        if commit_first == "event":
            thread.join(10)
            advance_due(now)
    thread.join(10)
    settle(now)
    assert fresh(row).node == "n2"


def apart(*works) -> list:
    """Each in a thread of its own."""

    def run(work):
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.mark.django_db(transaction=True)
def test_many_wake_ups_against_many_looks(now, share_rows):
    """However the two run into one another, everybody is woken."""
    rows = factories.enrollments(factories.campaign(nodes=FLOW), 20)
    share_rows()

    def happening():
        for row in rows:
            ordered(row, now)
            enroll_new(now)

    def looking():
        for _ in range(12):
            advance_due(now, limit=7)

    def at_last():
        while enroll_new(now) + advance_due(now):
            pass
        return {row.node for row in Enrollment.objects.all()}

    apart(happening, looking, looking)
    assert apart(at_last) == [{"n2"}]
