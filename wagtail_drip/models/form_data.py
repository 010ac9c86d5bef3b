"""What somebody sent in by a form of Wagtail's, as an event keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

LONGEST = 2000  # letters of one answer; a person's whole text is in the submission


def address_in(fields: Iterable[Any], data: Mapping[str, Any]) -> str:
    """What stands in the first e-mail field that was filled in, or ""."""
    for field in fields:
        if field.field_type == "email" and (text := data.get(field.clean_name)):
            return str(text)
    return ""


def answers(fields: Iterable[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The answers by their fields' names, but for addresses; files are left out."""
    found = {}
    for field in fields:
        value = data.get(field.clean_name)
        if field.field_type == "email" or value in (None, ""):
            continue
        try:
            plain = json.loads(json.dumps(value, cls=DjangoJSONEncoder))
        except (TypeError, ValueError):
            continue
        found[field.clean_name] = plain[:LONGEST] if isinstance(plain, str) else plain
    return found
