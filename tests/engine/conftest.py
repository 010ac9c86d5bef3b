from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from django.db import connection, connections


@pytest.fixture(autouse=True)
def own_journals(settings, tmp_path):
    """Journals and rests of one test are nobody else's."""
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "journals"


@pytest.fixture
def site_rows(transactional_db):
    """What migrations put there and a flush after another test took away."""
    from wagtail.models import Locale, Page, Site

    locale, _made = Locale.objects.get_or_create(language_code="en")
    root = Page.objects.first() or Page.add_root(title="Root", slug="root", locale=locale)
    Site.objects.get_or_create(is_default_site=True, defaults={"root_page": root})


@pytest.fixture
def share_rows(site_rows, tmp_path, monkeypatch):
    """Other threads see the rows made so far: SQLite's memory goes into a file for them."""

    def share() -> None:
        if connection.vendor == "sqlite":
            file = tmp_path / "shared.sqlite3"
            with closing(sqlite3.connect(file)) as copy:
                connection.connection.backup(copy)
                # Here, once: connections that do it side by side lock each other out.
                copy.execute("PRAGMA journal_mode = WAL")
            elsewhere = connection.settings_dict | {"NAME": str(file)}
            monkeypatch.setitem(connections.settings, "default", elsewhere)

    return share
