"""What a mail costs the database: few statements, and none that reads a whole big table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from wagtail import hooks

from tests import factories as make
from tests.queries import queries
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.engine import (
    advancing,
    enrolling,
    leaving,
    noting,
    occurring,
    recovering,
    sending,
    ticking,
)
from wagtail_drip.flow.occasions import DateTrigger, SilenceTrigger
from wagtail_drip.models import Delivery, Enrollment, Event, Occasion

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="tells how PostgreSQL is asked"),
]
PEOPLE = 2000
# What grows with the people and the mails; of the rest a site has hundreds at most.
BIG = {
    f"wagtail_drip_{name}"
    for name in (
        "contact",
        "consent",
        "delivery",
        "enrollment",
        "event",
        "inbox",
        "occasion",
        "suppression",
    )
}


@pytest.fixture(autouse=True)
def channel():
    with hooks.register_temporarily("register_drip_channels", lambda: {"email": MemoryChannel()}):
        yield


def people_due(amount: int):
    topic = make.topic()
    step = make.step()
    nodes = {"n1": make.send(step, "n2"), "n2": make.wait("n3"), "n3": make.send(step)}
    rows = make.enrollments(make.campaign(nodes=nodes, topic=topic), amount)
    for row in rows[:3]:
        make.consent(row.contact, topic)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO wagtail_drip_consent (contact_id, topic_id, state, changed_at)"
            " SELECT id, %s, 'granted', now() FROM wagtail_drip_contact ON CONFLICT DO NOTHING",
            [topic.pk],
        )
    return rows


def test_a_mail_takes_few_statements(now):
    """From who is due to who waits for the next one, by a worker that has no time to look again."""
    people_due(PEOPLE)

    def whole_way() -> None:
        assert advancing.advance_due(now) == PEOPLE
        assert sending.send_due(now, PEOPLE, clock=lambda: 0.0) == PEOPLE
        assert advancing.advance_due(now) == PEOPLE

    begun = queries(whole_way)
    asked = [sql for sql in begun if not sql.startswith(("SAVEPOINT", "RELEASE"))]
    assert len(asked) <= 42, "\n".join(asked)  # for 2,000 mails: 0.021 each


# Plans


def scans(plan: dict[str, Any], limited: bool = False) -> Iterator[str]:
    """Big tables that the plan reads without a condition on an index, and without an end to it."""
    limited = limited or plan["Node Type"] == "Limit"
    wide = "Index Cond" not in plan and plan["Node Type"] in (
        "Seq Scan",
        "Index Scan",
        "Index Only Scan",
    )
    if plan.get("Relation Name") in BIG and wide and not limited:
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        # A sort or an aggregate reads all that is below it, whatever is cut off above.
        cut = limited and plan["Node Type"] in ("Limit", "LockRows", "Nested Loop", "Result")
        yield from scans(below, cut)


class Plans:
    """An execute wrapper that keeps each statement which reads a whole big table, and the costs."""

    def __init__(self) -> None:
        self.seen, self.wide, self.costs = 0, [], []

    def __call__(self, execute, sql, params, many, context):
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
                [(told,)] = cursor.fetchall()
            plan = told if isinstance(told, list) else json.loads(told)
            self.seen += 1
            self.costs.append((plan[0]["Plan"]["Total Cost"], sql[:500]))
            self.wide += [(table, sql[:500]) for table in scans(plan[0]["Plan"])]
        return execute(sql, params, many, context)


def test_no_statement_of_the_line_reads_a_whole_big_table(now, settings):
    """A few are due among many; and who reads a whole table although that is forbidden must."""
    settings.WAGTAIL_DRIP_RATE = 100_000
    rows, later = people_due(PEOPLE), now + timedelta(days=2)
    Enrollment.objects.filter(pk__gt=rows[20].pk).update(due_at=later + timedelta(days=9))
    make.deliveries(make.campaign("old"), PEOPLE, state="sent", settled_at=now)
    make.event(rows[0].contact, at=now)
    plans = Plans()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL enable_seqscan = off")
    with connection.execute_wrapper(plans):
        enrolling.enroll_new(now)
        advancing.advance_due(now)
        sending.send_due(now)
        ticking.backlog(later, 500)
        advancing.advance_due(later)
        recovering.recover(later)
        leaving.leave_all(rows[0].contact, at=later, source="/leave/")
    assert plans.wide == [] and plans.seen > 30, "\n".join(map(str, plans.wide))


def test_no_statement_of_the_line_is_compiled_on_a_new_site(now):
    """PostgreSQL knows nothing of tables that are small: it never looks at them by itself.

    So it guesses, and above jit_above_cost it compiles a statement, for a second of its time.
    """
    with connection.cursor() as cursor:
        # Forgets what another test may have told it.
        small = "campaign, cap, sitesettings, sendingtimes, topic, step, version"
        tables = ", ".join(f"wagtail_drip_{name.strip()}" for name in small.split(","))
        cursor.execute(f"TRUNCATE {tables} CASCADE")
        cursor.execute("SELECT setting FROM pg_settings WHERE name = 'jit_above_cost'")
        [above] = cursor.fetchone()
    rows = people_due(20)
    plans = Plans()
    with connection.execute_wrapper(plans):
        ticking.tick(now)
        advancing.advance_due(now + timedelta(days=2))
        leaving.leave_all(rows[0].contact, at=now, source="/leave/")
    dear = [found for found in plans.costs if found[0] > float(above) / 2]
    assert dear == [] and plans.seen > 30


def test_what_time_brings_about_is_found_by_an_index(now):
    triggers = [
        DateTrigger("once", "x", date="renewal", days=-7, catch_up=3),
        DateTrigger("yearly", "x", date="renewal", yearly=True),
        SilenceTrigger("quiet", "x", days=30),
        SilenceTrigger("no_order", "x", days=30, event="order_placed"),
    ]
    for trigger in triggers:
        make.campaign(trigger.slug, trigger=trigger.slug, started_at=now - timedelta(days=900))
    people = make.contacts(PEOPLE)
    days = [now.date() - timedelta(days=n * 7 % 3000) for n in range(PEOPLE)]
    Occasion.objects.bulk_create(
        Occasion(contact=one, name="renewal", day=day)
        for one, day in zip(people, days, strict=True)
    )
    Event.objects.bulk_create(
        Event(contact=one, name="order_placed", at=now - timedelta(hours=3 * n))
        for n, one in enumerate(people)
    )
    plans = Plans()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL enable_seqscan = off")
    registered = {trigger.slug: trigger for trigger in triggers}
    with (
        hooks.register_temporarily("register_drip_triggers", lambda: registered),
        connection.execute_wrapper(plans),
    ):
        assert occurring.occur(now) > 10
        noting.note_dates(now)
    assert plans.wide == [] and plans.seen > 8, "\n".join(map(str, plans.wide))


def test_the_test_above_would_notice(now):
    people_due(3)
    plans = Plans()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with connection.execute_wrapper(plans):
        list(Delivery.objects.filter(reason="no index knows it"))
    assert [table for table, _sql in plans.wide] == ["wagtail_drip_delivery"]
