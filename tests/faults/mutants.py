"""A pytest plugin that takes a guard out: `-p tests.faults.mutants` with DRIP_MUTANTS=1.

Each of GUARDED then runs without the guard that it is there for, and must fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import pytest

# A plugin is imported before Django is set up, so what needs Django is imported where it is used.

ENGINE = "tests/engine/"


@contextmanager
def without_the_unique_key() -> Iterator[None]:
    from django.db import connection

    from wagtail_drip.models import Delivery

    [constraint] = (c for c in Delivery._meta.constraints if c.name == "drip_delivery_once")
    with connection.schema_editor() as editor:
        editor.remove_constraint(Delivery, constraint)
    yield


@contextmanager
def without_the_claim() -> Iterator[None]:
    """Takes what it has seen, whoever else has taken it meanwhile."""
    from wagtail_drip.engine import claiming
    from wagtail_drip.models import Delivery
    from wagtail_drip.models.clock import DatabaseNow

    def take(ids: list[int], token: str) -> set[int]:
        rows = Delivery.objects.filter(pk__in=ids)
        rows.update(state="sending", claim=token, lease_until=DatabaseNow())
        return set(ids)

    with patch.object(claiming, "_take", take):
        yield


@contextmanager
def without_the_last_check() -> Iterator[None]:
    from wagtail_drip.engine import claiming, transmitting
    from wagtail_drip.engine.checking import Go

    real = claiming.check
    goes: list[Go] = []

    def check(rows: Any, now: Any) -> dict[int, Any]:
        found = real(rows, now)
        goes.extend(one for one in found.values() if isinstance(one, Go))
        return {pk: goes[-1] if goes else verdict for pk, verdict in found.items()}

    with patch.object(claiming, "check", check), patch.object(transmitting, "check", check):
        yield


def moving_without(guard: str) -> Callable[[], AbstractContextManager[None]]:
    """Moves people though they don't stand as they were found: another version, node or state."""

    @contextmanager
    def taken_out() -> Iterator[None]:
        from wagtail_drip.engine import moving
        from wagtail_drip.models import Enrollment

        def standing(ids: Any, version: int, node: str) -> Any:
            compared = {"version": version, "node": node, "state": "active"}
            del compared[guard]
            return Enrollment.objects.filter(pk__in=ids, **compared)

        with patch.object(moving, "_standing", standing):
            yield

    return taken_out


@contextmanager
def moving_what_goes_out() -> Iterator[None]:
    from wagtail_drip.engine import moving
    from wagtail_drip.models import Delivery

    def whatever(ids: Any) -> Any:
        return Delivery.objects.filter(pk__in=ids)

    with patch.object(moving, "_still_waiting", whatever):
        yield


GUARDED: dict[str, Callable[[], AbstractContextManager[None]]] = {
    f"{ENGINE}test_claiming.py::test_the_unique_key_stands_behind_it_all": without_the_unique_key,
    f"{ENGINE}test_claiming.py::test_taking_is_a_compare_and_set": without_the_claim,
    f"{ENGINE}test_sending.py::test_what_happens_while_sending_stops_the_rest": (
        without_the_last_check
    ),
    f"{ENGINE}test_moving.py::test_who_went_on_meanwhile_is_not_moved": moving_without("node"),
    f"{ENGINE}test_moving.py::test_who_came_to_another_version_meanwhile_is_not_moved": (
        moving_without("version")
    ),
    f"{ENGINE}test_moving.py::test_who_left_meanwhile_is_not_moved": moving_without("state"),
    f"{ENGINE}test_moving.py::test_a_mail_that_is_going_out_meanwhile_stays_what_it_is": (
        moving_what_goes_out
    ),
}


@pytest.fixture(autouse=True)
def mutant(request: pytest.FixtureRequest) -> Iterator[None]:
    name = request.node.nodeid.partition("[")[0]
    taken_out = GUARDED[name] if os.environ.get("DRIP_MUTANTS") else nullcontext
    request.getfixturevalue("db")
    with taken_out():
        yield
