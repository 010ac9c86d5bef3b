"""What killed workers leave behind comes to a known state, and never goes twice."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories as make
from wagtail_drip.conf import conf
from wagtail_drip.engine import journal, recovering, sending, settling
from wagtail_drip.engine.settling import Change
from wagtail_drip.models import Delivery, Enrollment

pytestmark = pytest.mark.django_db

TOKEN = "a" * 32


def ago(seconds: float) -> datetime:
    """By the database's clock, which is the machine's here."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


def claimed(
    amount: int = 1, seconds_ago: float = 1, slug: str = "welcome", **fields
) -> list[Delivery]:
    fields = {"state": "sending", "claim": TOKEN, "attempts": 1} | fields
    return make.deliveries(make.campaign(slug), amount, lease_until=ago(seconds_ago), **fields)


def leave_journal(*lines: tuple, claim: str = TOKEN) -> None:
    writer = journal.Journal(claim)
    for line in lines:
        writer._line(*line)
    writer.close()


def result(row) -> tuple:
    row.refresh_from_db()
    return row.state, row.attempts


def test_each_state_of_the_journal_is_told_apart(now):
    ok, started, refused, later, never = claimed(5)
    leave_journal(
        ("start", ok.pk, ok.step_id or 0),
        ("ok", ok.pk, "esp-1"),
        ("start", refused.pk, 0),
        ("refused", refused.pk, "550 no"),
        ("start", later.pk, 0),
        ("again", later.pk, "451 later"),
        ("start", started.pk, 0),
    )
    assert recovering.recover(now) == 5
    assert result(ok) == ("sent", 1) and ok.provider_id == "esp-1"
    assert result(started) == ("uncertain", 1)
    assert result(refused) == ("failed", 1) and refused.reason == "550 no"
    assert result(later) == ("waiting", 1)
    assert result(never) == ("waiting", 0)  # what went on was none of its doing
    assert not list(journal.folder().iterdir())


def test_killed_while_the_mails_were_made_all_wait_and_are_suspect(now):
    [row] = claimed()
    leave_journal(("making", 1))
    recovering.recover(now)
    assert (result(row), row.claim) == (("waiting", 1), "alone")


def test_a_claim_whose_worker_lost_the_database_with_its_commit_is_under_no_suspicion(now):
    [row] = claimed()
    leave_journal()
    recovering.recover(now)
    assert (result(row), row.claim) == (("waiting", 0), "")


def test_no_journal_is_no_proof_that_nothing_was_sent(now):
    rows = claimed(2, seconds_ago=100)
    assert recovering.recover(now) == 2
    assert {result(row)[0] for row in rows} == {"uncertain"}
    enrollments = Enrollment.objects.filter(deliveries__in=rows)
    assert set(enrollments.values_list("arrived_at", "due_at")) == {(now, now)}


def test_another_host_gets_time_to_read_its_own_journal(now):
    [row] = claimed(seconds_ago=30)
    assert recovering.recover(now) == 0
    assert result(row)[0] == "sending"


def test_a_dead_worker_is_not_waited_for_until_its_lease_ends(now):
    [row] = claimed(seconds_ago=-60)
    leave_journal(("start", row.pk, 0), ("ok", row.pk))
    assert recovering.recover(now) == 1
    assert result(row)[0] == "sent"


def test_a_lease_that_runs_without_a_journal_here_is_nobody_elses(now):
    [row] = claimed(seconds_ago=-60)
    assert recovering.recover(now) == 0
    assert sending.send_due(now + timedelta(days=1)) == 0
    assert result(row)[0] == "sending"


def test_an_expired_claim_is_never_sent_by_another(now, mailoutbox):
    claimed(seconds_ago=1000)
    assert sending.send_due(now) == 0 and mailoutbox == []


def test_a_worker_that_lives_is_left_alone_however_late(now):
    [row] = claimed(seconds_ago=1000)
    living = journal.Journal(TOKEN)
    assert recovering.recover(now) == 0
    assert result(row)[0] == "sending"
    living.close()


def test_a_worker_that_lived_after_all_puts_it_right(now):
    [row] = claimed(seconds_ago=1000)
    recovering.recover(now)
    Enrollment.objects.update(node="further on", due_at=now + timedelta(days=1))
    later = now + timedelta(minutes=1)
    assert settling.settle(TOKEN, {row.pk: Change("sent")}, later) == 1
    assert result(row)[0] == "sent"
    enrollment = Enrollment.objects.get()
    assert (enrollment.node, enrollment.due_at) == ("further on", now + timedelta(days=1))


def test_what_a_webhook_settled_stays(now):
    [row] = claimed()
    leave_journal(("start", row.pk, 0))
    Delivery.objects.update(state="sent")
    assert recovering.recover(now) == 0
    assert settling.settle(TOKEN, {row.pk: Change("failed")}, now) == 0
    assert result(row)[0] == "sent"


def test_recovered_people_go_on(now):
    [row] = claimed()
    leave_journal(("start", row.pk, 0), ("ok", row.pk))
    recovering.recover(now)
    enrollment = Enrollment.objects.get()
    assert (enrollment.arrived_at, enrollment.due_at) == (now, now)


def test_recovered_waiting_ones_are_sent_once(now, mailoutbox):
    [row] = claimed()
    leave_journal()
    recovering.recover(now)
    assert [sending.send_due(now), sending.send_due(now)] == [1, 0]
    assert (result(row)[0], len(mailoutbox)) == ("sent", 1)


def test_a_journal_that_cannot_be_settled_is_kept(now, monkeypatch):
    [row] = claimed()
    leave_journal(("start", row.pk, 0), ("ok", row.pk))
    with monkeypatch.context() as patch:
        patch.setattr(recovering, "settle", lambda *args: 1 / 0)
        assert recovering.recover(now) == 0
    recovering.recover(now)
    assert result(row)[0] == "sent"


def test_a_claim_that_can_not_be_recovered_keeps_no_other_from_it(now, monkeypatch):
    real = recovering.settle
    bad, good = claimed(claim="bad")[0], claimed(claim="good", slug="other")[0]
    leave_journal(claim="bad")
    leave_journal(("start", good.pk, 0), ("ok", good.pk), claim="good")
    monkeypatch.setattr(recovering, "settle", lambda t, *a: 1 / 0 if t == "bad" else real(t, *a))
    assert recovering.recover(now) == 1
    assert (result(bad)[0], result(good)[0]) == ("sending", "sent")


def test_journals_without_a_claim_are_swept_away_once_they_are_old(now):
    leave_journal()
    recovering.recover(now)
    [path] = journal.folder().iterdir()  # its claim may still be on its way into the database
    long_ago = time.time() - 3 * conf.LEASE_SECONDS
    os.utime(path, (long_ago, long_ago))
    recovering.recover(now)
    assert not list(journal.folder().iterdir())


def test_who_dies_while_others_are_recovered_keeps_its_journal(now, monkeypatch):
    """On a host whose clock is hours ahead, too, where every journal looks old."""
    [row] = claimed(seconds_ago=-60)
    real = journal.tokens_left_behind

    def before_it_dies():
        found = real()
        leave_journal(("start", row.pk, 0), ("ok", row.pk))
        return found

    ahead = time.time() + 7200
    monkeypatch.setattr(journal.time, "time", lambda: ahead)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(journal, "tokens_left_behind", before_it_dies)
        assert recovering.recover(now) == 0
    assert (recovering.recover(now), result(row)[0]) == (1, "sent")


def test_no_journal_is_swept_away_whose_turn_has_not_come(now, monkeypatch):
    """After a long standstill there may be more dead claims than one call settles."""
    monkeypatch.setattr(recovering, "MOST_CLAIMS", 1)
    for number in range(3):
        [row] = claimed(claim=f"claim{number}", slug=f"c{number}", seconds_ago=-60)
        leave_journal(("start", row.pk, 0), ("ok", row.pk), claim=f"claim{number}")
    long_ago = time.time() - 3 * conf.LEASE_SECONDS
    for path in journal.folder().iterdir():
        os.utime(path, (long_ago, long_ago))
    assert [recovering.recover(now) for _ in range(4)] == [1, 1, 1, 0]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_the_journal_of_a_host_that_shares_the_folder_is_left_to_it(now, monkeypatch):
    [row] = claimed(seconds_ago=-60)
    leave_journal(("start", row.pk, 0), ("ok", row.pk))
    with monkeypatch.context() as there:
        there.setattr(journal, "_boot_id", lambda: "another host")
        assert recovering.recover(now) == 0
    assert recovering.recover(now) == 1
    assert result(row)[0] == "sent"


def test_a_journal_of_another_user_proves_nothing(now, monkeypatch):
    [row] = claimed(seconds_ago=1000)
    leave_journal(("start", row.pk, 0), ("ok", row.pk))

    def refuse(path, *args):
        raise PermissionError

    monkeypatch.setattr(journal.Path, "open", refuse)
    assert recovering.recover(now) == 1
    assert result(row)[0] == "uncertain"


def test_without_its_folder_nothing_is_guessed(now, settings, tmp_path):
    (tmp_path / "file").touch()
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "file"
    [row] = claimed(seconds_ago=1000)
    assert recovering.recover(now) == 0
    assert result(row)[0] == "sending"


def test_a_suspect_alone_is_given_up_after_its_tries(now):
    [row] = claimed(attempts=3)
    leave_journal(("alone", row.pk))
    recovering.recover(now)
    assert result(row) == ("failed", 3) and "came to grief" in row.reason


def test_who_was_not_alone_is_not_given_up(now):
    [row] = claimed(attempts=9)
    leave_journal(("making", 1))
    recovering.recover(now)
    assert (result(row), row.claim) == (("waiting", 9), "alone")


def queries(amount: int, now) -> int:
    Delivery.objects.all().delete()
    rows = make.deliveries(
        make.campaign(f"many{amount}"), amount,
        state="sending", claim=TOKEN, attempts=1, lease_until=ago(1),
    )  # fmt: skip
    leave_journal(*(("start", row.pk, 0) for row in rows[::2]))
    with CaptureQueriesContext(connection) as captured:
        assert recovering.recover(now) == amount
    return len(captured)


def test_queries_do_not_grow_with_the_slice(now):
    assert queries(10, now) == queries(500, now) < 20
