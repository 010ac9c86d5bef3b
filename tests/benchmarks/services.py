"""What a run needs around it: databases of its own on POSTGRES_URL, servers, our processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

SERVER = os.environ.get("DATABASE_URL", "")
PREFIX = "drip_bench_"


def url_of(database: str) -> str:
    return urlunsplit(urlsplit(SERVER)._replace(path=f"/{database}"))


def sql(statement: str, *params: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
    with psycopg.connect(
        url_of(database).replace("postgres:", "postgresql:"), autocommit=True
    ) as it:
        found = it.execute(statement.encode(), params or None)
        return found.fetchall() if found.description else []


def drop(database: str) -> None:
    sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


class Site:
    """One database from a template, with the settings of a case."""

    def __init__(self, name: str, template: str = "template1", **settings: Any) -> None:
        self.database, self.settings = PREFIX + name, settings
        drop(self.database)
        sql(f"CREATE DATABASE {self.database} TEMPLATE {template} STRATEGY FILE_COPY")
        self.folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *exc: object) -> None:
        self.folder.cleanup()
        drop(self.database)

    def start(self, module: str, *arguments: Any) -> subprocess.Popen[str]:
        changed = {"WAGTAIL_DRIP_JOURNAL_DIR": self.folder.name} | self.settings
        environ = os.environ | {
            "DATABASE_URL": url_of(self.database),
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
            "DRIP_BENCH_SETTINGS": json.dumps(changed),
        }
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)]
        return subprocess.Popen(
            command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def call(self, module: str, *arguments: Any) -> str:
        process = self.start(module, *arguments)
        told, _nothing = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{module} {arguments} ended with {process.returncode}")
        return told

    def work(self, processes: int, seconds: int = 3600) -> dict[str, Any]:
        """What `send.py` tells of so many workers that pump until nothing is due, or so long."""
        process = self.start("send", processes, seconds)
        assert process.stdin and process.stdout
        assert process.stdout.readline().strip() == "ready", "the site can't be loaded"
        told, _nothing = process.communicate("go\n")
        if process.returncode:
            raise RuntimeError("the workers came to grief")
        return json.loads(told)

    def count(self, where: str, table: str = "delivery") -> int:
        rows = sql(
            f"SELECT count(*) FROM wagtail_drip_{table} WHERE {where}", database=self.database
        )
        return rows[0][0]


class Server:
    """One of our servers in a process of its own, spoken to by lines."""

    def __init__(self, module: str, *arguments: Any) -> None:
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = self._heard()["port"]

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())


@contextmanager
def server(module: str, *arguments: Any) -> Iterator[Server]:
    one = Server(module, *arguments)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()


def raw(port: int, amount: int, processes: int, message: bytes) -> float:
    """Seconds that smtplib takes for so many messages."""
    command = [sys.executable, "-m", "tests.benchmarks.raw", port, amount, processes]
    done = subprocess.run([*map(str, command)], input=message, stdout=subprocess.PIPE, check=True)
    return float(done.stdout)
