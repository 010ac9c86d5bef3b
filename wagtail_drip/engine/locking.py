"""Row locks as far as the database has them."""

from __future__ import annotations

from typing import TypeVar

from django.db import connection
from django.db.models import QuerySet

Rows = TypeVar("Rows", bound=QuerySet)


def skipping_locked(rows: Rows, *of: str) -> Rows:
    """Lock the rows, and leave out those that others work on.

    `of`: what else of the joined tables is locked, besides the rows themselves. SQLite has no
    row locks and needs none: its writers take turns. The lock leaves foreign keys to the rows
    alone where the database can tell the difference, so that recording need not wait.
    """
    features = connection.features
    return rows.select_for_update(
        skip_locked=features.has_select_for_update_skip_locked,
        of=("self", *of) if features.has_select_for_update_of else (),
        no_key=features.has_select_for_no_key_update,
    )
