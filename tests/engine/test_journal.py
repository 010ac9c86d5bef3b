"""What a dead worker's journal can be trusted for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wagtail_drip.engine import journal
from wagtail_drip.engine.journal import Journal, JournalBusy, left_behind


def written(*lines, token="t") -> Journal:
    writer = Journal(token)
    for line in lines:
        writer._line(*line)
    return writer


def read(token="t"):
    with left_behind(token) as record:
        return record


def test_a_dead_workers_lines_are_read_and_then_gone():
    writer = Journal("t")
    writer.start(1, 7)
    writer.answer("ok", 1, "provider 1\nx")
    writer.start(2, None)
    writer.close()
    record = read()
    assert record.started == {1: 7, 2: None}
    assert record.answers == {1: ("ok", "provider 1 x")}
    assert read() is None


def test_the_last_word_tells_whether_its_mails_may_have_killed_it():
    """While they wait for their turn they are idle; whatever kills their worker is not they."""
    written(("making", 2)).close()
    assert read().making
    written(("making", 2), ("waiting", 0)).close()
    assert not read().making
    written(("making", 2), ("waiting", 0), ("making", 2)).close()
    assert read().making


def test_a_living_workers_journal_is_left_alone():
    writer = written()
    with pytest.raises(JournalBusy), left_behind("t"):
        pass
    assert journal.tokens_left_behind() == []
    writer.close()
    assert journal.tokens_left_behind() == ["t"]


def test_a_journal_stays_where_recovery_fails():
    written(("start", 1, 2)).close()
    with pytest.raises(ZeroDivisionError), left_behind("t"):
        1 / 0  # noqa: B018
    assert read().started == {1: 2}


def test_a_line_without_its_end_did_not_happen():
    writer = written(("start", 1, 2))
    with writer.path.open("a") as file:
        file.write("ok 1")
    writer.close()
    assert (read().started, len(written(token="u").path.name)) == ({1: 2}, len("u.journal"))


@pytest.mark.parametrize("content", ["", "dri", "something else\nok 1\n", "drip 1 t x\nok zzz\n"])
def test_what_is_no_journal_proves_nothing(content):
    (journal.folder() / "t.journal").write_text(content)
    assert read() is None


def test_a_journal_from_before_the_last_boot_proves_nothing(monkeypatch):
    written(("start", 1, 2)).close()
    monkeypatch.setattr(journal, "_boot_id", lambda: "another boot")
    assert read() is None


def test_journals_of_two_databases_do_not_meet(monkeypatch):
    here = journal.folder()
    monkeypatch.setitem(journal.connection.settings_dict, "NAME", "another")
    assert journal.folder() != here


def test_a_new_journal_is_never_seen_unlocked(monkeypatch):
    """Else a recovery that comes in between would take its worker for dead."""
    real, seen = journal.fcntl.flock, []

    def flock(file, how):
        seen.extend(path.suffix for path in journal.folder().iterdir())
        return real(file, how)

    monkeypatch.setattr(journal.fcntl, "flock", flock)
    written()
    assert seen == [journal.NEW]


def test_a_full_disk_says_which_setting_to_change(monkeypatch):
    writer = written()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal.os, "write", full)
    with pytest.raises(journal.NoJournal, match=r"No space left.*WAGTAIL_DRIP_JOURNAL_DIR"):
        writer.start(1, 2)


def test_words_that_no_encoding_knows_are_kept_somehow():
    writer = Journal("t")
    writer.answer("refused", 1, "\udc80 no")
    writer.close()
    assert read().answers == {1: ("refused", "\\udc80 no")}


def test_removed_is_removed():
    writer = written()
    writer.remove()
    assert not writer.path.exists() and read() is None


def test_a_claim_has_one_journal():
    written()
    with pytest.raises(FileExistsError):
        written()


def test_a_disk_that_stays_full_costs_no_open_files(monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal.os, "write", full)
    journal.folder()
    before = len(list(Path("/proc/self/fd").iterdir()))
    kept = []  # what an error that is being logged holds on to
    for _ in range(3):
        with pytest.raises(journal.NoJournal) as error:
            written()
        kept.append(error)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not list(journal.folder().iterdir())


def test_an_answer_as_long_as_a_mail_is_cut():
    writer = Journal("t")
    writer.answer("doubt", 1, "x" * 10**6)
    writer.close()
    assert len(read().answers[1][1]) == journal.LONGEST_TEXT


def test_sweeping_locks_no_journal_that_is_being_made(monkeypatch):
    writer = written()
    writer.close()
    monkeypatch.setattr(journal.fcntl, "flock", lambda *args: 1 / 0)
    journal.sweep(needed=lambda token: False)
    assert writer.path.exists()


def test_a_default_folder_that_somebody_else_made_is_not_trusted(settings, monkeypatch, tmp_path):
    settings.WAGTAIL_DRIP_JOURNAL_DIR = None
    monkeypatch.setattr("wagtail_drip.conf.gettempdir", lambda: str(tmp_path))
    assert journal.folder().is_relative_to(tmp_path)
    monkeypatch.setattr(journal.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(journal.NoJournal, match="another user"):
        journal.folder()
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "of the site's own choice"
    assert journal.folder()
