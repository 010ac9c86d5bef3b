"""A due delivery belongs to one worker."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from tests import factories as make
from wagtail_drip.engine import claiming
from wagtail_drip.models import Contact, Delivery
from wagtail_drip.models.clock import DatabaseNow


@pytest.mark.django_db
def test_a_claim_is_leased_by_the_databases_clock(now, settings):
    settings.WAGTAIL_DRIP_LEASE_SECONDS = 100
    make.deliveries(make.campaign(), 2)
    claim = claiming.claim("t", now, 10)
    assert [row.delivery.attempts for row in claim.taken.values()] == [1, 1]
    left = Delivery.objects.filter(
        state="sending",
        claim="t",
        attempts=1,
        lease_until__gt=DatabaseNow() + timedelta(seconds=90),
        lease_until__lte=DatabaseNow() + timedelta(seconds=100),
    )
    assert left.count() == 2


@pytest.mark.django_db
def test_what_one_has_another_can_not_take(now):
    make.deliveries(make.campaign(), 2)
    assert len(claiming.claim("a", now, 10).taken) == 2
    assert claiming.claim("b", now, 10) == claiming.Claim()


@pytest.mark.django_db
def test_the_last_ones_are_shared_with_another_who_works(now, monkeypatch):
    """Else one would have much left to do when the others have nothing."""
    monkeypatch.setattr(claiming, "SHARED", 2)
    assert claiming.fair_share(now, 10) == 0
    rows = make.deliveries(make.campaign(), 9)
    assert claiming.fair_share(now, 10) == 10, "nobody else is at work"
    Delivery.objects.filter(pk=rows[0].pk).update(state="sending", claim="own")
    assert claiming.fair_share(now, 10, ["own"]) == 10
    assert claiming.fair_share(now, 10) == 4
    assert claiming.fair_share(now, 4) == 4, "there is enough for all"
    Delivery.objects.filter(pk__in=[row.pk for row in rows[1:5]]).update(
        state="sending", claim="other"
    )
    assert claiming.fair_share(now, 10, ["other"]) == 2, "it has more in hand already"
    assert claiming.fair_share(now, 10, ["own"]) == 3
    Delivery.objects.filter(pk__gt=rows[5].pk).update(due_at=now + timedelta(days=1))
    assert claiming.fair_share(now, 10) == 1, "few are not worth another claim"


@pytest.mark.django_db
def test_taking_is_a_compare_and_set(now):
    """Whatever was seen or locked, of two with the same rows in view one alone gets each."""
    rows = make.deliveries(make.campaign(), 3)
    Delivery.objects.filter(pk=rows[0].pk).update(state="sending", claim="other")
    assert set(claiming._take([row.pk for row in rows], "mine")) == {rows[1].pk, rows[2].pk}
    assert dict(Delivery.objects.values_list("pk", "claim")) == {
        rows[0].pk: "other",
        rows[1].pk: "mine",
        rows[2].pk: "mine",
    }


@pytest.mark.django_db
def test_an_outer_transaction_is_refused(now):
    """`sending` must be committed before a socket is used."""
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        claiming.claim("t", now, 1)


@pytest.mark.django_db(transaction=True)
def test_claimers_at_once_share_no_row(now, share_rows):
    make.deliveries(make.campaign(), 300)
    share_rows()
    start = threading.Barrier(4)

    def work(name: str) -> list[int]:
        start.wait()
        taken: list[int] = []
        while claim := claiming.claim(name, now, 20).taken:
            taken.extend(claim)
        connection.close()
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [pk for ids in pool.map(work, "abcd") for pk in ids]
    assert len(taken) == len(set(taken)) == 300


@pytest.mark.skipif(connection.vendor != "postgresql", reason="locks one table of a join")
@pytest.mark.django_db(transaction=True)
def test_who_is_being_taken_out_is_left_aside_not_waited_for(now, site_rows):
    busy, free = make.deliveries(make.campaign(), 2)
    locked, done = threading.Event(), threading.Event()

    def leave() -> None:
        with transaction.atomic():
            list(Contact.objects.filter(pk=busy.contact_id).select_for_update())
            locked.set()
            done.wait(10)
        connection.close()

    thread = threading.Thread(target=leave)
    thread.start()
    locked.wait(10)
    try:
        assert set(claiming.claim("t", now, 10).taken) == {free.pk}
    finally:
        done.set()
        thread.join(10)


@pytest.mark.django_db
def test_the_unique_key_stands_behind_it_all():
    [row] = make.deliveries(make.campaign(), 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        make.delivery(row.enrollment)
