"""What sites and this package plug in, by Wagtail hooks that return `{slug: instance}`.

Slugs are plain text in the database. A slug that nobody registers any more shows itself (see
checks and the publish gate); it never breaks a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from wagtail import hooks

HOOKS = (
    "register_drip_triggers",
    "register_drip_conditions",
    "register_drip_merge_fields",
    "register_drip_flow_blocks",
    "register_drip_email_blocks",
    "register_drip_channels",
    "register_drip_recipes",
)

# What records events by itself (integrations/models.py), for the system checks.
SOURCES: list[Any] = []
# Dates in rows of a site (integrations/dates.py) by their names, for engine/noting.py.
DATES: dict[str, Any] = {}


_kept: ContextVar[dict[str, dict[str, Any]] | None] = ContextVar("registered", default=None)


@contextmanager
def looked_up_once() -> Iterator[None]:
    """Inside, a hook is asked but once: what its instances have read for themselves is read once.

    For something of many parts, such as a flow, that each look up the same.
    """
    token = _kept.set({}) if _kept.get() is None else None
    try:
        yield
    finally:
        if token:
            _kept.reset(token)


def registered(hook_name: str) -> dict[str, Any]:
    """All instances of one hook by slug, in order of registration; the last one of a slug wins."""
    kept = _kept.get()
    if kept is not None and hook_name in kept:
        return kept[hook_name]
    found: dict[str, Any] = {}
    for hook in hooks.get_hooks(hook_name):
        found.update(hook())
    if kept is not None:
        kept[hook_name] = found
    return found


def triggers() -> dict[str, Any]:
    return registered("register_drip_triggers")


def conditions() -> dict[str, Any]:
    return registered("register_drip_conditions")


def merge_fields() -> dict[str, Any]:
    return registered("register_drip_merge_fields")


def flow_blocks() -> dict[str, Any]:
    return registered("register_drip_flow_blocks")


def email_blocks() -> dict[str, Any]:
    return registered("register_drip_email_blocks")


def channels() -> dict[str, Any]:
    return registered("register_drip_channels")


def recipes() -> dict[str, Any]:
    return registered("register_drip_recipes")
