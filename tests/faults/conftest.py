"""Fault cases: what each came to is printed, and written to DRIP_FAULTS_JSON where that is set."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django_q.conf import Conf
from redis import Redis
from redis.exceptions import RedisError

from tests.faults.rig import Account, Rig, rig
from tests.faults.sink import Sink

ACCOUNT = "faults"
REDIS = "redis://127.0.0.1:6379/7"
Start = Callable[..., Rig]


@pytest.hookimpl(tryfirst=True)  # before pytest-django sorts tests by what they do to the tables
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.processes)
            wanted = "sqlite" if item.path.stem == "test_sqlite" else "postgresql"
            if connection.vendor != wanted or not os.environ.get("DRIP_FAULTS"):
                item.add_marker(pytest.mark.skip(reason=f"run by make faults, on {wanted}"))
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Others can't see a database in memory."""
    if connection.vendor == "sqlite" and os.environ.get("DRIP_FAULTS"):
        connection.settings_dict["TEST"]["NAME"] = connection.settings_dict["NAME"]


@pytest.fixture
def start(request: Any, settings: Any, tmp_path: Path) -> Iterator[Start]:
    """`start(sink, **changed_settings)` gives a Rig, which is cleared away at the end."""
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "journals"
    with_redis = os.environ.get("DRIP_FAULTS_BROKER") == "redis"
    broker = request.getfixturevalue("redis") if with_redis else {}
    with ExitStack() as stack:
        yield lambda sink=None, **changed: stack.enter_context(
            rig(sink or Sink(), tmp_path, **broker | changed)
        )


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The settings of a cluster whose broker it is.

    This process's django-q2 uses it too; its settings are read at import.
    """
    client = Redis.from_url(REDIS)
    try:
        client.ping()
    except RedisError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Redis at {REDIS}: {error}")
    name = f"drip-faults-{uuid.uuid4().hex[:8]}"
    here = {"ORM": None, "REDIS": REDIS, "PREFIX": name, "CLUSTER_NAME": name}
    for option, value in here.items():
        monkeypatch.setattr(Conf, option, value)
    yield {"Q_CLUSTER.orm": None, "Q_CLUSTER.redis": REDIS, "Q_CLUSTER.name": name}
    for key in client.scan_iter(f"*{name}*"):
        client.delete(key)


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[Account], Account]:
    """Keep an account for the summary and the file."""

    def tell(account: Account) -> Account:
        record_property(ACCOUNT, account.as_dict())
        return account

    return tell


def pytest_terminal_summary(terminalreporter: Any) -> None:
    # From the reports: under xdist the cases ran in other processes.
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    told = [value for one in reports for name, value in one.user_properties if name == ACCOUNT]
    if not told:
        return
    terminalreporter.section("faults")
    for account in told:
        terminalreporter.line(account["line"])
    if path := os.environ.get("DRIP_FAULTS_JSON"):
        Path(path).write_text(json.dumps(told, indent=1))
