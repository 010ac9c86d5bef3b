from __future__ import annotations

from datetime import timedelta

import pytest

from tests import factories as make
from tests.factories import send, wait
from tests.queries import queries
from wagtail_drip.engine.standing import Here, standing, together

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def campaign():
    return make.campaign(nodes={"w1": wait("s1"), "s1": send(make.step())})


def test_people_at_a_wait_go_on_when_it_is_over(campaign, now):
    for days in (0.1, 2, 9):
        make.enrollment(campaign, due_at=now + days * DAY)
    make.enrollment(campaign, state="left", node="w1")
    midnight = now + timedelta(hours=15)
    place = (campaign.current_version_id, "w1")
    assert standing(campaign, now, midnight) == {place: Here(3, now + 0.1 * DAY, 1, 2)}


def test_people_at_a_mail_go_on_when_it_is_sent(campaign, now):
    make.delivery(make.enrollment(campaign, node="s1"), due_at=now + DAY)
    [here] = standing(campaign, now, now + DAY / 2).values()
    assert here == Here(1, now + DAY, 0, 1)


def test_places_add_up(now):
    assert together([Here(1, now, 1, 1), Here(2), Here(3, now - DAY, 0, 2)]) == Here(
        6, now - DAY, 1, 3
    )
    assert together([]) == Here()


def test_two_queries_however_many_people(campaign, now):
    make.enrollments(campaign, 50)
    make.delivery(make.enrollment(campaign, node="s1"))
    assert len(queries(standing, campaign, now, now)) == 2
