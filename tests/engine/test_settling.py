"""What became of a claim is written down, whatever happened to its rows meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from tests import factories as make
from wagtail_drip.engine import erasing, settling
from wagtail_drip.engine.settling import Change, settle
from wagtail_drip.models import Delivery, Step

pytestmark = pytest.mark.django_db


@pytest.fixture
def row() -> Delivery:
    return make.deliveries(make.campaign(), 1, state="sending", claim="t", attempts=1)[0]


def settled(row: Delivery, *args, now, **fields) -> Delivery:
    assert settle("t", {row.pk: Change(*args, **fields)}, now) == 1
    row.refresh_from_db()
    return row


def test_a_servers_words_can_hold_anything(row, now):
    row = settled(row, "failed", "550 no\x00such \ud800", provider_id="a\x00b", now=now)
    assert (row.reason, row.provider_id) == ("550 no such  ", "a b")


def test_who_was_erased_while_the_mail_went_is_not_named_again(row, now):
    erasing.erase(row.contact, now=now)
    assert settled(row, "failed", "550 <ann@example.com> unknown", now=now).reason == ""


def test_each_gets_its_own_words_number_and_moment_in_few_queries(
    now, django_assert_max_num_queries
):
    rows = make.deliveries(make.campaign("many"), 12, state="sending", claim="t", attempts=2)
    changes = {}
    for number, row in enumerate(rows):
        later = now + timedelta(minutes=number)
        changes[row.pk] = [
            Change("sent", provider_id=f"esp-{number}"),
            Change("waiting", f"451 {number}", due_at=later, refund=bool(number % 2)),
            Change("waiting", f"held {number}"),
        ][number % 3]
    with django_assert_max_num_queries(12):
        assert settle("t", changes, now) == 12
    for row in rows:
        row.refresh_from_db()
        change = changes[row.pk]
        assert (row.state, row.reason, row.provider_id) == (
            change.state, change.reason, change.provider_id,
        )  # fmt: skip
        assert row.due_at == (change.due_at or now)
        assert row.attempts == 2 - change.refund


@pytest.mark.parametrize("state", ["uncertain", "waiting"])
def test_a_webhook_that_came_first_is_believed(row, now, state):
    Delivery.objects.update(delivered_at=now)
    assert settled(row, state, "no answer", now=now).state == "sent"


@pytest.mark.django_db(transaction=True)
def test_a_mail_deleted_while_it_went_out_does_not_lose_the_answer(row, now, site_rows):
    step = Step.objects.get()
    Step.objects.filter(pk=step.pk)._raw_delete(using="default")
    row = settled(row, "sent", step_id=step.pk, now=now)
    assert (row.state, row.step_id) == ("sent", None)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="cuts a connection")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["before", "amid"])
def test_a_cut_connection_does_not_lose_the_answer(row, now, site_rows, when, monkeypatch):
    cut = [lambda: terminate_own_connection()]
    if when == "before":
        cut.pop()()
    real = settling.write
    monkeypatch.setattr(settling, "write", lambda *a: (cut and cut.pop()(), real(*a))[1])
    assert settled(row, "sent", now=now).state == "sent"


def terminate_own_connection() -> None:
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
