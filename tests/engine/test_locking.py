"""The line's own transactions are READ COMMITTED, and only they."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from wagtail_drip.engine.locking import read_committed

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="it has no such setting"),
]


def level() -> str:
    mariadb = connection.vendor == "mysql"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT @@tx_isolation" if mariadb else "SHOW transaction_isolation")
        return cursor.fetchone()[0].lower().replace("-", " ")


@pytest.fixture
def strict(monkeypatch):
    options = connection.settings_dict["OPTIONS"]
    if connection.vendor == "mysql":
        chosen = "serializable"
    else:
        from psycopg import IsolationLevel

        chosen = IsolationLevel.SERIALIZABLE
    monkeypatch.setitem(options, "isolation_level", chosen)
    connection.close()
    yield
    connection.close()


def test_a_strict_sites_level_is_put_aside_while_the_line_works(strict):
    with read_committed():
        assert level() == "read committed"
        connection.close()  # cut, say
        assert level() == "read committed"
    assert level() == "serializable"


def test_an_ordinary_sites_connection_is_kept():
    connection.ensure_connection()
    before = connection.connection
    with read_committed():
        assert connection.connection is before
    assert connection.connection is before
