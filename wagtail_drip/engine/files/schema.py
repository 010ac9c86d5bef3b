"""The part of JSON Schema (2020-12) that campaign.schema.json uses, with messages for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from django.utils.translation import gettext as _

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


@cache
def campaign_schema() -> dict[str, Any]:
    return json.loads((files("wagtail_drip") / "recipes" / "campaign.schema.json").read_text())


def problems(data: Any) -> list[str]:
    """Where the file's shape is wrong: "campaign.name: is missing"."""
    schema = campaign_schema()
    return list(_problems(data, schema, schema, ""))


def at(path: str, message: str) -> str:
    return f"{path.lstrip('.') or _('the file')}: {message}"


def _problems(data: Any, schema: Mapping, root: Mapping, path: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    kinds = schema.get("type", list(TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(_is(data, kind) for kind in kinds):
        yield at(path, _("must be %s.") % _(" or ").join(kinds))
    elif isinstance(data, dict):
        yield from _object(data, schema, root, path)
    elif isinstance(data, list):
        for number, item in enumerate(data):
            yield from _problems(item, schema.get("items", {}), root, f"{path}[{number}]")
    elif problem := _value(data, schema):
        yield at(path, problem)


def _is(data: Any, kind: str) -> bool:
    if isinstance(data, bool) and kind == "integer":
        return False
    return isinstance(data, TYPES[kind])


def _object(data: dict, schema: Mapping, root: Mapping, path: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in data:
            yield at(f"{path}.{name}", _("is missing."))
    for name, value in data.items():
        if name in known:
            yield from _problems(value, known[name], root, f"{path}.{name}")
        elif schema.get("additionalProperties", True) is False:
            yield at(f"{path}.{name}", _("is not known here."))


def _value(data: Any, schema: Mapping) -> str:
    """What is wrong with a single value, or ""."""
    if "const" in schema and data != schema["const"]:
        return _("must be %s.") % json.dumps(schema["const"])
    if "enum" in schema and data not in schema["enum"]:
        known = ", ".join(json.dumps(item) for item in schema["enum"])
        return _("%(value)s is none of %(known)s.") % {"value": json.dumps(data), "known": known}
    if isinstance(data, str):
        if len(data) < schema.get("minLength", 0):
            return _("must not be empty.")
        if len(data) > schema.get("maxLength", len(data)):
            return _("is longer than %d characters.") % schema["maxLength"]
        if "pattern" in schema and not re.search(schema["pattern"], data):
            return _("%(value)s does not look like %(pattern)s.") % {
                "value": json.dumps(data),
                "pattern": schema["pattern"],
            }
    elif isinstance(data, int) and not (
        schema.get("minimum", data) <= data <= schema.get("maximum", data)
    ):
        return _("must be between %(least)s and %(most)s.") % {
            "least": schema.get("minimum"),
            "most": schema.get("maximum"),
        }
    return ""
