"""Raw flows for tests, as a StreamField stores them, and hypothesis strategies for them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from wagtail_drip.flow import timing
from wagtail_drip.flow.parts import MAX_DEPTH
from wagtail_drip.streams import with_ids

KEYS = {1: "key-1", 2: "key-2", 3: "key-3"}


def block(type: str, id: str = "", **value: Any) -> dict[str, Any]:
    return {"type": type, "value": value, "id": id or None}


def send(step: Any = 1, id: str = "") -> dict[str, Any]:
    return block("send", id, step=step)


def wait(amount: Any = 1, unit: str = "days", id: str = "") -> dict[str, Any]:
    return block("wait", id, amount=amount, unit=unit)


def leave(reason: str = "", id: str = "") -> dict[str, Any]:
    return block("leave", id, reason=reason)


def if_else(yes=(), no=(), *, asked=("signed_up",), match="all", id="") -> dict[str, Any]:
    conditions = [
        block("event_happened", event="user_signed_up", since="ever") if c == "signed_up" else c
        for c in asked
    ]
    return block("if_else", id, match=match, conditions=conditions, yes=[*yes], no=[*no])


def wait_event(happened=(), timeout=(), *, event="user_signed_up", amount=3, id=""):
    return block(
        "wait_event", id, event=event, same="", amount=amount, unit="days",
        happened=[*happened], timeout=[*timeout],
    )  # fmt: skip


def wait_day(amount=0, side="before", *, of="contact", key="birthday", id="", **more):
    value = {"unit": "days", "yearly": False, "time": "09:00", "otherwise": "leave", **more}
    return block("wait_day", id, amount=amount, side=side, of=of, key=key, **value)


def wait_hours(*days: int, start="", end="", id=""):
    window = {"days": [str(day) for day in days], "start": start, "end": end}
    return block("wait_hours", id, window=window)


def split(*ways: tuple[Any, Any], id=""):
    items = [block("item", percent=percent, flow=[*flow]) for percent, flow in ways]
    return block("split", id, ways=items)


def nested(depth: int) -> dict[str, Any]:
    """Decisions inside one another, so many levels in all."""
    inner = nested(depth - 1) if depth > 1 else send()
    return if_else([inner])


sends = st.builds(send, st.sampled_from(sorted(KEYS)))
waits = st.builds(wait, st.integers(1, 50), st.sampled_from(timing.UNITS))
leaves = st.builds(leave, st.text(max_size=10))
hours = st.builds(wait_hours, st.integers(0, 6), start=st.sampled_from(["", "09:00"]))
days = st.builds(wait_day, st.integers(0, 60), st.sampled_from(["before", "after"]))
tags = st.builds(lambda text: block("set_tag", tag=text, side="add"), st.text("xyz", min_size=1))
shares = st.integers(1, 99)


def flows(depth: int = 0) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Any flow that the gate lets pass; ids are there."""
    parts = sends | waits | hours | days | tags | leaves
    if depth < MAX_DEPTH:
        inner = flows(depth + 1)
        decisions = st.builds(if_else, inner.filter(bool), inner)
        parts |= decisions | st.builds(wait_event, inner, inner)
        parts |= st.builds(
            lambda n, a, b: split((n, a), (100 - n, b)), shares, inner.filter(bool), inner
        )
    several = st.lists(parts, max_size=4 if depth else 6)
    return several if depth else several.map(lambda raw: with_ids([send(), *raw]))
