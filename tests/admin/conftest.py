"""Editors of different rights."""

from __future__ import annotations

import pytest
from django.test import Client

from .support import client_of


@pytest.fixture
def editor(db) -> Client:
    """A superuser's client."""
    return client_of("editor", is_superuser=True)


@pytest.fixture
def outsider(db) -> Client:
    """Somebody who may use the admin, and nothing of ours."""
    return client_of("outsider")


@pytest.fixture
def author(db) -> Client:
    """Somebody who may write campaigns, not publish them nor write mails."""
    return client_of("author", "add_campaign", "change_campaign")
