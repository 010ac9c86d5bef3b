"""Quietly: rows that are taken back again. The database alone hears of them, no receiver does.

A site's receivers of Django's model signals may tell others, and so does a search index that
follows them; what is only tried out must not reach either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)

_quiet: ContextVar[bool] = ContextVar("wagtail_drip_quiet", default=False)


@contextmanager
def quietly() -> Iterator[None]:
    """Inside, what the engine writes sends no signal of Django's. For what is rolled back."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def save_new(row: Model) -> None:
    """Insert it, with the signals that belong to it, unless they are to be kept."""
    if _quiet.get():
        create([row])
    else:
        row.save(force_insert=True)


def create(rows: Sequence[Row]) -> Sequence[Row]:
    """Insert rows of one model without a signal. They have their keys afterwards."""
    return type(rows[0])._default_manager.bulk_create(rows) if rows else rows


def delete(rows: QuerySet) -> None:
    """Delete rows to which no other rows point."""
    if _quiet.get():
        rows._raw_delete(rows.db)
    else:
        rows.delete()
