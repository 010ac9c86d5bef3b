"""Who loses against another transaction tries again, apart from the others."""

from __future__ import annotations

import pytest
from django.db import OperationalError, transaction

from wagtail_drip.engine import retrying


class Lost(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.sqlstate = code


class Work:
    """Loses so many times."""

    def __init__(self, losses: int, code: str = "40001") -> None:
        self.losses, self.code, self.calls = losses, code, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls > self.losses:
            return "done"
        raise OperationalError("lost") from Lost(self.code)


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(retrying, "sleep", found.append)
    monkeypatch.setattr(retrying, "random", lambda: 1.0)
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_it_is_tried_again_after_ever_longer_pauses(pauses, code):
    work = Work(retrying.TRIES - 1, code)
    assert retrying.on_deadlock(work)() == "done"
    assert pauses == [retrying.LONGEST_PAUSE * 2**n for n in range(retrying.TRIES - 1)]
    assert sum(pauses) < 1.5


@pytest.mark.django_db(transaction=True)
def test_it_is_not_tried_for_ever(pauses):
    work = Work(99)
    with pytest.raises(OperationalError):
        retrying.on_deadlock(work)()
    assert work.calls == retrying.TRIES


@pytest.mark.django_db(transaction=True)
def test_no_pause_is_as_long_as_anothers(monkeypatch):
    waits: list[list[float]] = []
    for _one in range(2):
        found: list[float] = []
        monkeypatch.setattr(retrying, "sleep", found.append)
        retrying.on_deadlock(Work(3))()
        waits.append(found)
    assert waits[0] != waits[1]


@pytest.mark.django_db(transaction=True)
def test_another_error_is_told_at_once(pauses):
    work = Work(1, "57P01")
    with pytest.raises(OperationalError):
        retrying.on_deadlock(work)()
    assert (work.calls, pauses) == (1, [])


@pytest.mark.django_db(transaction=True)
def test_what_belongs_to_a_callers_transaction_is_left_to_the_caller(pauses):
    work = Work(1)
    with pytest.raises(OperationalError), transaction.atomic():
        retrying.on_deadlock(work)()
    assert (work.calls, pauses) == (1, [])
