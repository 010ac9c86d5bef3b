from __future__ import annotations

import pytest

from tests import factories
from wagtail_drip import registry
from wagtail_drip.models import Contact, Enrollment, matching

OVER_20 = {"slug": "order_total_over", "args": {"amount": 20}}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("total", "over"),
    [
        ("20.01", True),
        ("100", True),
        (25.5, True),
        ("20.00", False),
        ("9.99", False),
        ("a lot", False),
        (None, False),
    ],
)
def test_the_total_of_the_order_is_compared_as_a_number(now, total, over):
    factories.enrollment(factories.campaign("thanks"), data={"total": total})
    for match, expected in (("all", over), ("none", not over)):
        group = {"match": match, "conditions": [OVER_20]}
        assert bool(matching.met(group, Enrollment.objects.all(), now)) is expected


def test_it_is_asked_of_those_inside_alone(now):
    condition = registry.conditions()["order_total_over"]
    assert condition.check({"amount": 20}) == []
    assert condition.check({"amount": None}) and condition.check({"amount": 20}, "contact")
    with pytest.raises(ValueError, match="enrollment only"):
        condition.q({"amount": 20}, Contact, now)
    assert condition.sentence({"amount": 20}) == "their order comes to more than € 20"
