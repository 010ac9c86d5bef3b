"""Among: rows whose column is one of very many values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import F, Lookup


class Among(Lookup):
    """`column IN (values)`; the values are as the database takes them, all of one type.

    Django's own `in` looks at each value several times, and so does PostgreSQL's driver: half a
    second for what a slice asks. There all of them are one array.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        if not self.rhs:
            raise EmptyResultSet
        left, params = self.process_lhs(compiler, connection)
        marks = ", ".join(["%s"] * len(self.rhs))
        return f"{left} IN ({marks})", [*params, *self.rhs]

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        if not self.rhs:
            raise EmptyResultSet
        left, params = self.process_lhs(compiler, connection)
        if isinstance(self.rhs[0], int):  # the driver would take its time over each
            return f"{left} = ANY(%s::bigint[])", [*params, f"{{{','.join(map(str, self.rhs))}}}"]
        return f"{left} = ANY(%s)", [*params, self.rhs]


def among(column: str, values: Iterable[int] | Iterable[str]) -> Among:
    """For `filter` and `exclude`: numbers or strings; no value at all: no row."""
    return Among(F(column), list(values))
