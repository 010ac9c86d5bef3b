from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from wagtail_drip.models import Throttle
from wagtail_drip.models.signups import give_back, take

HOUR = timedelta(hours=1)


@pytest.mark.django_db
def test_so_often_and_not_once_more(now):
    assert [take("a", most=2, per=HOUR, now=now) for _ in range(4)] == [True, True, False, False]
    assert take("b", most=2, per=HOUR, now=now)


@pytest.mark.django_db
def test_counting_begins_anew_when_the_span_is_over(now):
    assert take("a", most=1, per=HOUR, now=now)
    assert not take("a", most=1, per=HOUR, now=now + HOUR - timedelta(seconds=1))
    assert take("a", most=1, per=HOUR, now=now + HOUR)
    assert not take("a", most=1, per=HOUR, now=now + HOUR)


@pytest.mark.django_db
def test_what_was_given_back_is_free(now):
    take("a", most=1, per=HOUR, now=now)
    give_back("a")
    assert take("a", most=1, per=HOUR, now=now)


@pytest.mark.django_db
def test_none_is_none(now):
    assert not take("a", most=0, per=HOUR, now=now)


@pytest.mark.django_db
def test_the_table_names_nobody(now):
    take("ann@example.com", most=1, per=HOUR, now=now)
    assert "ann" not in Throttle.objects.get().key_digest


@pytest.mark.django_db
def test_what_has_run_out_goes_by_itself(now):
    for number in range(5):
        take(str(number), most=1, per=HOUR, now=now)
    take("new", most=1, per=HOUR, now=now + HOUR)
    assert Throttle.objects.count() == 1


@pytest.mark.skipif("sqlite" in connection.vendor, reason="one connection in memory")
@pytest.mark.django_db(transaction=True)
def test_however_many_ask_at_once(now):
    def ask(_number):
        try:
            return take("a", most=3, per=HOUR, now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(24))) == 3
