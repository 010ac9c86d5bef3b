"""These tests take a site of their own; in any other they are left out (`make test-oscar`)."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.test import Client

collect_ignore_glob = [] if apps.is_installed("oscar") else ["test_*.py"]


@pytest.fixture
def visit(client) -> Any:
    from .shop import Visitor, model

    model("address.Country").objects.get_or_create(
        iso_3166_1_a2="DE", defaults={"printable_name": "Germany", "is_shipping_country": True}
    )
    return Visitor(client)


@pytest.fixture
def another() -> Any:
    from .shop import Visitor

    return Visitor(Client())


@pytest.fixture(autouse=True)
def own_journals(settings, tmp_path) -> None:
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "journals"
