"""Inserting rows that somebody else may be inserting just now: unique keys decide, nobody fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from django.db import IntegrityError, connection, transaction
from django.db.models import Field, Model

from .quietly import save_new

Row = TypeVar("Row", bound=Model)
Columns = Mapping[str, Any]


def insert(row: Model) -> bool:
    """Save a new row; False where the same one is there already or came in between.

    In a savepoint: a caller's own transaction (a sign-up) must survive the collision.
    """
    row.pk, row._state.adding = None, True  # an insert of many that failed has left its marks
    try:
        with transaction.atomic():
            save_new(row)
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


def insert_values(model: type[Model], rows: Sequence[Columns]) -> list[Columns]:
    """As `insert_all`, for very many rows.

    `rows`: values by attribute (`contact_id`, not `contact`), each with the same ones; what is
    missing has its default.
    """
    if not rows:
        return []
    try:
        with transaction.atomic():
            _insert_at_once(model, rows)
    except IntegrityError:
        return [row for row in rows if not insert(model(**row))]
    return []


def _insert_at_once(model: type[Model], rows: Sequence[Columns]) -> None:
    """One statement. PostgreSQL is told but once what is the same in all rows.

    Django makes an instance of each and prepares each value, which takes longer than all the rest
    that becomes of a mail before it is sent.
    """
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create([model(**row) for row in rows])
        return
    alike: list[tuple[Field, Any]] = []
    each: list[tuple[Field, list[Any]]] = []
    for field in model._meta.concrete_fields:
        if field.primary_key:
            continue
        if field.attname not in rows[0]:
            alike.append((field, field.get_default()))
            continue
        values = [row[field.attname] for row in rows]
        if values.count(values[0]) == len(values):
            alike.append((field, values[0]))
        else:
            each.append((field, [field.get_db_prep_save(value, connection) for value in values]))
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field, _value in [*each, *alike])
    places = ", ".join(["rows.*"] * bool(each) + [f"%s::{_type(field)}" for field, _ in alike])
    arrays = ", ".join(f"%s::{_type(field)}[]" for field, _values in each)
    source = f"unnest({arrays}) AS rows" if each else f"generate_series(1, {len(rows)})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quoted(model._meta.db_table)} ({columns}) SELECT {places} FROM {source}",
            [
                *(field.get_db_prep_save(value, connection) for field, value in alike),
                *(values for _field, values in each),
            ],
        )


def _type(field: Field) -> str:
    """Without a length: a cast would cut what is too long, where the column refuses it."""
    return str(field.db_type(connection)).partition("(")[0]
