"""Every address of ours, found in the URL configuration itself: a new one is tested unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

OURS = re.compile(r"wagtail_?drip|drip_")


@dataclass(frozen=True)
class Route:
    name: str  # "wagtailsnippets_wagtail_drip_campaign:edit"
    path: str  # with a hole for each argument: "/admin/snippets/…/edit/<pk>/"
    arguments: tuple[str, ...]
    view: Any

    def __str__(self) -> str:
        return self.name

    def fill(self, values: dict[str, Any]) -> str:
        path = self.path
        for argument in self.arguments:
            path = path.replace(f"<{argument}>", str(values.get(argument, 1)), 1)
        return path


def routes(start: str) -> list[Route]:
    """Ours below `start`, by their namespace or name, or the module of their view."""
    return [route for route in _walk(get_resolver(), "/", "") if route.path.startswith(start)]


def _walk(resolver: URLResolver, path: str, space: str) -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        piece, arguments = _piece(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _walk(pattern, path + piece, inner)
        elif _is_ours(pattern, space):
            yield Route(f"{space}{pattern.name}", path + piece, arguments, pattern.callback)


def _is_ours(pattern: URLPattern, space: str) -> bool:
    module = getattr(pattern.callback, "__module__", "") or ""
    return bool(OURS.search(f"{space}{pattern.name}") or module.startswith("wagtail_drip"))


def _piece(pattern: str) -> tuple[str, tuple[str, ...]]:
    """A path with `<name>` for its arguments, whichever way the pattern is written."""
    text = pattern.removeprefix("^").removesuffix("$").removesuffix(r"\Z")
    text = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", text)
    text = re.sub(r"\([^)]*\)", "<instance_pk>", text)
    text = re.sub(r"<\w+:(\w+)>", r"<\1>", text).replace("\\", "")
    return text, tuple(re.findall(r"<(\w+)>", text))


# What stands in the names of addresses that are no snippet's, and the model of the row they take.
_ROWS = {
    "drip_contacts_": "contact", "drip_events_": "event", "drip_people_": "enrollment",
    "drip_deliveries_": "delivery", "import": "contactimport", "refused": "contactimport",
    "segment": "segment", "contact": "contact", ":task": "task", "letter": "task",
}  # fmt: skip


def values(
    route: Route, rows: Mapping[str, int], revisions: Mapping[str, int | None]
) -> dict[str, object]:
    """What may stand in the holes of an address; in any other there is a 1.

    `rows`: by the name of its model, the primary key of one row; `revisions`: its latest revision.
    """
    name = next((n for n in rows if f"wagtail_drip_{n}:" in route.name), "")
    name = name or next((row for part, row in _ROWS.items() if part in route.name), "")
    name = name if name in rows else "campaign"
    pk, revision = rows[name], revisions.get(name) or 1
    return {
        "pk": pk, "instance_pk": pk, "object_id": pk, "revision_id": revision,
        "revision_id_a": "earliest", "revision_id_b": "latest", "action_name": "approve",
        "recipe": "welcome", "task_state_id": 1, "workflow_state_id": 1, "revision": revision,
        **{argument: pk for argument in route.arguments if argument.endswith(("_pk", "slug"))},
    }  # fmt: skip
