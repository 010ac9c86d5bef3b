"""Inserting rows that somebody else may be inserting just now: unique keys decide, nobody fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Model

Row = TypeVar("Row", bound=Model)


def insert(row: Model) -> bool:
    """Save a new row; False where the same one is there already or came in between.

    In a savepoint: a caller's own transaction (a sign-up) must survive the collision.
    """
    row.pk, row._state.adding = None, True  # an insert of many that failed has left its marks
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def insert_all(rows: Sequence[Row]) -> list[Row]:
    """Insert new rows at once; where one of them collides, one by one. Returns those that did."""
    if not rows:
        return []
    try:
        with transaction.atomic():
            type(rows[0])._default_manager.bulk_create(rows)
    except IntegrityError:
        return [row for row in rows if not insert(row)]
    return []
