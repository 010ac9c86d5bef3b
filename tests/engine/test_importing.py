from __future__ import annotations

import io
import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from tests import factories as make
from tests.queries import queries
from wagtail_drip.engine import importing, uploading
from wagtail_drip.engine.importing import begin, go_on, import_due
from wagtail_drip.engine.leaving import leave_topic
from wagtail_drip.engine.merging import merge
from wagtail_drip.engine.ticking import tick
from wagtail_drip.models import (
    Attribute,
    Consent,
    ConsentRecord,
    Contact,
    ContactImport,
    Event,
    Tagging,
    imports,
)
from wagtail_drip.models.consent import grant, suppress, withdraw
from wagtail_drip.models.imports import refused_rows
from wagtail_drip.models.tags import tags_named

pytestmark = pytest.mark.django_db
needs_row_locks = pytest.mark.skipif("connection.vendor == 'sqlite'", reason="needs row locks")
State = ContactImport.State
HEADER = "email,first_name,tags,city"
MAPPING = {"0": "email", "1": "first_name", "2": "tags", "3": "attribute:city"}


def job(now, *lines, **fields) -> ContactImport:
    Attribute.objects.get_or_create(key="city", defaults={"label": "City"})
    text = "\n".join([HEADER, *lines])
    row = uploading.upload(io.BytesIO(text.encode()), name="people.csv", now=now)
    ContactImport.objects.filter(pk=row.pk).update(mapping=MAPPING, **fields)
    row.refresh_from_db()
    return row


def run(row, now, *states) -> ContactImport:
    for state in states or (State.CHECKING, State.IMPORTING):
        assert begin(row, state)
        import_due(now)
    row.refresh_from_db()
    return row


def test_a_dry_run_counts_and_writes_nothing(now):
    make.contact("known@example.com")
    row = job(now, "new@example.com,Ann", "known@example.com,Bob", "nobody,Eve")
    run(row, now, State.CHECKING)
    assert row.state == State.CHECKED
    assert row.counts == {"new": 1, "known": 1, "refused": 1}
    assert Contact.objects.count() == 1
    assert [(number, cells[1]) for number, cells, _why in refused_rows(row)] == [(4, "Eve")]


def test_an_import_does_what_the_dry_run_said(now):
    make.contact("known@example.com", attributes={"city": "Old"})
    row = job(
        now, "new@example.com,Ann,VIP;new,Bookham", "known@example.com,Bob,,New", "nobody,Eve"
    )
    checked = dict(run(row, now, State.CHECKING).counts)
    run(row, now, State.IMPORTING)
    assert (row.state, row.counts, row.finished_at) == (State.DONE, checked, now)
    new, known = (Contact.objects.get(email=f"{name}@example.com") for name in ("new", "known"))
    assert (new.first_name, new.attributes, new.created_at) == ("Ann", {"city": "Bookham"}, now)
    assert {tag.name for tag in new.tags.all()} == {"VIP", "new"}
    assert (known.first_name, known.attributes) == ("Bob", {"city": "Old"})
    assert {person.contact for person in row.people.all()} == {new, known}
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("existing", "name", "city"),
    [("fill", "Old", "New"), ("overwrite", "New", "New"), ("skip", "Old", None)],
)
def test_what_becomes_of_people_who_are_known(existing, name, city, now):
    known = make.contact("known@example.com", first_name="Old", attributes={"x": 1})
    run(job(now, "known@example.com,New,,New", existing=existing), now)
    known.refresh_from_db()
    assert (known.first_name, known.attributes.get("city"), known.attributes["x"]) == (
        name,
        city,
        1,
    )


@pytest.mark.parametrize("reason", ["bounced", "complained", "unsubscribed", "manual", "erased"])
def test_no_suppression_is_lifted(reason, now):
    """Nor by deleting the contact before: a suppression hangs on the address alone."""
    make.contact("known@example.com"), make.contact("new@example.com")
    for name in ("new", "known"):
        suppress(f"{name}@example.com", reason=reason, scope="marketing", at=now)
    Contact.objects.get(email="new@example.com").delete()
    row = job(now, "new@example.com", "known@example.com,Bob", source="fair", agreed_at=now)
    row.topics.add(make.topic())
    run(row, now)
    assert row.counts == {"known": 1, "suppressed": 1, "refused": 1}
    assert Contact.objects.get().first_name == "Bob"
    assert not Consent.objects.exists() and make.Topic.objects.exists()


def test_consent_comes_with_its_source_and_the_later_word_counts(now):
    topic = make.topic()
    stays, left, late = (make.contact(f"{name}@example.com") for name in ("stays", "left", "late"))
    grant(stays, topic, at=now - timedelta(days=90), source="/signup/")
    withdraw(left, topic, at=now - timedelta(days=1), source="mail")
    withdraw(late, topic, at=now - timedelta(days=60), source="mail")
    agreed = now - timedelta(days=30)
    lines = [f"{name}@example.com" for name in ("new", "stays", "left", "late")]
    row = job(now, *lines, source="book fair", wording="Yes", agreed_at=agreed)
    row.topics.add(topic)
    run(row, now)
    states = dict(Consent.objects.values_list("contact__email", "state"))
    assert states == {f"{n}@example.com": "granted" for n in ("new", "stays", "late")} | {
        "left@example.com": "withdrawn"
    }
    proofs = ConsentRecord.objects.filter(source="book fair", wording="Yes", at=agreed)
    assert set(proofs.values_list("contact__email", flat=True)) == {
        "new@example.com", "late@example.com",
    }  # fmt: skip


def test_one_person_is_one_row_wherever_the_second_stands(now, monkeypatch):
    monkeypatch.setattr(imports, "CHUNK", 2)
    monkeypatch.setattr(uploading, "CHUNK", 2)
    row = job(now, "a@example.com,A", "A@Example.com,B", "b@example.com", "a@example.com,C")
    run(row, now, State.CHECKING)
    assert row.counts == {"new": 2, "refused": 2}
    assert [why for _n, _c, why in refused_rows(row)] == ["The same address stands in row 2."] * 2
    run(row, now, State.IMPORTING)
    assert row.counts == {"new": 2, "refused": 2}
    assert Contact.objects.get(email="a@example.com").first_name == "A"


def test_a_merged_address_is_its_person(now):
    kept = merge(make.contact("kept@example.com"), make.contact("gone@example.com"), now=now)
    row = run(job(now, "gone@example.com,Ann"), now)
    kept.refresh_from_db()
    assert row.counts == {"known": 1} and kept.first_name == "Ann"
    assert Contact.objects.count() == 1


def test_once_imported_only_what_was_refused_is_kept(now):
    row = run(job(now, "a@example.com,Ann", "nobody,Eve"), now)
    text = row.chunks.get().rows
    assert "Eve" in text and "a@example.com" not in text


def test_all_get_the_imports_tags(now):
    row = job(now, "a@example.com,,VIP", "b@example.com")
    row.tags.set(tags_named(["fair"]).values())
    run(row, now)
    assert Tagging.objects.filter(tag__name="fair").count() == 2
    assert Tagging.objects.filter(tag__name="VIP").count() == 1


def test_what_was_done_before_a_crash_is_not_done_again(now, monkeypatch):
    monkeypatch.setattr(imports, "CHUNK", 2)
    monkeypatch.setattr(uploading, "CHUNK", 2)
    row = job(now, *(f"p{n}@example.com" for n in range(5)))
    run(row, now, State.CHECKING)
    begin(row, State.IMPORTING)
    calls = iter([False, True])
    import_due(now, enough=lambda: next(calls))
    row.refresh_from_db()
    assert (row.position, row.state, Contact.objects.count()) == (1, State.IMPORTING, 2)
    tick(now)
    row.refresh_from_db()
    assert (row.state, row.counts, Contact.objects.count()) == (State.DONE, {"new": 5}, 5)


def test_an_error_of_ours_stops_the_import_and_a_person_lets_it_go_on(now, monkeypatch):
    row = job(now, "a@example.com")
    run(row, now, State.CHECKING)
    with monkeypatch.context() as patch:
        patch.setattr(importing, "_grant", lambda *args: 1 / 0)
        run(row, now, State.IMPORTING)
    assert row.state == State.STOPPED and not Contact.objects.exists()
    assert go_on(row)
    import_due(now)
    assert Contact.objects.count() == 1 and not go_on(row)


def test_who_signs_up_in_the_very_moment_is_known(now, monkeypatch):
    row = job(now, "a@example.com,Ann", "b@example.com")
    run(row, now, State.CHECKING)
    judge = importing._judge

    def judged_too_early(*args, **kwargs):
        found = judge(*args, **kwargs)
        make.contact("a@example.com")
        return found

    monkeypatch.setattr(importing, "_judge", judged_too_early)
    run(row, now, State.IMPORTING)
    assert (
        row.state == State.DONE and Contact.objects.get(email="a@example.com").first_name == "Ann"
    )


@pytest.mark.parametrize("state", [State.CHECKING, State.IMPORTING])
def test_a_row_more_costs_no_query_more(state, now):
    tags_named(["VIP"])
    counts = []
    for amount in (3, 30):
        for number in range(amount):
            make.contact(f"known{number}.{amount}@example.com")
        lines = [f"{kind}{n}.{amount}@example.com,A,VIP" for n in range(amount) for kind in
                 ("known", "new")]  # fmt: skip
        row = job(now, *lines, source="fair", agreed_at=now)
        row.topics.add(make.topic(f"t{amount}"))
        if state == State.IMPORTING:
            run(row, now, State.CHECKING)
        begin(row, state)
        counts.append(len(queries(importing._next_chunk, now)))
        import_due(now)
    assert counts[0] == counts[1]


def test_only_what_was_checked_is_imported(now):
    row = job(now, "a@example.com")
    assert not begin(row, State.IMPORTING)


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_people_leave_while_two_files_bring_them_and_nothing_deadlocks(now):
    people = [make.contact(f"p{number}@example.com") for number in range(40)]
    topic = make.topic()
    for person in people:
        grant(person, topic, at=now - timedelta(days=9), source="/signup/")
    jobs = []
    for turn in (1, -1):
        lines = [f"{one.email},Name{turn},VIP" for one in people[::turn]]
        lines += [f"new{number}@example.com,Name,VIP" for number in range(40)][::turn]
        row = job(now, *lines, existing="overwrite", source="fair", agreed_at=now)
        row.topics.add(topic)
        jobs.append(run(row, now, State.CHECKING))
    assert all(begin(row, State.IMPORTING) for row in jobs)
    errors = together(
        *[partial(import_due, now) for _job in jobs],
        *[
            partial(leave_topic, person, topic, at=now + timedelta(hours=1), source="link")
            for person in people[:20]
        ],
    )
    while import_due(now):
        pass
    assert errors == []
    left = Consent.objects.filter(state="withdrawn").values_list("contact_id", flat=True)
    assert set(left) == {person.pk for person in people[:20]}
    assert set(ContactImport.objects.values_list("state", flat=True)) == {State.DONE}
    assert Contact.objects.count() == 80


def together(*calls) -> list[Exception]:
    """Each in a thread with a connection of its own, all at once. What they raised."""
    errors: list[Exception] = []
    gate = threading.Barrier(len(calls))

    def call(function):
        try:
            gate.wait(20)
            function()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=call, args=[function]) for function in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return errors
