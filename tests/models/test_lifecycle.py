from __future__ import annotations

from datetime import timedelta

import pytest

from tests import factories as make
from tests.queries import queries
from wagtail_drip.content.lines import LinesAdapter
from wagtail_drip.flow import conditions
from wagtail_drip.models import Contact, Enrollment, Segment, Stage, lifecycle, matching

pytestmark = pytest.mark.django_db


def did(person, name: str, *days_ago: float) -> None:
    for days in days_ago:
        make.event(person, name, at=make.NOW - timedelta(days=days), inbox=False)


def somebody(*ordered: float, **others: float) -> Contact:
    """Who ordered so many days ago, and did other things once each."""
    person = make.contact()
    did(person, "order_placed", *ordered)
    for name, days in others.items():
        did(person, name, days)
    return person


def stages_of(*people: Contact) -> list[str]:
    found = lifecycle.with_stages(Contact.objects.all(), make.NOW)
    by_id = dict(found.values_list("pk", "stage"))
    return [by_id[one.pk] for one in people]


def met(stage: str, queryset) -> set[int]:
    group = make.group(make.condition("lifecycle", stage=stage))
    return matching.met(group, queryset, make.NOW)


@pytest.mark.parametrize(
    ("ordered", "others", "expected"),
    [
        ((), {}, "target"),
        ((), {"left_topic": 3, "moon_rose": 3}, "target"),  # no sign of interest
        ((), {"user_signed_up": -1}, "target"),  # not yet
        ((), {"user_signed_up": 400}, "lead"),
        ((10,), {"user_signed_up": 20}, "customer"),
        ((364,), {}, "customer"),
        ((366,), {}, "lapsed"),
        ((300, 10), {}, "repeat"),
        ((800, 366), {}, "lapsed"),  # two are no habit, so the site's days count
        ((76, 46, 16), {}, "repeat"),  # every 30 days
        ((119, 89, 59), {}, "repeat"),
        ((121, 91, 61), {}, "lapsed"),  # twice as long as is usual
        ((2000, 1500, 500), {}, "repeat"),  # a habit of 750 days outlasts the site's
        ((12.2, 12.1, 12), {}, "repeat"),  # nobody lapses within a fortnight
        ((15.2, 15.1, 15), {}, "lapsed"),
        ((90, 90, 90), {}, "repeat"),  # three at once are no habit
    ],
)
def test_the_stage_comes_from_what_somebody_did(ordered, others, expected):
    person = somebody(*ordered, **others)
    assert stages_of(person) == [expected]
    enrollment = make.enrollment(make.campaign(), person)
    for stage in Stage.values:
        assert bool(met(stage, Contact.objects.all())) == (stage == expected)
        inside = met(stage, Enrollment.objects.all())
        assert inside == ({enrollment.pk} if stage == expected else set())


def test_the_site_says_when_somebody_lapses(settings):
    settings.WAGTAIL_DRIP_LAPSED_DAYS, settings.WAGTAIL_DRIP_LAPSED_PERCENT = 90, 300
    people = somebody(89), somebody(91), somebody(121, 91, 61), somebody(151, 121, 91)
    assert stages_of(*people) == ["customer", "lapsed", "repeat", "lapsed"]


class Bookings(LinesAdapter):
    order_events = ("user_signed_up", "subscribed")


class NoOrders(LinesAdapter):
    order_events = ()


def test_the_sites_adapter_says_what_an_order_is(settings):
    settings.WAGTAIL_DRIP_LINES = f"{__name__}.Bookings"
    people = somebody(5), somebody(user_signed_up=5, subscribed=3)
    assert stages_of(*people) == ["lead", "repeat"]


def test_where_nothing_is_an_order_there_are_targets_and_leads(settings):
    settings.WAGTAIL_DRIP_LINES = f"{__name__}.NoOrders"
    assert stages_of(somebody(), somebody(user_signed_up=5)) == ["target", "lead"]
    problem = "this site knows no event that is an order"
    assert conditions.problems([make.condition("lifecycle", stage="repeat")]) == [problem]
    assert not conditions.problems([make.condition("lifecycle", stage="lead")])


@pytest.mark.parametrize("amount", [10, 500])
def test_many_are_asked_at_once(amount):
    people = make.contacts(amount)
    for number, person in enumerate(people[:10]):
        did(person, "order_placed", *range(number % 3))
    asked = Contact.objects.filter(pk__in=[one.pk for one in people])
    assert len(queries(met, "customer", asked)) == 1
    expected = {one.pk for number, one in enumerate(people[:10]) if number % 3 == 1}
    assert met("customer", asked) == expected
    assert len(met("target", asked)) == amount - 6


def test_a_segment_is_made_of_it_and_says_it():
    segment = Segment(name="Buyers", match="any")
    segment.conditions = make._stream([make.condition("lifecycle", stage="customer"),
                                       make.condition("lifecycle", stage="repeat")])  # fmt: skip
    segment.full_clean()
    segment.save()
    people = [somebody(10), somebody(300, 10), somebody(), somebody(500)]
    assert set(segment.members(make.NOW)) == set(people[:2])
    assert segment.sentence() == ("their stage is “customer” or their stage is “repeat customer”")


def test_it_is_checked():
    found = conditions.problems([make.condition("lifecycle", stage="hero")])
    assert found == ["it isn't chosen which stage of the lifecycle"]
