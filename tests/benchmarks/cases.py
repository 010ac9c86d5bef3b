"""The cases: each yields its figures, contestants in turns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
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
    first: float | None = None  # seconds until the first mail was taken
    decided: float | None = None  # seconds until everybody's mail was laid down
    p95: float | None = None  # seconds
    most_a_minute: int | None = None  # wherever the minute begins
    lost: int = 0
    doubled: int = 0

    as_dict = asdict


Run = Callable[[], dict[str, Any]]

MEDIANS = ("statements", "pss_mib", "peak_mib", "connections", "first", "decided", "p95")
WORST = ("lost", "doubled", "most_a_minute")


def in_turns(case: str, amount: int, repeats: int, contestants: dict[str, Run]) -> Iterator[Figure]:
    """Each contestant `repeats` times, taking turns, so that noise meets all of them."""
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, run in contestants.items():
            told[name].append(run())
    first = None
    for name, runs in told.items():
        seconds = median(run["seconds"] for run in runs)
        many = runs[0].get("amount", amount)
        rate = many / seconds
        first = first or rate
        middle = {key: median(run[key] for run in runs) for key in MEDIANS if key in runs[0]}
        worst = {key: max(run[key] for run in runs) for key in WORST if key in runs[0]}
        yield Figure(case, name, many, seconds, rate, rate / first, **middle, **worst)


class Bench:
    """A template database for each number of people, and the message that raw smtplib sends."""

    def __init__(self, sink: Server) -> None:
        self.sink = sink
        self.templates: set[str] = set()
        self.message = b""

    def template(self, *steps: Sequence[Any]) -> str:
        """The name of a database that `prepare.py` brought so far, made once."""
        name = ""
        for number in range(len(steps) + 1):
            origin, name = name or "template1", "_".join(map(str, ["t", *chain(*steps[:number])]))
            if name not in self.templates:
                origin = origin if origin == "template1" else f"{PREFIX}{origin}"
                Site(name, origin).call("prepare", *(steps[number - 1] if number else ["base"]))
                self.templates.add(name)
        return f"{PREFIX}{name}"

    def site(self, amount: int = 0, **settings: Any) -> Site:
        """With so many people due."""
        return self.site_of(*([["people", amount]] if amount else []), **settings)

    def site_of(self, *steps: Sequence[Any], **settings: Any) -> Site:
        return Site("run", self.template(*steps), EMAIL_PORT=self.sink.port, **settings)

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
                    "amount": amount,
                    "connections": taken["connections"],
                    "first": taken["first"] - told["began"],
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
            return {
                "seconds": seconds,
                "amount": amount,
                "connections": self.sink.ask()["connections"],
            }

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
    rules = {"delay": 0.005}
    contestants = {
        "raw smtplib, 1 connection": bench.raw(amount, 1, rules),
        "raw smtplib, 4 connections": bench.raw(amount, 4, rules),
        "ours, 1 process, 4 connections": bench.ours(amount, 1, rules, WAGTAIL_DRIP_CONNECTIONS=4),
        "ours, 2 processes, 2 connections each": bench.ours(
            amount, 2, rules, WAGTAIL_DRIP_CONNECTIONS=2
        ),
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


def crowd(bench: Bench, amount: int, repeats: int) -> Iterator[Figure]:
    """Ten times as many due at once: as quick for each, and in no more memory."""
    contestants = {
        "ours, 2 processes": bench.ours(amount, 2),
        "ours, 2 processes, ten times as many": bench.ours(amount * 10, 2),
    }
    yield from in_turns("crowd", amount, 1, contestants)


def planning(bench: Bench, amount: int, repeats: int) -> Iterator[Figure]:
    """A hundred times as many who wait, and a thousand who become due: finding and planning."""

    def run() -> dict[str, Any]:
        with bench.site_of(["people", amount * 100, 24]) as site:
            told = sorted(json.loads(site.call("measure", "planning", 20))["seconds"])
        return {"seconds": median(told), "amount": 1000, "p95": told[round(len(told) * 0.95) - 1]}

    yield from in_turns("planning", 1000, 1, {f"1000 due of {amount * 100}": run})


def enrolling(bench: Bench, amount: int, repeats: int) -> Iterator[Figure]:
    """A hundred times as many in the audience of a campaign, enrolled by one command."""

    def run() -> dict[str, Any]:
        with bench.site_of(["contacts", amount * 100]) as site:
            told = json.loads(site.call("measure", "enrolling"))
            entered = site.count("state = 'active'", "enrollment")
        return told | {"lost": amount * 100 - entered, "doubled": max(0, entered - amount * 100)}

    yield from in_turns("enrolling", amount * 100, 1, {"one process": run})


def pacing(bench: Bench, amount: int, repeats: int) -> Iterator[Figure]:
    """A campaign's rate kept by two workers, over five minutes of the real clock."""

    def run(a_minute: int) -> Run:
        def run() -> dict[str, Any]:
            with bench.site_of(["people", 6 * a_minute], ["rate", a_minute]) as site:
                bench.sink.ask(delay=0.0)
                site.work(2, 300)
                taken = bench.sink.ask()
            seconds = taken["last"] - taken["first"]
            told = {key: taken[key] for key in ("doubled", "most_a_minute")}
            return told | {"seconds": seconds, "amount": taken["messages"]}

        return run

    yield from in_turns("pacing", 0, 1, {f"{rate} a minute": run(rate) for rate in (60, 120)})


def previewing(bench: Bench, amount: int, repeats: int) -> Iterator[Figure]:
    """The preview beside the editor, of a mail of 40 blocks; Wagtail's own of the same blocks."""
    with bench.site() as site:
        told = json.loads(site.call("measure", "previewing", 40, 20))
    for name in told:
        told[name].sort()

    def run(name: str) -> Run:
        seconds = told[name]
        return lambda: {
            "seconds": median(seconds),
            "amount": 1,
            "p95": seconds[round(len(seconds) * 0.95) - 1],
        }

    contestants = {"Wagtail, on a page": run("wagtail"), "ours, as a mail": run("ours")}
    yield from in_turns("preview of 40 blocks", 1, 1, contestants)


CASES: dict[str, Callable[[Bench, int, int], Iterable[Figure]]] = {
    "wire": wire,
    "slow-relay": slow_relay,
    "http-api": http_api,
    "crowd": crowd,
    "planning": planning,
    "enrolling": enrolling,
    "pacing": pacing,
    "preview": previewing,
}


def clear_away(bench: Bench) -> None:
    for (name,) in sql("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", PREFIX):
        sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
