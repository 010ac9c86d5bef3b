from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import settings

# How long an example takes is the machine's affair.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def now() -> datetime:
    """The moment unit tests live in: a Monday, 09:00 UTC."""
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
