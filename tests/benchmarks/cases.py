"""The cases: each yields its figures, contestants in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from tests.benchmarks.services import PREFIX, Server, Site, raw, server, sql


@dataclass(frozen=True, slots=True)
class Figure:
    """What one contestant came to: medians. `ratio`: to the case's first contestant."""

    case: str
    contestant: str
    amount: int
    seconds: float
    rate: float  # a second
    ratio: float
    statements: float | None = None  # a message
    pss_mib: float | None = None  # of the process tree
    peak_mib: float | None = None  # of the largest worker
    connections: float | None = None
    lost: int = 0
    doubled: int = 0

    as_dict = asdict


Run = Callable[[], dict[str, Any]]


def in_turns(case: str, amount: int, repeats: int, contestants: dict[str, Run]) -> Iterator[Figure]:
    """Each contestant `repeats` times, taking turns, so that noise meets all of them."""
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, run in contestants.items():
            told[name].append(run())
    first = None
    for name, runs in told.items():
        seconds = median(run["seconds"] for run in runs)
        rate = runs[0].get("amount", amount) / seconds
        first = first or rate
        middle = {
            key: median(run[key] for run in runs)
            for key in ("statements", "pss_mib", "peak_mib", "connections")
            if key in runs[0]
        }
        worst = {key: max(run.get(key, 0) for run in runs) for key in ("lost", "doubled")}
        yield Figure(case, name, amount, seconds, rate, rate / first, **middle, **worst)


class Bench:
    """A template database for each number of people, and the message that raw smtplib sends."""

    def __init__(self, sink: Server) -> None:
        self.sink = sink
        self.templates: set[str] = set()
        self.message = b""

    def template(self, amount: int) -> str:
        """The name of a database with so many people due, made once."""
        for name, steps in (("base", ["base"]), (f"of_{amount}", ["people", amount])):
            if name not in self.templates:
                origin = "template1" if name == "base" else f"{PREFIX}base"
                Site(name, origin).call("prepare", *steps)
                self.templates.add(name)
        return f"{PREFIX}of_{amount}"

    def site(self, amount: int, **settings: Any) -> Site:
        return Site("run", self.template(amount), EMAIL_PORT=self.sink.port, **settings)

    def ours(self, amount: int, processes: int = 1, rules: Any = None, **settings: Any) -> Run:
        def run() -> dict[str, Any]:
            with self.site(amount, **settings) as site:
                self.sink.ask(**(rules or {"delay": 0.0}))
                told = site.work(processes)
                taken = self.sink.ask()
                self.message = taken["sample"].encode("latin-1")
                return told | {
                    "seconds": max(told["seconds"], taken["last"] - told["began"]),
                    "statements": told["statements"] / amount,
                    "connections": taken["connections"],
                    "lost": amount - min(site.count("state = 'sent'"), taken["messages"]),
                    "doubled": taken["doubled"],
                }

        return run

    def raw(self, amount: int, processes: int = 1, rules: Any = None) -> Run:
        def run() -> dict[str, Any]:
            if not self.message:
                self.ours(1000)()  # for the bytes, which are to be the same
            self.sink.ask(**(rules or {"delay": 0.0}))
            seconds = raw(self.sink.port, amount, processes, self.message)
            return {"seconds": seconds, "connections": self.sink.ask()["connections"]}

        return run


def wire(bench: Bench, amount: int, repeats: int) -> Iterator[Figure]:
    """A quick relay: the whole line, from who is due to what is settled, beside raw smtplib."""
    pipelining = {"delay": 0.0, "pipelining": True}
    contestants = {
        "raw smtplib, 1 process": bench.raw(amount),
        "raw smtplib, 2 processes": bench.raw(amount, 2),
        "ours, 1 process": bench.ours(amount),
        "ours, 2 processes": bench.ours(amount, 2),
        "ours, 1 process, pipelining": bench.ours(amount, 1, pipelining),
        "ours, 2 processes, pipelining": bench.ours(amount, 2, pipelining),
    }
    yield from in_turns("quick relay", amount, repeats, contestants)


def slow_relay(bench: Bench, amount: int, repeats: int) -> Iterator[Figure]:
    """A relay that takes 5 ms a message."""
    amount, rules = min(amount, 3000), {"delay": 0.005}
    contestants = {
        "raw smtplib, 1 connection": bench.raw(amount, 1, rules),
        "ours, 1 process, 4 connections": bench.ours(amount, 1, rules, WAGTAIL_DRIP_CONNECTIONS=4),
    }
    yield from in_turns("relay with 5 ms", amount, repeats, contestants)


def http_api(bench: Bench, amount: int, repeats: int) -> Iterator[Figure]:
    """A provider's API that takes 100 ms a mail, by Anymail."""
    few, many = 100, 1000

    def run(api: Server, amount: int, connections: int) -> Run:
        def run() -> dict[str, Any]:
            settings = {
                "EMAIL_BACKEND": "anymail.backends.resend.EmailBackend",
                "ANYMAIL": {
                    "RESEND_API_KEY": "x",
                    "RESEND_API_URL": f"http://127.0.0.1:{api.port}",
                },
                "WAGTAIL_DRIP_CONNECTIONS": connections,
            }
            with bench.site(amount, **settings) as site:
                before = api.ask()
                told = site.work(1)
                taken = api.ask()["messages"] - before["messages"]
                sent = site.count("state = 'sent'")
                told["statements"] /= amount
                lost, doubled = amount - min(sent, taken), max(0, taken - sent)
                return told | {"amount": amount, "lost": lost, "doubled": doubled}

        return run

    with server("api", 0.1) as api:
        contestants = {"1 connection": run(api, few, 1), "10 connections": run(api, many, 10)}
        yield from in_turns("HTTP API with 100 ms", many, repeats, contestants)


CASES: dict[str, Callable[[Bench, int, int], Iterable[Figure]]] = {
    "wire": wire,
    "slow-relay": slow_relay,
    "http-api": http_api,
}


def clear_away(bench: Bench) -> None:
    for (name,) in sql("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", PREFIX):
        sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
