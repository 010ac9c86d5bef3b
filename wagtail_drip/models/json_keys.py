"""One key of a JSON column in SQL, as text or number, meaning the same on every database.

Django's own key lookups differ between databases where types mix, take JSON's null for a value,
and compare by collation on MariaDB.
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.db.models import DecimalField, Expression, F, Func, TextField


class JsonKey(Func):
    """Base: `JsonKey("data", "book")`; the first argument may be an OuterRef, too."""

    output_field: Any = TextField()
    postgresql = sqlite = mysql = ""  # SQL in which {column} and {key} stand

    def __init__(self, column: str | Expression | F, key: str) -> None:
        super().__init__(F(column) if isinstance(column, str) else column)
        self.key = key

    def _sql(self, template: str, key: str, compiler: Any) -> tuple[str, tuple[Any, ...]]:
        column, column_params = compiler.compile(self.source_expressions[0])
        params: list[Any] = []
        for name in re.findall(r"{(column|key)}", template):
            params += column_params if name == "column" else [key]
        return f"({template.format(column=column, key='%s')})", tuple(params)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self._sql(self.postgresql, self.key, compiler)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self._sql(self.sqlite, f"$.{json.dumps(self.key)}", compiler)

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self._sql(self.mysql, f"$.{json.dumps(self.key)}", compiler)


class JsonSame(JsonKey):
    """For comparing one key of two columns: 1 and "1" differ; null and missing are NULL."""

    postgresql = "NULLIF(({column} -> {key})::text, 'null')"
    # Type and value together: SQLite reads both `true` and `1` as 1.
    sqlite = "JSON_TYPE({column}, {key}) || ':' || JSON_EXTRACT({column}, {key})"
    # BINARY: collations take `a` for `A`.
    mysql = "NULLIF(BINARY JSON_EXTRACT({column}, {key}), BINARY 'null')"


class JsonText(JsonKey):
    """The value as people write it: `1`, `abc`, `true`; NULL for null and missing."""

    postgresql = "{column} ->> {key}"
    sqlite = (
        "CASE JSON_TYPE({column}, {key}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
        " ELSE CAST(JSON_EXTRACT({column}, {key}) AS TEXT) END"
    )
    mysql = (
        "CASE JSON_TYPE(JSON_EXTRACT({column}, {key})) WHEN 'NULL' THEN NULL ELSE"
        " CONVERT(JSON_UNQUOTE(JSON_EXTRACT({column}, {key})) USING utf8mb4) COLLATE utf8mb4_bin"
        " END"
    )


class JsonDecimal(JsonKey):
    """The value where it is a number, or a text such as "18.50": what shops call a price."""

    output_field = DecimalField(max_digits=40, decimal_places=10)
    postgresql = (
        "CASE WHEN JSONB_TYPEOF({column} -> {key}) IN ('number', 'string')"
        " AND ({column} ->> {key}) ~ '^-?[0-9]+([.][0-9]+)?$'"
        " THEN ({column} ->> {key})::numeric END"
    )
    sqlite = (
        "CASE WHEN JSON_TYPE({column}, {key}) IN ('integer', 'real')"
        " THEN JSON_EXTRACT({column}, {key})"
        " WHEN JSON_TYPE({column}, {key}) = 'text'"
        " AND JSON_EXTRACT({column}, {key}) REGEXP '^-?[0-9]+([.][0-9]+)?$'"
        " THEN CAST(JSON_EXTRACT({column}, {key}) AS REAL) END"
    )
    mysql = (
        "CASE WHEN JSON_TYPE(JSON_EXTRACT({column}, {key})) IN"
        " ('INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL', 'STRING')"
        " AND JSON_UNQUOTE(JSON_EXTRACT({column}, {key})) REGEXP '^-?[0-9]+([.][0-9]+)?$'"
        " THEN CAST(JSON_UNQUOTE(JSON_EXTRACT({column}, {key})) AS DECIMAL(40, 10)) END"
    )


class JsonNumber(JsonKey):
    """The value where it is a number; NULL for all else, texts of digits too."""

    output_field = DecimalField(max_digits=40, decimal_places=10)
    postgresql = (
        "CASE WHEN JSONB_TYPEOF({column} -> {key}) = 'number'"
        " THEN ({column} ->> {key})::numeric END"
    )
    sqlite = (
        "CASE WHEN JSON_TYPE({column}, {key}) IN ('integer', 'real')"
        " THEN JSON_EXTRACT({column}, {key}) END"
    )
    mysql = (
        "CASE WHEN JSON_TYPE(JSON_EXTRACT({column}, {key})) IN"
        " ('INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL')"
        " THEN CAST(JSON_EXTRACT({column}, {key}) AS DECIMAL(40, 10)) END"
    )
