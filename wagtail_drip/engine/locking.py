"""Row locks as far as the database has them, and the isolation level that they are meant for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connection, transaction
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


def first_unlocked(
    rows: QuerySet[Row],
    limit: int,
    relation: str,
    load: Callable[[QuerySet[Row]], list[Any]] = list,
) -> list[Any]:
    """Lock and load the first `limit` of the rows with the row that `relation` leads to.

    In their order, and without those that others work on in either table. `load`: makes of the
    query what is returned; model instances by default.
    """
    rows = rows.select_related(relation)
    if connection.vendor != "mysql":
        return load(skipping_locked(rows, relation)[:limit])
    # MariaDB locks all that a join reads and all that it sorts before it cuts, and would leave
    # nothing for others. So the ids come from an index that holds nothing but them in their
    # order, the other table's rows by primary key, and then what is locked is loaded.
    field = cast(ForeignKey, rows.model._meta.get_field(relation))
    ids = list(skipping_locked(rows).values_list("pk", flat=True)[:limit])
    wanted = rows.filter(pk__in=ids).order_by().values_list(field.attname, flat=True)
    related = field.remote_field.model._default_manager.filter(pk__in=list(wanted)).order_by("pk")
    free = list(skipping_locked(related).values_list("pk", flat=True))
    return load(rows.filter(pk__in=ids, **{f"{field.attname}__in": free}))


@contextmanager
def read_committed() -> Iterator[None]:
    """Inside, transactions are READ COMMITTED, whatever the site has set for its own.

    The line locks what it decides upon; under a stricter level its workers would fail each other,
    or decide by what they saw before they had the lock. SQLite has no such level.
    """
    if connection.vendor not in _LEVELS or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    is_pinned, pin = _LEVELS[connection.vendor]
    if is_pinned():
        yield
        return

    def pin_again(connection: Any, **kwargs: Any) -> None:
        if connection.alias == DEFAULT_DB_ALIAS:
            pin()

    connection_created.connect(pin_again)
    try:
        pin()
        yield
    finally:
        connection_created.disconnect(pin_again)
        connection.close()  # the next one is the site's again


def _postgresql_is_pinned() -> bool:
    level = connection.connection.isolation_level
    return getattr(level, "name", "READ_COMMITTED") == "READ_COMMITTED"


def _pin_postgresql() -> None:
    from psycopg import IsolationLevel

    connection.connection.isolation_level = IsolationLevel.READ_COMMITTED


def _mariadb_is_pinned() -> bool:
    """Django sets this level unless the site names another, or None for the server's own."""
    return cast(Any, connection).isolation_level == "read committed"


def _pin_mariadb() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


@contextmanager
def durable() -> Iterator[None]:
    """A transaction that a power cut can't undo once it is committed, whatever the site has set.

    What acts outwards on it (a mail that leaves) can't be undone either. PostgreSQL may be told
    not to wait for the disk, and SQLite does not wait under WAL unless told to; MariaDB knows
    one setting for the whole server, which is looked at by `drip_doctor`.
    """
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            [level] = cursor.execute("PRAGMA synchronous").fetchone()
            if level == _SQLITE_NORMAL:
                cursor.execute("PRAGMA synchronous=FULL")
    with transaction.atomic(durable=True):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('synchronous_commit', 'on', true)"
                    " WHERE current_setting('synchronous_commit') = 'off'"
                )
        yield


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """A transaction in which no statement, and no wait for a lock, takes longer than that.

    For what somebody looks at, and the line doesn't need. On SQLite the transaction's begin alone
    waits, as long as the site has set; MariaDB bounds the waits.
    """
    with _hurried_mariadb(seconds), transaction.atomic():
        if connection.vendor == "postgresql":
            bound = str(int(seconds * 1000))
            with connection.cursor() as cursor:
                for setting in ("lock_timeout", "statement_timeout"):
                    cursor.execute("SELECT set_config(%s, %s, true)", [setting, bound])
        yield


@contextmanager
def _hurried_mariadb(seconds: float) -> Iterator[None]:
    """The setting knows no transaction: it is put back afterwards."""
    if connection.vendor != "mysql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@SESSION.innodb_lock_wait_timeout")
        [before] = cursor.fetchone()
        cursor.execute("SET SESSION innodb_lock_wait_timeout = %s", [max(1, round(seconds))])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = %s", [before])


_SQLITE_NORMAL = 1
_LEVELS = {
    "postgresql": (_postgresql_is_pinned, _pin_postgresql),
    "mysql": (_mariadb_is_pinned, _pin_mariadb),
}
