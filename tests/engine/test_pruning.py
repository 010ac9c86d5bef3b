from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests import factories as make
from wagtail_drip.engine import pruning, uploading
from wagtail_drip.engine.pruning import prune
from wagtail_drip.engine.reporting import status
from wagtail_drip.models import (
    Cap,
    ConsentRecord,
    ContactImport,
    Decision,
    Delivery,
    Enrollment,
    Event,
    ImportChunk,
    PrunedCount,
    PrunedDelivery,
)
from wagtail_drip.models.consent import grant, withdraw

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=365)


@pytest.fixture
def keep(settings):
    def set_days(**days):
        settings.WAGTAIL_DRIP_RETENTION = days

    return set_days


def ended(campaign, days_ago, now, *, state="sent", **fields):
    """A delivery of somebody who is through."""
    at = now - timedelta(days=days_ago)
    enrollment = make.enrollment(campaign, state="completed", entered_at=at, ended_at=at)
    return make.delivery(enrollment, state=state, settled_at=at, created_at=at, **fields)


def test_without_a_setting_only_files_and_decisions_go(now, keep):
    ended(make.campaign(), 9999, now)
    assert prune(now) == {"imports": 0, "decisions": 0}
    assert Delivery.objects.count() == 1


def test_the_way_of_a_split_stays_while_there_are_mails_to_tell_by_it(now, keep):
    """Results by variant are told by it; and then it goes like any other decision."""
    delivery = ended(make.campaign(), 500, now)
    for code in ("drawn", "holds"):
        at = now - timedelta(days=401)
        Decision.objects.create(enrollment=delivery.enrollment, node=code, at=at, code=code)
    assert prune(now)["decisions"] == 1 and Decision.objects.get().code == "drawn"
    keep(deliveries=400)
    prune(now)
    assert not Delivery.objects.exists() and not Decision.objects.exists()


def test_what_a_cap_counts_stays_so_long(now, keep):
    make.campaign()
    Cap.objects.create(most=1, days=30)
    young, _old = (ended(make.campaign(f"c{days}"), days, now) for days in (29, 31))
    keep(deliveries=1)
    assert prune(now)["deliveries"] == 1 and Delivery.objects.get() == young


def test_the_numbers_of_the_status_stay_for_ever(now, keep):
    campaign, other = make.campaign(), make.campaign("other")
    for state, reason in (("sent", ""), ("sent", ""), ("failed", "550"), ("uncertain", ""),
                          ("skipped", "goal"), ("skipped", "stopped")):  # fmt: skip
        ended(campaign, 400, now, state=state, reason=reason)
    ended(other, 400, now, opened_at=now)
    recent = ended(campaign, 3, now)
    before = status(now)["campaigns"]
    keep(deliveries=365)
    assert prune(now)["deliveries"] == 7
    assert Delivery.objects.get() == recent
    assert status(now)["campaigns"] == before
    opened = PrunedCount.objects.get(what="opened")
    assert (opened.campaign, opened.number) == (other, 1)
    for row in before:
        parts = row["sent"] + row["failed"] + row["uncertain"] + row["waiting"]
        assert row["planned"] == parts + sum(row["skipped"].values())


def test_counts_add_up_over_several_prunings(now, keep, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 2)
    campaign = make.campaign()
    keep(deliveries=30)
    for _ in range(2):
        for _ in range(3):
            ended(campaign, 31, now)
        assert prune(now)["deliveries"] == 3
    assert PrunedCount.objects.get().number == 6


def test_a_delivery_that_keeps_a_mail_from_going_twice_stays(now, keep):
    keep(deliveries=30)
    old = now - YEAR
    enrollment = make.enrollment(make.campaign(), entered_at=old)
    make.delivery(enrollment, state="sent", settled_at=old)
    make.delivery(enrollment, node="n2", due_at=old)
    assert prune(now)["deliveries"] == 0


def test_the_link_in_a_pruned_mail_can_still_be_followed(now, keep):
    keep(deliveries=30)
    gone = ended(make.campaign(), 31, now)
    prune(now)
    kept = PrunedDelivery.objects.get(token=gone.token)
    assert (kept.contact, kept.campaign) == (gone.contact, gone.campaign)


def test_events_go_once_campaigns_have_seen_them(now, keep):
    contact, old = make.contact(), now - YEAR
    seen = make.event(contact, at=old, inbox=False)
    enrollment = make.enrollment(make.campaign(), contact, event=seen, data={"a": 1})
    unseen, recent = make.event(contact, at=old), make.event(contact, inbox=False)
    keep(events=300)
    assert prune(now)["events"] == 1
    assert set(Event.objects.all()) == {unseen, recent}
    enrollment.refresh_from_db()
    assert enrollment.event is None and enrollment.data == {"a": 1}


def test_of_an_old_enrollment_only_its_data_goes(now, keep):
    """The row keeps somebody from entering "once ever" twice."""
    old = now - YEAR
    make.enrollment(make.campaign(), state="completed", ended_at=old, data={"a": 1})
    make.enrollment(make.campaign("b"), data={"a": 1})
    keep(enrollment_data=300)
    assert prune(now)["enrollment_data"] == 1
    assert sorted(map(str, Enrollment.objects.values_list("data", flat=True))) == [
        "{'a': 1}", "{}",
    ]  # fmt: skip
    assert prune(now)["enrollment_data"] == 0


def test_the_proof_of_what_holds_now_is_never_old(now, keep):
    contact, topic = make.contact(), make.topic()
    grant(contact, topic, at=now - YEAR * 3, source="first")
    withdraw(contact, topic, at=now - YEAR * 2, source="left")
    grant(contact, topic, at=now - YEAR, source="back")
    keep(consent_proofs=300)
    assert prune(now)["consent_proofs"] == 2
    assert ConsentRecord.objects.get().source == "back"


def test_files_go_and_what_they_brought_stays_as_numbers(now, keep):
    uploading.upload(io.BytesIO(b"email\na@example.com\n"), name="a.csv", now=now - YEAR)
    assert prune(now)["imports"] == 1
    assert ContactImport.objects.get().rows == 1 and not ImportChunk.objects.exists()


def test_a_dry_run_only_counts(now, keep):
    make.event(make.contact(), at=now - YEAR, inbox=False)
    keep(events=30)
    assert prune(now, dry_run=True)["events"] == 1
    assert Event.objects.count() == 1


@pytest.mark.parametrize("days", [{"mails": 3}, {"events": 0}, {"events": "3"}])
def test_a_setting_that_means_nothing_is_refused(days, settings, now):
    settings.WAGTAIL_DRIP_RETENTION = days
    with pytest.raises(ImproperlyConfigured, match="RETENTION"):
        prune(now)
