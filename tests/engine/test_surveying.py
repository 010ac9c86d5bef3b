from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from tests import factories as make
from tests.queries import queries
from wagtail_drip.engine.surveying import count_stages
from wagtail_drip.engine.ticking import tick
from wagtail_drip.models import Contact, Stage, StageCount, lifecycle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def counts(now) -> dict[str, int]:
    rows = StageCount.objects.filter(day=now.date()).exclude(number=0)
    return dict(rows.values_list("stage", "number"))


def test_each_day_is_counted_once_and_kept(now):
    buyer, lead, _target = make.contacts(3)
    make.event(buyer, "order_placed", at=now, inbox=False)
    make.event(lead, at=now, inbox=False)
    Contact.objects.filter(pk=make.contact().pk).update(erased_at=now)
    assert tick(now).unfinished is False  # a duty of the line
    assert counts(now) == {"target": 1, "lead": 1, "customer": 1}
    make.event(lead, "order_placed", at=now, inbox=False)
    assert count_stages(now + timedelta(hours=1)) == 0
    assert counts(now) == {"target": 1, "lead": 1, "customer": 1}
    assert count_stages(now + DAY) == 5
    assert counts(now + DAY) == {"target": 1, "customer": 2}
    assert counts(now) == {"target": 1, "lead": 1, "customer": 1}


def test_the_day_is_the_sites(now, settings):
    settings.TIME_ZONE = "Pacific/Auckland"  # 13 hours ahead: 22:00 and 00:00 of the next day
    assert count_stages(now) == 5 and count_stages(now + timedelta(hours=2)) == 5


def test_it_counts_as_each_person_is_told(now):
    chance = random.Random(7)
    for person in make.contacts(40):
        for _event in range(chance.randrange(5)):
            at = now - chance.choice((1, 3, 20, 60, 200, 400, 900)) * DAY
            name = chance.choice(("order_placed", "order_placed", "user_signed_up", "left_topic"))
            make.event(person, name, at=at, inbox=False)
    each = lifecycle.with_stages(Contact.objects.all(), now).values_list("stage", flat=True)
    told = Counter(each)
    assert lifecycle.count(now) == {stage: told[stage] for stage in Stage.values}


def test_it_costs_the_same_for_10_and_500(now):
    make.contacts(10)
    few = queries(count_stages, now)
    make.contacts(490)
    assert queries(count_stages, now + DAY) == few
    assert counts(now + DAY) == {"target": 500}
