from __future__ import annotations

from datetime import timedelta

import pytest

from tests import factories as make
from wagtail_drip.flow import conditions
from wagtail_drip.models import Contact, matching

pytestmark = pytest.mark.django_db


def overdue(*days_ago: float, percent: int = 150) -> bool:
    """Whether somebody is who ordered so many days ago."""
    person = make.contact()
    for days in days_ago:
        make.event(person, "order_placed", at=make.NOW - timedelta(days=days), inbox=False)
    group = make.group(make.condition("overdue", event="order_placed", percent=percent))
    return person.pk in matching.met(group, Contact.objects.all(), make.NOW)


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [
        ((76, 46, 16), False),  # every 30 days
        ((104, 74, 44), False),
        ((106, 76, 46), True),  # more than 45 days
        ((200, 190, 50), False),  # irregular: the mean is 75 days
        ((90, 60), False),  # two make no habit
        ((90, 90, 90), False),  # nor do three at once
        ((16, 15, 14), True),
        ((), False),
    ],
)
def test_later_than_is_usual_for_them(days_ago, expected):
    assert overdue(*days_ago) == expected


def test_how_much_later_is_chosen():
    assert overdue(104, 74, 44, percent=140)


def test_only_events_of_that_kind_count():
    person = make.contact()
    for days in (16, 15, 14):
        make.event(person, "user_signed_up", at=make.NOW - timedelta(days=days), inbox=False)
    group = make.group(make.condition("overdue", event="order_placed", percent=150))
    assert not matching.met(group, Contact.objects.all(), make.NOW)


def test_it_is_checked():
    found = conditions.problems([make.condition("overdue", event="moon_rose", percent=50)])
    assert found == [
        "this site knows no event “moon_rose”",
        "it needs a percentage from 100 to 10000",
    ]
