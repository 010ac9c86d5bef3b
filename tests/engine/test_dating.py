from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests import factories
from tests.factories import wait, wait_day
from tests.queries import queries
from wagtail_drip.engine.advancing import advance_due
from wagtail_drip.models import Contact, Enrollment

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def standing(node, person=None, **fields) -> Enrollment:
    nodes = {"n1": node, "n2": wait(amount=40)}
    return factories.enrollment(factories.campaign(nodes=nodes), person, **fields)


@pytest.mark.parametrize("of", ["contact", "user", "event"])
def test_a_date_of_the_contact_their_user_or_the_event(now, of):
    day = now + 5 * DAY
    user = factories.user(last_login=day)
    person = factories.contact(attributes={"last_login": "2026-03-07"}, user=user)
    row = standing(wait_day(of, "last_login", "n2"), person, data={"last_login": day.isoformat()})
    advance_due(now + 4 * DAY)
    assert fresh(row).node == "n1"
    advance_due(now + 5 * DAY)
    assert (fresh(row).node, fresh(row).arrived_at) == ("n2", datetime(2026, 3, 7, 9, tzinfo=UTC))


def test_a_date_that_changes_is_read_again(now):
    person = factories.contact(attributes={"renewal": "2026-05-01"})
    row = standing(wait_day("contact", "renewal", "n2"), person)
    advance_due(now)
    assert fresh(row).due_at == now + DAY
    Contact.objects.update(attributes={"renewal": "2026-03-03"})
    advance_due(now + DAY)
    assert fresh(row).node == "n2"


def test_without_a_date_they_leave_and_it_says_why(now):
    row = standing(wait_day("contact", "renewal", "n2"))
    advance_due(now)
    assert (fresh(row).state, fresh(row).reason) == ("left", "no date")


def test_a_field_of_the_user_that_is_no_date_is_never_read(now):
    row = standing(wait_day("user", "password", "n2"), factories.contact(user=factories.user()))
    advance_due(now)
    assert fresh(row).state == "failed"


def test_a_fixed_number_of_queries(now):
    def cost(people: int) -> int:
        nodes = {"n1": wait_day("contact", "renewal", "n2", leave=False), "n2": wait()}
        factories.enrollments(factories.campaign(f"c{people}", nodes=nodes), people)
        return len(queries(advance_due, now))

    assert cost(10) == cost(500)
