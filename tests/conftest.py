from __future__ import annotations

from datetime import UTC, datetime

import pytest


@pytest.fixture
def now() -> datetime:
    """The moment unit tests live in: a Monday, 09:00 UTC."""
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
