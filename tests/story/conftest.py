"""The bookshop with its line running: in this process, or in two real clusters."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from wagtail.models import Collection, Locale, Page

from example_site.shop import covers
from example_site.shop.models import BookPage
from tests.faults.rig import busy
from wagtail_drip.engine import ticking
from wagtail_drip.engine.time_travel import fast_forward

OUTBOX = "example_site.outbox.backend.OutboxBackend"
PATIENCE_SECONDS = 60  # of a test that waits for other processes; it stops at the first sign


class Shop:
    """What visitors, editors and the clock do. `run` lets the line do all that is due."""

    def __init__(self, run: Callable[[], None]) -> None:
        self.run = run
        self.visitor = Client()

    def sign_up(self, first_name: str, email: str, *, news: bool) -> None:
        data = {"first_name": first_name, "email": email, "password": "a quiet harbor"}
        self._post("/signup/", data | ({"news": "on"} if news else {}))
        self.run()

    def ask_about(self, book: BookPage, first_name: str, email: str) -> None:
        self._post(book.url, {"form": "interest", "first_name": first_name, "email": email})
        self.run()

    def buy(self, book: BookPage, email: str, code: str = "") -> None:
        data = {"form": "buy", "first_name": "Nadia", "email": email, "code": code}
        self._post(book.url, data)

    def add_to_cart(self, book: BookPage, quantity: int = 1) -> None:
        self._post(book.url, {"form": "cart", "quantity": str(quantity)})

    def check_out(self, first_name: str, email: str) -> None:
        self._post("/checkout/", {"first_name": first_name, "email": email})
        self.run()

    def days_pass(self, days: float) -> None:
        """Time moves without the line noticing; what is due then stays so until `run`."""
        fast_forward(timedelta(days=days))

    def mails(self, email: str, campaign: str = "") -> list[dict[str, Any]]:
        """What has arrived at this address (of this campaign), the first one first."""
        received = self.visitor.get("/outbox.json").json()
        return [
            mail
            for mail in reversed(received)
            if email in mail["to"] and mail["campaign"] in (campaign or mail["campaign"],)
        ]

    def subjects(self, email: str) -> list[str]:
        return [mail["subject"] for mail in self.mails(email)]

    def _post(self, url: str, data: dict[str, str]) -> None:
        response = self.visitor.post(url, data)
        assert response.status_code == 302, response.content.decode()


def code_in(mail: dict[str, Any]) -> str:
    found = re.search(r"\b[A-Z]+\d\d-[A-Z0-9]+\b", mail["text"])
    assert found, mail["text"]
    return found[0]


# Drawing is most of what seeding costs, and these tests look at no cover twice.
_draw, _scene = lru_cache(maxsize=None)(covers.draw), lru_cache(maxsize=None)(covers.scene)


@pytest.fixture
def bookshop(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covers, "draw", _draw)
    monkeypatch.setattr(covers, "scene", _scene)
    settings.EMAIL_BACKEND = OUTBOX
    settings.OUTBOX = True
    settings.WAGTAIL_DRIP_TIME_TRAVEL = True
    _restore_roots()
    call_command("seed", verbosity=0)


def _restore_roots() -> None:
    """What migrations put there, where a test with real transactions has flushed it."""
    Locale.objects.get_or_create(language_code="en")
    if not Page.objects.exists():
        Page.add_root(instance=Page(title="Root", slug="root"))
    if not Collection.objects.exists():
        Collection.add_root(name="Root")


@pytest.fixture
def shop_in_process(bookshop: None) -> Shop:
    def run() -> None:
        while ticking.tick(timezone.now()).any:
            pass

    return Shop(run)


@pytest.fixture
def shop_with_clusters(bookshop: None) -> Iterator[Shop]:
    if connection.vendor == "sqlite":
        pytest.skip("the database is in this process's memory")
    name = f"story-{uuid4().hex[:8]}"
    clusters = [_start_cluster(name) for _ in range(2)]
    try:
        yield Shop(_until_idle)
    finally:
        for cluster in clusters:
            cluster.terminate()
        for cluster in clusters:
            cluster.wait(timeout=30)


def _start_cluster(name: str) -> subprocess.Popen[bytes]:
    database = settings.DATABASES["default"]
    here = connection.settings_dict
    login = f"{here['USER']}:{here['PASSWORD']}@" if here["USER"] else ""
    scheme = {"postgresql": "postgres", "mysql": "mysql"}[connection.vendor]
    port = f":{here['PORT']}" if here["PORT"] else ""
    environ = os.environ | {
        "DATABASE_URL": f"{scheme}://{login}{here['HOST']}{port}/{database['NAME']}",
        "EMAIL_BACKEND": OUTBOX,
        "DJANGO_SETTINGS_MODULE": "example_site.settings.base",
        "BASE_URL": settings.BASE_URL,
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", "qcluster"],
        env=environ,
        cwd=settings.ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _until_idle() -> None:
    """Wait until the clusters have done what is due now."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while busy():
        assert time.monotonic() < deadline, "the clusters did not finish in time"
        time.sleep(0.1)
