"""Row locks as far as the database has them, and the isolation level that they are meant for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from django.db import connection
from django.db.backends.signals import connection_created
from django.db.models import ForeignKey, Model, QuerySet

Rows = TypeVar("Rows", bound=QuerySet)
Row = TypeVar("Row", bound=Model)


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


def first_unlocked(rows: QuerySet[Row], limit: int, relation: str) -> list[Row]:
    """Lock and load the first `limit` of the rows with the row that `relation` leads to.

    In their order, and without those that others work on in either table.
    """
    rows = rows.select_related(relation)
    if connection.vendor != "mysql":
        return list(skipping_locked(rows, relation)[:limit])
    # MariaDB locks all that a join reads and all that it sorts before it cuts, and would leave
    # nothing for others. So the ids come from an index that holds nothing but them in their
    # order, the other table's rows by primary key, and then what is locked is loaded.
    field = cast(ForeignKey, rows.model._meta.get_field(relation))
    ids = list(skipping_locked(rows).values_list("pk", flat=True)[:limit])
    wanted = rows.filter(pk__in=ids).order_by().values_list(field.attname, flat=True)
    related = field.remote_field.model._default_manager.filter(pk__in=list(wanted)).order_by("pk")
    free = list(skipping_locked(related).values_list("pk", flat=True))
    return list(rows.filter(pk__in=ids, **{f"{field.attname}__in": free}))


@contextmanager
def read_committed() -> Iterator[None]:
    """Inside, transactions are READ COMMITTED on PostgreSQL, whatever the site has set.

    The line locks what it decides upon; under a stricter level its workers would fail each other.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    chosen = connection.connection.isolation_level
    if getattr(chosen, "name", "READ_COMMITTED") == "READ_COMMITTED":
        yield
        return

    def pin(connection: Any, **kwargs: Any) -> None:
        connection.connection.isolation_level = type(chosen).READ_COMMITTED

    connection_created.connect(pin)
    try:
        pin(connection)
        yield
    finally:
        connection_created.disconnect(pin)
        connection.close()  # the next one is the site's again
