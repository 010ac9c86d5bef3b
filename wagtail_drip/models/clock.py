"""The database's UTC clock, which alone decides about leases: hosts' clocks differ."""

from __future__ import annotations

from django.db.models import DateTimeField, Func


class DatabaseNow(Func):
    """The moment the statement runs, in UTC, whatever the session's time zone is."""

    output_field = DateTimeField()

    def as_postgresql(self, compiler, connection, **kwargs):
        return "CLOCK_TIMESTAMP()", []

    def as_mysql(self, compiler, connection, **kwargs):
        # Django's Now() is CURRENT_TIMESTAMP, which MariaDB gives in the session's zone.
        return "UTC_TIMESTAMP(6)", []

    def as_sqlite(self, compiler, connection, **kwargs):
        return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'now')", []
