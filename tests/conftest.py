from __future__ import annotations

import gc
from datetime import UTC, datetime

import pytest
from hypothesis import settings

# How long an example takes is the machine's affair.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector need not look at it again and again."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_runtest_setup() -> None:
    """Site roots, renditions and messages are cached by keys that other tests use again."""
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def now() -> datetime:
    """The moment unit tests live in: a Monday, 09:00 UTC."""
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def _quick_flush(request):
    """After a test with real transactions only the tables that have rows are emptied.

    Django's TRUNCATE of all of them costs PostgreSQL and MariaDB seconds, after each such test.
    """
    from django.db import connection

    flush = connection.ops.sql_flush

    def sql_flush(style, tables, *, reset_sequences=False, allow_cascade=False):
        if reset_sequences or connection.vendor not in QUICK:
            return flush(
                style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade
            )
        quoted = [connection.ops.quote_name(table) for table in tables]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT " + ", ".join(f"EXISTS (SELECT 1 FROM {table})" for table in quoted)
            )
            filled = [table for table, rows in zip(quoted, cursor.fetchone(), strict=True) if rows]
        before, after = QUICK[connection.vendor]
        return [*before, *(f"DELETE FROM {table}" for table in filled), *after]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection.ops, "sql_flush", sql_flush)
        yield


# What lets rows go in any order, and what ends it.
QUICK: dict[str, tuple[list[str], list[str]]] = {
    "postgresql": (["SET CONSTRAINTS ALL DEFERRED"], []),
    "mysql": (["SET FOREIGN_KEY_CHECKS = 0"], ["SET FOREIGN_KEY_CHECKS = 1"]),
}
