"""Inserting rows that somebody else may be inserting just now: unique keys decide, nobody fails."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from django.db import IntegrityError, connection, transaction
from django.db.models import Field, JSONField, Model

from .among import among
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


def insert_values(model: type[Model], rows: Sequence[Columns], key: str) -> list[Columns]:
    """As `insert_all`, for very many rows. One statement on PostgreSQL.

    `rows`: values by attribute (`contact_id`, not `contact`), each with the same ones; what is
    missing has its default. `key`: the attribute that tells these rows from each other.
    """
    if not rows:
        return []
    if connection.vendor == "postgresql":
        [column] = [field.column for field in model._meta.concrete_fields if field.attname == key]
        returning = f" ON CONFLICT DO NOTHING RETURNING {connection.ops.quote_name(str(column))}"
        inserted = set(_insert_at_once(model, rows, returning))
        return [row for row in rows if row[key] not in inserted]
    try:
        with transaction.atomic():
            _insert_at_once(model, rows)
    except IntegrityError:
        return [row for row in rows if not insert(model(**row))]
    return []


def replace_values(
    model: type[Model],
    rows: Sequence[Columns],
    key: Sequence[str],
    values: Sequence[str],
    *,
    unless_same: Sequence[str] = (),
) -> None:
    """Insert very many rows, or write these values into those that are there already, by their key.

    `key`: attributes with a unique constraint; no two rows have the same. `unless_same`: a row that
    has all these already stays as it is. One statement on PostgreSQL; elsewhere `unless_same` is
    asked for before, and Django splits large ones on SQLite.
    """
    if not rows:
        return
    if connection.vendor == "postgresql":
        quoted = connection.ops.quote_name
        columns = {
            field.attname: quoted(str(field.column)) for field in model._meta.concrete_fields
        }
        changes = ", ".join(f"{columns[one]} = EXCLUDED.{columns[one]}" for one in values)
        place = ", ".join(columns[one] for one in key)
        clause = f" ON CONFLICT ({place}) DO UPDATE SET {changes}"
        if unless_same:
            table = quoted(model._meta.db_table)
            old = ", ".join(f"{table}.{columns[one]}" for one in unless_same)
            new = ", ".join(f"EXCLUDED.{columns[one]}" for one in unless_same)
            clause += f" WHERE ({old}) IS DISTINCT FROM ({new})"
        _insert_at_once(model, rows, clause)
        return
    if unless_same and not (rows := _changed(model, rows, key, unless_same)):
        return
    model._default_manager.bulk_create(
        [model(**row) for row in rows],
        update_conflicts=True,
        update_fields=[_field_of(model, one) for one in values],
        unique_fields=[_field_of(model, one) for one in key]
        if connection.features.supports_update_conflicts_with_target
        else None,
    )


def _changed(
    model: type[Model], rows: Sequence[Columns], key: Sequence[str], same: Sequence[str]
) -> list[Columns]:
    """Those of the rows that aren't there already with all of `same`. One query."""
    asked = model._default_manager.filter(among(key[0], [row[key[0]] for row in rows]))
    there = {values[: len(key)]: values[len(key) :] for values in asked.values_list(*key, *same)}
    return [
        row
        for row in rows
        if there.get(tuple(row[one] for one in key)) != tuple(row[one] for one in same)
    ]


def _field_of(model: type[Model], attribute: str) -> str:
    return next(field.name for field in model._meta.concrete_fields if field.attname == attribute)


def _insert_at_once(model: type[Model], rows: Sequence[Columns], clause: str = "") -> list[Any]:
    """One statement. PostgreSQL is told but once what is the same in all rows.

    `clause`: what PostgreSQL is to do about conflicts, and give back of the rows.

    Django makes an instance of each and prepares each value, which takes longer than all the rest
    that becomes of a mail before it is sent.
    """
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create([model(**row) for row in rows])
        return []
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
            each.append((field, _prepared(field, values)))
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field, _value in [*each, *alike])
    places = ", ".join(["rows.*"] * bool(each) + [f"%s::{_type(field)}" for field, _ in alike])
    arrays = ", ".join(f"%s::{_array(field)}" for field, _values in each)
    source = f"unnest({arrays}) AS rows" if each else f"generate_series(1, {len(rows)})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quoted(model._meta.db_table)} ({columns}) SELECT {places} FROM {source}"
            f"{clause}",
            [
                *(field.get_db_prep_save(value, connection) for field, value in alike),
                *(values for _field, values in each),
            ],
        )
        return [value for (value,) in cursor.fetchall()] if cursor.description else []


def _prepared(field: Field, values: list[Any]) -> list[Any]:
    """As the driver takes them. JSON as texts: many rows often share one value, made once then."""
    if not isinstance(field, JSONField):
        return [field.get_db_prep_save(value, connection) for value in values]
    distinct = {id(value): value for value in values}
    texts = {key: json.dumps(value, cls=field.encoder) for key, value in distinct.items()}
    return [texts[id(value)] for value in values]


def _array(field: Field) -> str:
    return "text[]::jsonb[]" if isinstance(field, JSONField) else f"{_type(field)}[]"


def _type(field: Field) -> str:
    """Without a length: a cast would cut what is too long, where the column refuses it."""
    return str(field.db_type(connection)).partition("(")[0]
