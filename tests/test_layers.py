"""No arrow runs back up: each module imports only from floors below its own."""

from __future__ import annotations

import ast
from pathlib import Path

import wagtail_drip

ROOT = Path(wagtail_drip.__file__).parent
FLOORS = {
    "conf": 1, "signals": 1, "registry": 1, "streams": 1, "fields": 1, "chosen": 1, "checks": 1,
    "flow": 2, "content": 2,
    "models": 3, "channels": 3,
    "engine": 4,
    "api": 5, "tasks": 5, "urls": 5, "wagtail_hooks": 5, "apps": 5,
    "integrations": 5, "recipients": 5, "admin": 5, "management": 5, "templatetags": 5,
}  # fmt: skip
WIRING = {
    "apps",
    "urls",
    "wagtail_hooks",
    "templatetags",
}  # connects what the others don't know of each other
DOORS = {"api", "tasks"}  # what the other edges may call on their own floor
# The packages that only the named rooms may know.
OUTSIDE = {
    "django_q": {"tasks", "checks", "management"},
    "anymail": {"integrations"},
    "allauth": {"integrations"},
    "oscar": {"integrations"},
    "wagtail_modeladmin": {"admin"},
    "django.core.mail": {"channels", "management"},
    "smtplib": {"channels"},
}
MODULES = sorted(path for path in ROOT.rglob("*.py") if "migrations" not in path.parts)


def room(path: Path) -> str:
    """The first name below the package: `engine`, `conf`, …; "" for the package itself."""
    part = path.relative_to(ROOT).parts[0]
    return "" if part == "__init__.py" else part.removesuffix(".py")


def imports(path: Path):
    """Absolute dotted names of all that a module imports, lazily or not."""
    package = ("wagtail_drip", *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            start = ".".join(filter(None, (base, node.module)))
            yield from ((f"{start}.{alias.name}", node.lineno) for alias in node.names)


def allowed(source: str, target: str) -> bool:
    if source == target or source in WIRING:
        return True
    if FLOORS[source] == FLOORS[target] == 1:
        return True
    if FLOORS[source] == 5 and target in DOORS:
        return True
    return FLOORS[target] < FLOORS[source]


def test_imports_run_downwards():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} must not import {name}"
        for path in MODULES
        for name, line in imports(path)
        if (target := name.split(".")[1:2]) and name.startswith("wagtail_drip.")
        if room(path) and target[0] in FLOORS and not allowed(room(path), target[0])
    ]
    assert not wrong


def test_other_packages_are_known_only_where_they_belong():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} must not know {package}"
        for path in MODULES
        for name, line in imports(path)
        for package, rooms in OUTSIDE.items()
        if (name == package or name.startswith(package + ".")) and room(path) not in rooms
    ]
    assert not wrong


def test_every_room_has_a_floor():
    assert {room(path) for path in MODULES} - {""} == set(FLOORS)
