"""What the publish gate refuses of a flow, block by block, in words an editor understands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from .. import registry
from . import conditions
from .parts import MAX_BLOCKS, MAX_DEPTH, Part, Placed, walk

ID_LENGTH = 64  # of Enrollment.node


@dataclass(frozen=True, slots=True)
class StepInfo:
    """What the gate knows of one mail. `problems`: why its content can't go out."""

    name: str
    live: bool = True
    same_site: bool = True
    problems: tuple[str, ...] = ()
    # The language of the mail that is named, where it is none in the site's own.
    foreign: str = ""
    channel: str = "email"


@dataclass(frozen=True, slots=True)
class CampaignInfo:
    """What the gate knows of a campaign that a flow leads into.

    `round`: the names of the campaigns by which its people would come back, in their order.
    """

    name: str
    live: bool = True
    same_site: bool = True
    round: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that can't work. `block` is the block's id, `place` where an editor finds it.

    Problems of the campaign itself have a `field` name in place of a block.
    """

    message: str
    place: str = ""
    block: str = ""
    field: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class Checks:
    """What a part may ask while its block is checked; one instance for a pass."""

    def __init__(
        self,
        steps: Mapping[Any, StepInfo],
        campaigns: Mapping[Any, CampaignInfo],
        trigger: str = "",
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self.steps, self.campaigns = steps, campaigns
        self.attributes = attributes or {}
        self.trigger = registry.triggers().get(trigger)
        self.known = registry.conditions()
        self._told: set[Any] = set()

    def step(self, step: Any, channel: str = "") -> list[str]:
        """Why this mail can't be sent; what is wrong inside it is told once a flow.

        `channel`: the only one it may go by.
        """
        if step is None:
            return [_("no mail is chosen")]
        info = self.steps.get(step) if type(step) is int else None
        if info is None:
            return [_("its mail was deleted")]
        found = []
        if not info.live:
            found.append(_("“%s” is not published") % info.name)
        if channel and info.channel != channel:
            known = registry.channels().get(channel)
            named = {"name": info.name, "channel": known.label if known else channel}
            found.append(_("“%(name)s” is not for the channel “%(channel)s”") % named)
        if not info.same_site:
            found.append(_("“%s” belongs to another site") % info.name)
        if info.foreign:
            words = {"name": info.name, "language": info.foreign}
            text = _("“%(name)s” is in %(language)s and is not published in the site's language")
            found.append(text % words)
        if step not in self._told:
            self._told.add(step)
            name = _("“%s”") % info.name
            found += [f"{name}: {problem}" for problem in info.problems]
        return found

    def campaign(self, campaign: Any) -> list[str]:
        """Why nobody can be let into this campaign."""
        if campaign is None:
            return [_("no campaign is chosen")]
        info = self.campaigns.get(campaign) if type(campaign) is int else None
        if info is None:
            return [_("its campaign was deleted")]
        if not info.live:
            return [_("“%s” is not live: nobody can enter") % info.name]
        if not info.same_site:
            return [_("“%s” belongs to another site") % info.name]
        if info.round:
            return [_("people would go round and round: %s") % " → ".join(info.round)]
        return []

    def attribute(self, key: Any, text: str) -> list[str]:
        """Why this attribute can't get this value."""
        known = self.attributes.get(key)
        if known is None:
            return [_("there is no attribute “%s”") % key]
        try:
            known.read(text)
        except ValueError as error:
            return [str(error)]
        return []

    def event_key(self, key: str) -> list[str]:
        """Why what makes people enter has no such data; [] where nobody can tell."""
        if self.trigger is None or not self.trigger.sample or key in self.trigger.sample:
            return []
        return [_("“%(event)s” has no “%(key)s”") % {"event": self.trigger.label, "key": key}]

    def conditions(self, asked: Iterable[Mapping[str, Any]]) -> list[str]:
        return conditions.problems(asked, conditions.ENROLLMENT, self.known)


def step_ids(raw: Any) -> set[int]:
    """The ids of all mails that a flow's raw data names; for loading their StepInfo at once."""
    placed = walk(raw, registry.flow_blocks())
    found = (step for one in placed if one.part for step in one.part.steps(one.value))
    return {step for step in found if type(step) is int}


def campaign_ids(raw: Any) -> set[int]:
    """The ids of all campaigns that a flow leads into."""
    placed = walk(raw, registry.flow_blocks())
    found = (pk for one in placed if one.part for pk in one.part.campaigns(one.value))
    return {pk for pk in found if type(pk) is int}


def problems(
    raw: Any,
    *,
    steps: Mapping[Any, StepInfo],
    campaigns: Mapping[Any, CampaignInfo] | None = None,
    trigger: str = "",
    attributes: Mapping[str, Any] | None = None,
) -> list[Problem]:
    """All that can't work in a flow's raw data, in reading order. Empty: it compiles.

    `steps`, `campaigns`: what is known of those it names, by id; one that is missing was deleted.
    `trigger`: what makes people enter, as far as it is known. `attributes`: models.Attribute by
    key.
    """
    parts: Mapping[str, Part] = registry.flow_blocks()
    found: list[Problem] = []
    ids: Counter[str] = Counter()
    checks, sends = Checks(steps, campaigns or {}, trigger, attributes), 0
    for count, placed in enumerate(walk(raw, parts), start=1):
        if count > MAX_BLOCKS:
            return [Problem(_("The flow has more than %d blocks.") % MAX_BLOCKS, field="flow")]
        found += [_placed(placed, message) for message in _block(placed, checks, ids)]
        sends += bool(placed.part and placed.part.steps(placed.value))
    if not sends and not found:
        found.append(Problem(_("The flow sends no mail."), field="flow"))
    return found


def _placed(placed: Placed, message: str) -> Problem:
    return Problem(message, f"{placed.place}, {placed.label}", str(placed.id or ""), "flow")


def _block(placed: Placed, checks: Checks, ids: Counter[str]) -> list[str]:
    found = list(_id(placed.id, ids))
    if placed.part is None:
        return [*found, _("this site has no such block")]
    if placed.depth == MAX_DEPTH and placed.part.inside(placed.value):
        return [*found, _("decisions may stand only %d deep inside one another") % MAX_DEPTH]
    return found + placed.part.problems(placed.value, checks)


def _id(id: Any, ids: Counter[str]) -> Iterable[str]:
    if not isinstance(id, str) or not 0 < len(id) <= ID_LENGTH:
        yield _("it has no usable id; add it anew")
    else:
        ids[id] += 1
        if ids[id] > 1:
            yield _("another block has the same id; remove it and add it anew")
