"""What is asked of foretelling, and what it answers: an event that may come, a person, a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from .. import registry
from ..flow.reasons import Reason
from ..models import Campaign


@dataclass(frozen=True, slots=True)
class WhatIf:
    """An event that is taken to happen."""

    name: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """Somebody made up. `topics` and `tags`: primary keys; None: the campaign's own topic.
    `attributes`: None: a number to which text messages go, as an address is there for mails.

    What is drawn by chance is drawn for them as for anybody, and always the same for the same
    `number`.
    """

    language: str = ""
    time_zone: str = ""
    attributes: Mapping[str, Any] | None = None
    first_name: str = ""
    last_name: str = ""
    tags: Collection[int] = ()
    topics: Collection[int] | None = None
    number: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in the plan. `node`: where in the flow; "" where it is no part of it.

    `type`: a kind of node (flow.program.KINDS), "entry", "event" or "end". `outcome`: entered,
    refused, waits, goes_on, sent, held, skipped, blocked, left, completed, failed, happens or cut.
    Blocked: somebody must do something before the mail can go; the plan goes on as if it had.
    `step`: the name of the mail.
    """

    at: datetime
    node: str
    type: str
    outcome: str
    because: Reason
    step: str = ""
    step_id: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`version`: the number of the one that was asked; None: a draft."""

    campaign: Campaign
    version: int | None
    contact: str
    zone: ZoneInfo
    items: tuple[Item, ...]

    def as_dict(self) -> dict[str, Any]:
        """For scripts. Moments in the person's time zone."""
        known = registry.conditions()
        return {
            "campaign": self.campaign.slug,
            "version": self.version,
            "contact": self.contact,
            "items": [
                {
                    "at": item.at.astimezone(self.zone).isoformat(),
                    "node": item.node,
                    "type": item.type,
                    "step": item.step,
                    "outcome": item.outcome,
                    "because": item.because.as_dict(known),
                }
                for item in self.items
            ],
        }


class Busy(ValueError):
    """The database has too much to do for it just now, or the flow asks for too much of it."""
