"""Text as it is, for grouping: MariaDB's default collation takes `Bought` for `bought`."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Func


class Exact(Func):
    """The text itself, so that GROUP BY keeps apart whatever differs."""

    template = "%(expressions)s"
    output_field = CharField()

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "CONVERT(%(expressions)s USING utf8mb4) COLLATE utf8mb4_bin"
        return self.as_sql(compiler, connection, template=template, **extra)
