from __future__ import annotations

import threading
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy

from tests import factories
from tests.queries import queries
from wagtail_drip import registry, signals
from wagtail_drip.engine import recording
from wagtail_drip.engine.recording import record
from wagtail_drip.flow.triggers import Trigger
from wagtail_drip.models import Contact, Event, Inbox

SIGNED_UP = "user_signed_up"
needs_row_locks = pytest.mark.skipif("connection.vendor == 'sqlite'", reason="needs row locks")


@pytest.fixture
def ordered(monkeypatch):
    known = registry.triggers() | {"bought": Trigger("bought", "bought", {}, ("book",))}
    monkeypatch.setattr(registry, "triggers", lambda: known)


@pytest.mark.django_db
def test_an_event_and_its_inbox_row_are_written(now):
    event = record(SIGNED_UP, email="Ann@Example.com", data={"book": 7}, now=now)
    assert (event.contact.email, event.data, event.at) == ("ann@example.com", {"book": 7}, now)
    assert Inbox.objects.get().event == event


@pytest.mark.django_db
def test_the_same_key_is_recorded_once(now):
    assert record(SIGNED_UP, email="ann@example.com", key="order 1", now=now)
    assert record(SIGNED_UP, email="ann@example.com", key="order 1", now=now) is None
    assert record(SIGNED_UP, email="ann@example.com", key="ORDER 1", now=now)
    assert Event.objects.count() == Inbox.objects.count() == 2


@pytest.mark.django_db
def test_a_long_key_still_tells_events_apart(now):
    assert record(SIGNED_UP, email="ann@example.com", key="x" * 300 + "1", now=now)
    assert record(SIGNED_UP, email="ann@example.com", key="x" * 300 + "2", now=now)


@pytest.mark.django_db
def test_two_inserts_where_the_contact_is_known(now):
    person = factories.contact()
    kinds = [sql.split()[0] for sql in queries(record, SIGNED_UP, contact=person, now=now)]
    assert kinds.count("INSERT") == 2
    assert kinds.count("UPDATE") == kinds.count("DELETE") == 0


@pytest.mark.django_db
def test_work_is_announced_after_the_commit_alone(now, django_capture_on_commit_callbacks):
    told = []
    signals.work_waiting.connect(lambda **kwargs: told.append(1), weak=False, dispatch_uid="t")
    try:
        with django_capture_on_commit_callbacks(execute=True):
            record(SIGNED_UP, email="ann@example.com", now=now)
            assert not told
    finally:
        signals.work_waiting.disconnect(dispatch_uid="t")
    assert told


@pytest.mark.django_db
def test_an_unknown_name_is_refused_with_near_ones(now):
    with pytest.raises(ValueError, match="user_signed_up"):
        record("user_signd_up", email="ann@example.com", now=now)


@pytest.mark.django_db
@pytest.mark.parametrize("person", [{}, {"email": "a@example.com", "contact": Contact()}])
def test_exactly_one_way_to_name_the_person(person, now):
    with pytest.raises(ValueError, match="exactly one"):
        record(SIGNED_UP, now=now, **person)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "person",
    [{"email": ""}, {"email": "nobody"}, {"contact": Contact()}, {"user": AnonymousUser()}],
)
def test_a_person_that_is_none_is_refused(person, now):
    with pytest.raises(ValueError):
        record(SIGNED_UP, now=now, **person)
    assert not Contact.objects.exists()


@pytest.mark.django_db
def test_an_erased_contact_is_refused(now):
    with pytest.raises(ValueError, match="erased"):
        record(SIGNED_UP, contact=factories.contact(erased_at=now), now=now)


@pytest.mark.parametrize(
    "data",
    [
        ["no object"],
        {"nan": float("nan")},
        {"nul": "a\0b"},
        {"deep": [{"k\0": 1}]},
        {"half": "\ud800"},
        {"set": {1}},
        {"big": "x" * 65_536},
    ],
)
def test_data_that_no_database_keeps_is_refused(data):
    with pytest.raises(ValueError, match="data"):
        recording.checked_data(SIGNED_UP, data)


def test_what_looks_like_a_nul_but_is_none_is_kept():
    assert recording.checked_data(SIGNED_UP, {"text": r"\u0000"}) == {"text": r"\u0000"}


def test_python_values_become_json(now):
    data = {"price": Decimal("9.90"), "when": now, "title": gettext_lazy("name")}
    stored = recording.checked_data(SIGNED_UP, data)
    assert stored == {"price": "9.90", "when": "2026-03-02T09:00:00Z", "title": "name"}


@pytest.mark.parametrize("data", [None, {}, {"book": ""}, {"book": None}])
def test_data_must_have_what_the_event_requires(data, ordered):
    with pytest.raises(ValueError, match="book"):
        recording.checked_data("bought", data)


def test_required_data_may_be_zero(ordered):
    assert recording.checked_data("bought", {"book": 0}) == {"book": 0}


@pytest.mark.parametrize(
    "at", [datetime(2026, 3, 1), "2026-03-01T00:00:00Z", datetime.fromisoformat("1899-12-31T00Z")]
)
def test_a_moment_that_can_not_be_meant_is_refused(at, now):
    with pytest.raises(ValueError, match="at"):
        recording.checked_moment(at, now)


def test_a_moment_may_lie_a_day_ahead_and_no_more(now):
    assert recording.checked_moment(now + timedelta(days=1), now) == now + timedelta(days=1)
    with pytest.raises(ValueError):
        recording.checked_moment(now + timedelta(days=1, seconds=1), now)


# Who it is


@pytest.mark.django_db
def test_a_user_is_linked_to_the_contact_with_the_same_address(now):
    known = factories.contact("ann@example.com", first_name="Annie")
    user = factories.user("Ann@example.com", first_name="Ann", last_name="Lee")
    Contact.objects.exclude(pk=known.pk).delete()
    Contact.objects.update(user=None, last_name="")
    record(SIGNED_UP, user=user, now=now)
    known.refresh_from_db()
    assert (known.user, known.first_name, known.last_name) == (user, "Annie", "Lee")


@pytest.mark.django_db
def test_a_changed_address_is_another_contact_from_then_on(now):
    user = factories.user("old@example.com")
    old = record(SIGNED_UP, user=user, now=now).contact
    user.email = "new@example.com"
    new = record(SIGNED_UP, user=user, now=now).contact
    old.refresh_from_db()
    assert (old.email, old.user, new.email, new.user) == (
        "old@example.com", None, "new@example.com", user,
    )  # fmt: skip


@pytest.mark.django_db
def test_two_users_of_one_address_share_its_contact(now):
    first, second = (factories.user("ann@example.com") for _ in range(2))
    one = record(SIGNED_UP, user=first, now=now)
    two = record(SIGNED_UP, user=second, now=now)
    assert one.contact_id == two.contact_id
    assert Contact.objects.get().user == first


# Other transactions


@pytest.mark.django_db
def test_the_callers_work_survives_a_collision(now):
    with transaction.atomic():
        person = factories.contact()
        record(SIGNED_UP, contact=person, key="1", now=now)
        record(SIGNED_UP, contact=person, key="1", now=now)
    assert Contact.objects.filter(pk=person.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_what_loses_against_another_transaction_is_recorded_after_the_commit(now, monkeypatch):
    write, calls = recording._write, []

    def lose_once(*args):
        calls.append(1)
        if len(calls) == 1:
            raise IntegrityError("a row that this snapshot can't see")
        return write(*args)

    monkeypatch.setattr(recording, "_write", lose_once)
    with transaction.atomic():
        assert record(SIGNED_UP, email="ann@example.com", now=now) is None
        assert not Event.objects.exists()
    assert Event.objects.get().contact.email == "ann@example.com"


def _elsewhere(work) -> threading.Thread:
    def run():
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_of_two_processes_with_one_key_one_records(now, monkeypatch):
    monkeypatch.setattr(recording, "PATIENCE_MS", 50)
    results = []

    def other():
        with transaction.atomic():
            results.append(record(SIGNED_UP, email="ann@example.com", key="1", now=now))

    with transaction.atomic():
        first = record(SIGNED_UP, email="ann@example.com", key="1", now=now)
        thread = _elsewhere(other)
        thread.join(1.5)  # it gives up waiting, and comes back after its commit
    thread.join(10)
    assert first and results == [None]
    assert Event.objects.count() == Contact.objects.count() == Inbox.objects.count() == 1


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_what_a_strict_snapshot_can_not_see_is_not_lost(now):
    contact = factories.contact()

    def other():
        record(SIGNED_UP, contact=contact, key="1", now=now)

    with transaction.atomic():
        with connection.cursor() as cursor:
            # Serializable reads would lock here on MariaDB.
            level = "SERIALIZABLE" if connection.vendor == "postgresql" else "REPEATABLE READ"
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        Event.objects.count()
        _elsewhere(other).join(10)
        assert record(SIGNED_UP, contact=contact, key="1", now=now) is None
        # The checkout goes on.
        factories.contact("checkout@example.com")
    assert Event.objects.count() == 1
    assert Contact.objects.filter(email="checkout@example.com").exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="there an error ends a transaction")
@pytest.mark.django_db
def test_a_look_that_fails_leaves_the_callers_transaction_whole(now, monkeypatch):
    contact = factories.contact()
    record(SIGNED_UP, contact=contact, key="1", now=now)
    monkeypatch.setattr(recording, "_lost", lambda error: True)

    def fail(**kwargs):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")  # stands for a serialization failure

    with transaction.atomic():
        with monkeypatch.context() as patch:
            patch.setattr(Event.objects, "filter", fail)
            assert record(SIGNED_UP, contact=contact, key="1", now=now) is None
        factories.contact("checkout@example.com")


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_the_sites_own_lock_timeout_is_left_as_it_was(now):
    name, own = {
        "postgresql": ("lock_timeout", "'7s'"),
        "mysql": ("innodb_lock_wait_timeout", "7"),
    }[connection.vendor]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET {name} = {own}")
        record(SIGNED_UP, email="ann@example.com", key="1", now=now)
        record(SIGNED_UP, email="ann@example.com", key="1", now=now)
        cursor.execute("SHOW lock_timeout" if "'" in own else f"SELECT @@{name}")
        assert str(cursor.fetchone()[0]) == own.strip("'")
        transaction.set_rollback(True)
