"""What sites and this package plug in, by Wagtail hooks that return `{slug: instance}`.

Slugs are plain text in the database. A slug that nobody registers any more shows itself (see
checks and the publish gate); it never breaks a page.
"""

from __future__ import annotations

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


def registered(hook_name: str) -> dict[str, Any]:
    """All instances of one hook by slug, in order of registration; the last one of a slug wins."""
    found: dict[str, Any] = {}
    for hook in hooks.get_hooks(hook_name):
        found.update(hook())
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
