from __future__ import annotations

import logging

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from tests import factories
from wagtail_drip import api
from wagtail_drip.engine import recording
from wagtail_drip.models import (
    Consent,
    ConsentRecord,
    Contact,
    Delivery,
    Enrollment,
    Event,
    Suppression,
)
from wagtail_drip.models.consent import suppress, suppressed

pytestmark = pytest.mark.django_db
SIGNED_UP = "user_signed_up"
ANN = "ann@example.com"


@pytest.fixture
def strict(settings):
    settings.WAGTAIL_DRIP_STRICT = True


@pytest.fixture
def production(settings):
    settings.WAGTAIL_DRIP_STRICT = False


def test_record_writes_an_event():
    event = api.record(SIGNED_UP, email=ANN, data={"a": 1}, key="1")
    assert Event.objects.get() == event


def test_misuse_is_raised_where_developers_look(strict):
    with pytest.raises(ValueError, match="No event"):
        api.record("nonsense", email=ANN)


def test_debug_is_strict_unless_told_otherwise(settings):
    del settings.WAGTAIL_DRIP_STRICT
    settings.DEBUG = True
    with pytest.raises(ValueError):
        api.record("nonsense", email=ANN)


def test_misuse_is_logged_in_production(production, caplog):
    assert api.record("nonsense", email=ANN) is None
    assert api.enroll("nowhere", email=ANN) is False
    assert api.subscribe("nothing", email=ANN, source="/") is False
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert {record.name for record in caplog.records} == {"wagtail_drip"}


def test_the_databases_trouble_never_reaches_the_checkout(strict, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(recording.Event.objects, "create", broken)
    with transaction.atomic():
        person = factories.contact()
        assert api.record(SIGNED_UP, contact=person) is None
    assert Contact.objects.filter(pk=person.pk).exists()
    assert "disk is full" in caplog.text


def test_a_broken_transaction_stays_its_callers_matter(strict):
    with transaction.atomic():
        transaction.set_rollback(True)
        assert api.record(SIGNED_UP, email=ANN) is None
        assert api.enroll("welcome", email=ANN) is False
        transaction.set_rollback(False)
    assert not Event.objects.exists()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="others don't abort the whole")
@pytest.mark.django_db(transaction=True)
def test_an_aborted_transaction_stays_its_callers_matter(strict):
    with pytest.raises(DatabaseError), transaction.atomic():
        with connection.cursor() as cursor, pytest.raises(DatabaseError):
            cursor.execute("SELECT 1 / 0")
        assert api.record(SIGNED_UP, email=ANN) is None
        Contact.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_record_works_outside_a_transaction(strict):
    assert api.record(SIGNED_UP, email=ANN, key="1")
    assert api.record(SIGNED_UP, email=ANN, key="1") is None
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_the_caller_rolls_back_never_happened(strict):
    with transaction.atomic():
        api.record(SIGNED_UP, email=ANN)
        transaction.set_rollback(True)
    assert not Event.objects.exists() and not Contact.objects.exists()


def test_enroll_and_unenroll():
    factories.campaign()
    assert api.enroll("welcome", email=ANN, data={"book": 7})
    assert not api.enroll("welcome", email=ANN)
    assert Enrollment.objects.get().data == {"book": 7}
    assert api.unenroll("welcome", email=ANN)
    assert not api.unenroll("welcome", email=ANN)
    assert Enrollment.objects.get().reason == Enrollment.Reason.EDITOR


def test_unenrolling_a_stranger_makes_no_contact():
    factories.campaign()
    assert not api.unenroll("welcome", email=ANN)
    assert not Contact.objects.exists()


def test_subscribe_keeps_the_proof():
    factories.topic("news")
    assert api.subscribe("news", email=ANN, source="/signup/", wording="News, please")
    assert not api.subscribe("news", email=ANN, source="/signup/")
    proof = ConsentRecord.objects.get()
    assert (proof.state, proof.source, proof.wording) == ("granted", "/signup/", "News, please")


def test_unsubscribe_ends_what_the_topic_carries():
    campaign = factories.campaign(topic=factories.topic("news"))
    api.subscribe("news", email=ANN, source="/")
    assert api.enroll("welcome", email=ANN)
    assert api.unsubscribe("news", email=ANN) == 1
    assert Consent.objects.get().state == "withdrawn"
    assert campaign.enrollments.get().reason == "unsubscribed"


def test_unsubscribing_from_an_unknown_topic_is_an_error(production):
    with pytest.raises(ValueError):
        api.unsubscribe("nothing", email=ANN)


def test_unsubscribe_from_everything():
    factories.campaign()
    api.enroll("welcome", email=ANN)
    assert api.unsubscribe(email=ANN) == 0  # transactional mail still goes
    assert suppressed([ANN], transactional=False) == {ANN}


@pytest.mark.parametrize(("transactional", "state"), [(False, "active"), (True, "left")])
def test_suppress(transactional, state):
    factories.campaign()
    api.enroll("welcome", email=ANN)
    assert api.suppress(ANN, transactional=transactional)
    assert not api.suppress(ANN)
    assert Enrollment.objects.get().state == state


# Erasing


@pytest.fixture
def known(now) -> Contact:
    """Somebody of whom everything is known that can be."""
    user = factories.user(first_name="Ann")
    person = factories.contact(
        ANN, user=user, first_name="Ann", last_name="Lee", language="en",
        time_zone="Europe/Berlin", attributes={"shoe": 38},
    )  # fmt: skip
    topic = factories.topic()
    factories.consent(person, topic)
    ConsentRecord.objects.create(
        contact=person, topic=topic, state="granted", at=now, source="/", ip="192.0.2.1"
    )
    event = factories.event(person, data={"name": "Ann Lee"}, key=ANN)
    campaign = factories.campaign()
    row = factories.enrollment(campaign, person, data={"name": "Ann Lee"}, event=event)
    factories.delivery(row)
    done = factories.enrollment(campaign, person, state="completed", entry_key="1")
    factories.delivery(done, state="failed", reason=f"550 <{ANN}>: no such mailbox")
    fault = "invalid shoe size: 'Ann'"
    broken = factories.enrollment(campaign, person, state="failed", reason=fault, entry_key="2")
    factories.delivery(broken, state="skipped", reason=fault)
    return person


def test_erasing_leaves_nothing_that_names_the_person(known):
    assert api.erase(email="Ann@Example.com")
    rows = [
        *Contact.objects.values(), *Event.objects.values(), *Enrollment.objects.values(),
        *Delivery.objects.values(), *Consent.objects.values(), *ConsentRecord.objects.values(),
    ]  # fmt: skip
    text = repr(rows)
    for trace in ("Ann", "ann@", "Lee", "Berlin", "shoe", "192.0.2.1", str(known.uuid)):
        assert trace not in text, trace
    assert Contact.objects.get().user is None


def test_erasing_ends_what_was_under_way_and_keeps_the_numbers(known):
    api.erase(contact=known)
    assert dict(Enrollment.objects.values_list("state", "reason")) == {
        "left": "erased", "completed": "", "failed": "",
    }  # fmt: skip
    assert set(Delivery.objects.values_list("state", "reason")) == {
        ("skipped", "erased"), ("failed", ""), ("skipped", ""),
    }  # fmt: skip


def test_erasing_keeps_the_suppression(known, now):
    suppress(ANN, reason="complained", at=now)
    api.erase(email=ANN)
    assert suppressed([ANN], transactional=True) == {ANN}
    assert ANN not in repr(list(Suppression.objects.values()))


def test_who_comes_back_is_somebody_new(known):
    assert api.erase(email=ANN)
    assert not api.erase(email=ANN)
    assert not api.erase(contact=known)
    assert api.record(SIGNED_UP, email=ANN).contact_id != known.pk


# Against other transactions


class Lost(Exception):
    sqlstate = "40001"


@pytest.fixture
def losing_once(monkeypatch):
    """The first look for a person loses against another transaction, as under serializable."""
    real, calls = api.identify, []

    def identify(**person):
        calls.append(person)
        if len(calls) == 1:
            raise OperationalError("could not serialize access") from Lost()
        return real(**person)

    monkeypatch.setattr(api, "identify", identify)


@pytest.mark.django_db(transaction=True)
def test_a_choice_that_lost_is_made_again(losing_once):
    factories.topic(slug="news")
    assert api.subscribe("news", email=ANN, source="/", confirmed=True)
    assert Consent.objects.get().state == "granted"


@pytest.mark.django_db(transaction=True)
def test_a_choice_that_lost_in_the_callers_work_is_made_after_it(losing_once):
    factories.topic(slug="news")
    with transaction.atomic():
        assert not api.subscribe("news", email=ANN, source="/", confirmed=True)
        assert not Consent.objects.exists()
    assert Consent.objects.get().state == "granted"


@pytest.mark.django_db(transaction=True)
def test_leaving_that_lost_is_done_again(losing_once):
    topic = factories.topic(slug="news")
    factories.consent(factories.contact(ANN), topic)
    api.unsubscribe("news", email=ANN)
    assert Consent.objects.get().state == "withdrawn"
