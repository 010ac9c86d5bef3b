from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from tests import factories
from wagtail_drip.models import Consent, ConsentRecord, Suppression
from wagtail_drip.models.consent import (
    grant,
    granted,
    lift_unsubscribed,
    suppress,
    suppressed,
    withdraw,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return factories.contact("ann@example.com")


@pytest.fixture
def topic():
    return factories.topic()


def proof():
    return [(record.state, record.source) for record in ConsentRecord.objects.order_by("pk")]


def test_granting_is_kept_with_its_proof(ann, topic, now):
    assert grant(ann, topic, at=now, source="/signup/", wording="Send me news", ip="192.0.2.1")
    assert granted([ann.pk], topic.pk) == {ann.pk}
    record = ConsentRecord.objects.get()
    assert (record.source, record.wording, record.ip) == ("/signup/", "Send me news", "192.0.2.1")
    assert record.at == Consent.objects.get().changed_at == now


def test_each_change_is_proved_once(ann, topic, now):
    for _ in range(2):
        grant(ann, topic, at=now, source="form")
    for _ in range(2):
        withdraw(ann, topic, at=now, source="link")
    assert proof() == [("granted", "form"), ("withdrawn", "link")]
    assert granted([ann.pk], topic.pk) == set()


def test_a_grant_from_before_the_withdrawal_does_not_undo_it(ann, topic, now):
    withdraw(ann, topic, at=now, source="link")
    assert not grant(ann, topic, at=now - timedelta(days=1), source="import")
    assert granted([ann.pk], topic.pk) == set()
    assert proof() == [("withdrawn", "link")]


def test_withdrawing_holds_whatever_the_clocks_say(ann, topic, now):
    grant(ann, topic, at=now + timedelta(seconds=5), source="form")
    assert withdraw(ann, topic, at=now, source="link")
    assert granted([ann.pk], topic.pk) == set()


def test_the_last_word_counts_when_they_come_back(ann, topic, now):
    withdraw(ann, topic, at=now, source="link")
    assert grant(ann, topic, at=now + timedelta(days=1), source="form")
    assert granted([ann.pk], topic.pk) == {ann.pk}


def test_granted_asks_once_for_many(topic, now, django_assert_num_queries):
    people = factories.contacts(50)
    for person in people[:3]:
        grant(person, topic, at=now, source="form")
    with django_assert_num_queries(1):
        found = granted([person.pk for person in people], topic.pk)
    assert found == {person.pk for person in people[:3]}


def test_a_suppression_widens_and_keeps_its_first_reason(now):
    assert suppress("Ann@example.com", reason="complained", scope="marketing", at=now)
    assert not suppress("ann@example.com", reason="unsubscribed", scope="marketing", at=now)
    assert suppress("ann@example.com", reason="bounced", scope="all", at=now)
    assert not suppress("ann@example.com", reason="manual", scope="marketing", at=now)
    row = Suppression.objects.get()
    assert (row.reason, row.scope, row.created_at) == ("complained", "all", now)


def test_a_complaint_after_leaving_can_t_be_taken_back_with_it(now):
    suppress("ann@example.com", reason="unsubscribed", scope="marketing", at=now)
    assert suppress("ann@example.com", reason="complained", scope="marketing", at=now)
    assert not lift_unsubscribed("ann@example.com")
    assert Suppression.objects.get().reason == "complained"


def test_a_suppression_does_not_name_the_address(now):
    suppress("ann@example.com", reason="erased", at=now)
    assert "ann" not in str(Suppression.objects.values().get())


def test_transactional_mail_passes_a_marketing_suppression(now):
    suppress("ann@example.com", reason="unsubscribed", scope="marketing", at=now)
    suppress("bob@example.com", reason="bounced", scope="all", at=now)
    emails = ["ann@example.com", "bob@example.com", "cy@example.com"]
    assert suppressed(emails, transactional=False) == {"ann@example.com", "bob@example.com"}
    assert suppressed(emails, transactional=True) == {"bob@example.com"}


def test_suppressed_is_one_query_under_all_keys(now, settings, django_assert_num_queries):
    settings.WAGTAIL_DRIP_HASH_KEY = "old"
    suppress("ann@example.com", reason="bounced", at=now)
    settings.WAGTAIL_DRIP_HASH_KEY, settings.WAGTAIL_DRIP_HASH_KEY_FALLBACKS = "new", ["old"]
    people = ["ann@example.com", *(f"p{number}@example.com" for number in range(500))]
    with django_assert_num_queries(1):
        assert suppressed(people, transactional=True) == {"ann@example.com"}
    assert not suppress("ann@example.com", reason="manual", at=now)
    assert Suppression.objects.count() == 1


def test_only_their_own_leaving_is_lifted(now):
    suppress("ann@example.com", reason="unsubscribed", scope="marketing", at=now)
    suppress("bob@example.com", reason="complained", scope="marketing", at=now)
    assert lift_unsubscribed("Ann@example.com")
    assert not lift_unsubscribed("bob@example.com")
    assert suppressed(["ann@example.com", "bob@example.com"], transactional=False) == {
        "bob@example.com"
    }


def test_suppressing_no_address_is_an_error(now):
    with pytest.raises(ValueError, match="not an e-mail address"):
        suppress("ann", reason="manual", at=now)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="one connection in memory")
def test_calls_at_once_leave_one_row_and_one_proof(ann, topic, now):
    def call(_number):
        try:
            suppress(ann.email, reason="bounced", at=now)
            return grant(ann, topic, at=now, source="form")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        changed = list(pool.map(call, range(16)))
    assert sum(changed) == Consent.objects.count() == ConsentRecord.objects.count() == 1
    assert Suppression.objects.count() == 1


def test_a_word_said_again_runs_from_then_on(ann, topic, now):
    """Where it would run out some day; proof is kept of each, and nothing begins anew."""
    topic.expires_months = 12
    topic.save()
    assert grant(ann, topic, at=now, source="/signup/", wording="first")
    later = now + timedelta(days=350)
    assert not grant(ann, topic, at=later, source="preferences", wording="second")
    assert not grant(ann, topic, at=later + timedelta(hours=1), source="preferences")
    assert proof() == [("granted", "/signup/"), ("granted", "preferences")]
    assert Consent.objects.get().changed_at == later
    assert not grant(ann, topic, at=now + timedelta(days=9), source="import")  # an older one
    withdraw(ann, topic, at=later + timedelta(days=2), source="link")
    assert not grant(ann, topic, at=later + timedelta(days=1), source="import")
    assert Consent.objects.get().state == "withdrawn" and len(proof()) == 3


def test_a_word_said_again_changes_nothing_where_none_runs_out(ann, topic, now):
    grant(ann, topic, at=now, source="/signup/")
    assert not grant(ann, topic, at=now + timedelta(days=350), source="preferences")
    assert Consent.objects.get().changed_at == now and len(proof()) == 1
