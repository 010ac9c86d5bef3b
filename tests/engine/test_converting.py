from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from wagtail import hooks

from tests import factories
from tests.factories import condition, send, wait
from tests.queries import queries
from wagtail_drip.engine.advancing import advance_due
from wagtail_drip.engine.converting import value_of
from wagtail_drip.engine.enrolling import enroll_new
from wagtail_drip.engine.sending import send_due
from wagtail_drip.flow.triggers import Trigger
from wagtail_drip.models import Contact, Conversion, Delivery, Enrollment, Event, matching

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ORDER = condition("event_happened", event="order_placed", since="entering")


@pytest.fixture(autouse=True)
def shop():
    known = {"order_placed": Trigger("order_placed", "placed an order", value="total")}
    with hooks.register_temporarily("register_drip_triggers", lambda: known):
        yield


@pytest.fixture
def inside(now):
    """Somebody in a long wait of a campaign whose goal is an order."""
    campaign = factories.campaign(nodes={"n1": wait(amount=30)}, goals=[ORDER])
    row = factories.enrollment(campaign)
    advance_due(now)
    return row


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def ordered(row, at, **data):
    return factories.event(row.contact, "order_placed", at=at, data=data)


def test_a_goal_ends_the_campaign_at_once_and_counts_with_its_value(inside, now):
    event = ordered(inside, now + DAY, total="18.50")
    enroll_new(now + DAY)
    advance_due(now + DAY)
    assert (fresh(inside).state, fresh(inside).reason) == ("left", "goal")
    found = Conversion.objects.get()
    assert (found.enrollment, found.event, found.event_name) == (inside, event, "order_placed")
    assert (found.at, found.value, found.delivery) == (now + DAY, Decimal("18.50"), None)


def test_a_goal_that_asks_for_no_event_counts_without_one(now):
    german = condition("language", language="de")
    campaign = factories.campaign(goals=[german])
    factories.enrollment(campaign, factories.contact(language="de"))
    advance_due(now)
    found = Conversion.objects.get()
    assert (found.event, found.value, found.at) == (None, None, now)


def test_a_goal_that_is_met_before_a_mail_goes_counts_and_names_the_mail_before(now):
    nodes = {"n1": send(factories.step(), "n2"), "n2": send(factories.step("Two"))}
    campaign = factories.campaign(nodes=nodes, goals=[ORDER])
    row = factories.enrollment(campaign)
    advance_due(now)
    first = Delivery.objects.get()
    Delivery.objects.update(state="sent", settled_at=now)
    Enrollment.objects.update(due_at=now)
    advance_due(now)
    ordered(row, now, total=7)
    send_due(now)
    assert Delivery.objects.exclude(pk=first.pk).get().reason == "goal"
    assert (Conversion.objects.get().delivery, Conversion.objects.get().value) == (first, 7)


def test_the_event_in_a_group_of_goals_is_found(now):
    stream = [{"type": ORDER["slug"], "value": ORDER["args"], "id": "a"}]
    goal = condition("group", match="any", conditions=stream)
    row = factories.enrollment(factories.campaign(goals=[goal]))
    event = ordered(row, now)
    advance_due(now)
    assert Conversion.objects.get().event == event


@pytest.mark.parametrize("words", ["goal", "Goal "])
def test_who_leaves_by_the_words_of_a_code_has_not_reached_the_goal(now, words):
    campaign = factories.campaign(nodes={"n1": factories.leave(words)}, goals=[ORDER])
    row = factories.enrollment(campaign)
    advance_due(now)
    assert (fresh(row).state, fresh(row).reason) == ("left", f"“{words}”")
    assert not Conversion.objects.exists()
    reached = condition("in_campaign", campaign=campaign.pk, how="goal")
    assert not matching.met(factories.group(reached), Contact.objects.all(), now)
    assert f"for them: “{words}”" in row.decisions.get().because.sentence()


@pytest.mark.parametrize(
    ("total", "value"),
    [("18.50", "18.50"), (7, "7.00"), ("", None), (None, None), ("much", None), ("NaN", None),
     ("9" * 20, None), ([], None)],
)  # fmt: skip
def test_a_value_is_a_number_or_none(total, value):
    found = value_of(Event(name="order_placed", data={"total": total}))
    assert found == (value and Decimal(value))


def test_other_endings_are_no_conversions(inside, now):
    inside.contact.__class__.objects.update(erased_at=now)
    Enrollment.objects.update(due_at=now)
    advance_due(now)
    assert not Conversion.objects.exists()


def test_a_fixed_number_of_queries(now):
    def cost(people: int) -> int:
        rows = factories.enrollments(factories.campaign(f"c{people}", goals=[ORDER]), people)
        for row in rows:
            ordered(row, now, total=1)
        counted = queries(enroll_new, now, 1000) + queries(advance_due, now)
        assert Conversion.objects.filter(campaign__slug=f"c{people}").count() == people
        return len(counted)

    assert cost(10) == cost(500)
