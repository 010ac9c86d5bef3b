"""The line's own transactions are READ COMMITTED, and only they; a claim survives a power cut."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from wagtail_drip.engine.claiming import claim
from wagtail_drip.engine.locking import durable, read_committed

pytestmark = pytest.mark.django_db(transaction=True)
has_levels = pytest.mark.skipif(connection.vendor == "sqlite", reason="it has no such setting")


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


@has_levels
def test_a_strict_sites_level_is_put_aside_while_the_line_works(strict):
    with read_committed():
        assert level() == "read committed"
        connection.close()  # cut, say
        assert level() == "read committed"
    assert level() == "serializable"


@has_levels
def test_an_ordinary_sites_connection_is_kept():
    connection.ensure_connection()
    before = connection.connection
    with read_committed():
        assert connection.connection is before
    assert connection.connection is before


SQL = {  # how a site says "don't wait for the disk", and what it says then
    "postgresql": ("SET synchronous_commit TO off", "SHOW synchronous_commit"),
    "sqlite": ("PRAGMA synchronous=NORMAL", "PRAGMA synchronous"),
}


def ask(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0])


@pytest.mark.skipif(connection.vendor not in SQL, reason="one setting for the whole server")
def test_a_claim_waits_for_the_disk_whatever_the_site_has_set(now, monkeypatch):
    """Else a power cut takes it back when its mails have left, and they leave again."""
    hurry, how = SQL[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(hurry)
    said = []
    monkeypatch.setattr(
        "wagtail_drip.engine.claiming._pick", lambda *args: said.append(ask(how)) or []
    )
    try:
        claim("t" * 32, now, 1)
    finally:
        connection.close()
    assert said == [{"postgresql": "on", "sqlite": "2"}[connection.vendor]]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="its SET LOCAL")
def test_only_what_acts_outwards_waits_for_the_disk():
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
    with durable():
        pass
    assert ask("SHOW synchronous_commit") == "off"
    connection.close()
