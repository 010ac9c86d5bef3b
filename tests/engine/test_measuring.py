"""What became of each mail."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from tests import factories as make
from tests.queries import queries
from wagtail_drip.engine.measuring import ENOUGH, Numbers, measure, total
from wagtail_drip.models import Conversion, Delivery
from wagtail_drip.models.consent import grant, withdraw
from wagtail_drip.recipients.leaving import source_of

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def campaign():
    return make.campaign()


def sent(campaign, node="n1", **fields) -> Delivery:
    row = fields.pop("enrollment", None) or make.enrollment(campaign)
    fields.setdefault("settled_at", make.NOW)
    return make.delivery(row, node=node, **{"state": "sent", **fields})


def by_node() -> dict[str, Numbers]:
    return {node: found for (node,), found in measure(Delivery.objects.all(), "node").items()}


def test_what_was_planned_sent_delivered_and_clicked(campaign):
    sent(campaign)
    sent(campaign, delivered_at=make.NOW)
    sent(campaign, delivered_at=make.NOW, clicked_at=make.NOW)
    make.delivery(make.enrollment(campaign))
    sent(campaign, "n2", state="skipped")
    assert by_node() == {"n1": Numbers(4, 3, 2, 1), "n2": Numbers(1)}


def test_a_goal_counts_for_the_last_mail_before_it_with_its_value(campaign):
    row = make.enrollment(campaign)
    sent(campaign, "n1", enrollment=row)
    last = sent(campaign, "n2", enrollment=row, settled_at=make.NOW + HOUR)
    row.refresh_from_db()
    fields = {"campaign": campaign, "contact": row.contact, "at": make.NOW, "value": "12.50"}
    Conversion.objects.create(enrollment=row, delivery=last, **fields)
    assert by_node() == {
        "n1": Numbers(1, 1),
        "n2": Numbers(1, 1, converted=1, value=Decimal("12.50")),
    }
    assert str(by_node()["n2"].value) == "12.50"  # as people write it, on each database


def test_who_unsubscribed_by_this_mails_link(campaign):
    topic = make.topic()
    one, other = sent(campaign, "n1"), sent(campaign, "n2")
    for delivery in (one, other):
        grant(delivery.contact, topic, at=make.NOW, source="form")
    withdraw(one.contact, topic, at=make.NOW, source=source_of(one))
    withdraw(other.contact, topic, at=make.NOW, source="by phone")
    assert {node: found.unsubscribed for node, found in by_node().items()} == {"n1": 1, "n2": 0}


def test_few_are_too_few_to_judge():
    assert Numbers(sent=ENOUGH - 1).percent(50) is None
    assert Numbers(sent=ENOUGH).percent(50) == 50
    assert total([Numbers(1, 1), Numbers(2, 1)]) == Numbers(3, 2) and total([]) == Numbers()


def test_one_query_however_many(campaign):
    make.deliveries(campaign, 30)
    assert len(queries(measure, Delivery.objects.all(), "node", "version_id")) == 1
