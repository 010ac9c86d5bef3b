"""From a flow's raw data to its program, and the program as JSON with a format number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext as _

from .. import registry
from .checking import (
    ID_LENGTH,
    CampaignInfo,
    Problem,
    StepInfo,
    campaign_ids,
    problems,
    step_ids,
)
from .parts import MAX_DEPTH, Part
from .program import FORMAT, KINDS, Node, Program

__all__ = [
    "CampaignInfo",
    "Compiler",
    "NotReady",
    "Problem",
    "StepInfo",
    "UnknownFormat",
    "campaign_ids",
    "compile_flow",
    "digest",
    "dump",
    "is_newer",
    "load",
    "problems",
    "step_ids",
]


class NotReady(ValidationError):
    """Publishing was refused. `problems` has the list; `messages` the same in words."""

    def __init__(self, problems: list[Problem]) -> None:
        # By field, though they are of none: wagtail-localize and others ask for that.
        super().__init__({NON_FIELD_ERRORS: [str(problem) for problem in problems]})
        self.problems = problems

    def __str__(self) -> str:
        return repr(self.messages)


class UnknownFormat(ValueError):
    """A stored program that this release can't read, mostly one that a newer release wrote."""


class Compiler:
    """Collects the nodes of one program. Flows are compiled from their end backwards."""

    def __init__(self, steps: Mapping[int, str]) -> None:
        self.steps = steps
        self.nodes: dict[str, Node] = {}
        self.parts: Mapping[str, Part] = registry.flow_blocks()
        self._depth = 0

    def flow(self, raw: list[dict[str, Any]], next: str = "") -> str:
        """Compile these blocks; the last one goes on to `next`. The id of the first one."""
        if self._depth > MAX_DEPTH:
            raise ValueError("the flow is nested too deep")
        self._depth += 1
        for child in reversed(raw):
            part = self.parts.get(child["type"])
            if part is None:
                raise ValueError(f"unknown block {child['type']!r}")
            next = part.compile(child["value"], child["id"], next, self)
        self._depth -= 1
        return next

    def add(self, id: str, node: Node) -> str:
        if not isinstance(id, str) or not 0 < len(id) <= ID_LENGTH or id in self.nodes:
            raise ValueError(f"{id!r} can't be a node's id here")
        self.nodes[id] = node
        return id

    def key(self, step: Any) -> str:
        """The translation key of the mail with this primary key."""
        if step not in self.steps:
            raise ValueError(f"unknown mail {step!r}")
        return str(self.steps[step])


def compile_flow(raw: list[dict[str, Any]], steps: Mapping[int, str]) -> Program:
    """The program of a flow's raw data. `steps`: primary keys of mails to translation keys.

    Raises ValueError for a flow that `problems` would have named.
    """
    compiler = Compiler(steps)
    start = compiler.flow(raw)
    return Program(start, compiler.nodes)


def dump(program: Program) -> dict[str, Any]:
    """The program as plain JSON: `{"format": 2, "start": id, "nodes": {id: {"kind": …}}}`."""
    kinds = {cls: kind for kind, cls in KINDS.items()}
    nodes = {
        id: {"kind": kinds[type(node)], **{f.name: getattr(node, f.name) for f in fields(node)}}
        for id, node in program.nodes.items()
    }
    return {"format": FORMAT, "start": program.start, "nodes": nodes}


def is_newer(stored: Mapping[str, Any]) -> bool:
    """Whether a later release wrote it, as in a rolling deploy: its workers can read it."""
    version = stored.get("format")
    return isinstance(version, int) and version > FORMAT


def load(stored: Mapping[str, Any]) -> Program:
    """The program in what `dump` wrote, now or in an earlier release. Raises UnknownFormat."""
    version = stored.get("format")
    if not isinstance(version, int) or not 1 <= version <= FORMAT:
        raise UnknownFormat(
            _("A program of format %(found)s; this release reads up to format %(known)s.")
            % {"found": version, "known": FORMAT}
        )
    nodes = {}
    for id, node in stored["nodes"].items():
        values = _upgraded(node, version)
        kind = values.pop("kind")
        if kind not in KINDS:
            raise UnknownFormat(_("A program with a node of unknown kind “%s”.") % kind)
        nodes[id] = KINDS[kind](**values)
    return Program(stored["start"], nodes)


def _upgraded(node: Mapping[str, Any], version: int) -> dict[str, Any]:
    """A node of an earlier format as this release writes it."""
    if version < 2 and node.get("kind") == "wait":
        return {**node, "spec": {"type": "duration", **node["spec"]}}
    return dict(node)


def digest(program: Program) -> str:
    """Hash of what a program means: equal for flows that do the same with the same blocks."""
    text = json.dumps(dump(program), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
