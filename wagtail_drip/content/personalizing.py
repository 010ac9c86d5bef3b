"""From a compiled message to one person's mail: recipients, slots, and the mail itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Recipient:
    """What merge fields and person blocks may know of one delivery. Plain values, no models."""

    id: int  # the delivery's primary key; `values()` answers by it
    contact_id: int
    email: str
    first_name: str = ""
    last_name: str = ""
    language: str = ""
    time_zone: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    user_id: Any = None
    data: Mapping[str, Any] = field(default_factory=dict)  # of the event that enrolled
    campaign: str = ""  # slug
    node: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Given instead of a value: this recipient's mail must wait, for this reason (shown)."""

    reason: str
