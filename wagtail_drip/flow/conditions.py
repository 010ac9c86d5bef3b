"""Conditions as data: what one is, and how a group of them is written, checked and said.

A group is `{"match": "all" | "any" | "none", "conditions": [{"slug": str, "args": dict}, …]}`.
Floor 3 turns a group into SQL (models/matching.py); nothing here touches the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Model, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from wagtail.blocks import Block, StaticBlock

from .. import registry
from . import reasons

MATCHES = ("all", "any", "none")
CONTACT, ENROLLMENT = "contact", "enrollment"  # what a condition may be asked of

Group = Mapping[str, Any]


class Condition:
    """A question about a person, registered by `register_drip_conditions` under its slug.

    `args` is what `block()` stores: plain JSON. Its subject is a contact (an audience, a
    segment) or an enrollment (a branch, a goal), which knows more: when the person entered,
    and on which event.
    """

    slug: str
    label: str | Promise

    def block(self) -> Block:
        """The form in which an editor fills in `args`; a new instance on each call."""
        return StaticBlock(label=self.label, admin_text=self.label)

    def block_for(self, subject: str) -> Block:
        """`block()` without what can't be asked of `subject`."""
        return self.block()

    def nested(self, subject: str, depth: int) -> Block | None:
        """The block for inside `depth` groups of conditions; None: not offered there."""
        return self.block_for(subject)

    def sentence(self, args: Mapping[str, Any]) -> str:
        """It as a clause: "they placed an order within 30 days"."""
        return str(self.label)

    def check(self, args: Mapping[str, Any], subject: str = ENROLLMENT) -> list[str]:
        """Why it can't be asked of `subject`, in an editor's words.

        One pass of checks looks into the registry once. So a condition that has to read for this
        gives the hook a new instance each time, and keeps what it read on that instance.
        """
        return []

    def q(self, args: Mapping[str, Any], subject: type[Model], now: datetime) -> Q:
        """It as a Q over Contact or Enrollment: a correlated `Exists` (models/matching.py).

        Never a lookup over a multi-valued relation and never `NOT IN (subquery)`.
        """
        raise NotImplementedError

    def saw(self, args: Mapping[str, Any], subject: type[Model], now: datetime) -> Any:
        """What the answer hangs on, for the record of decisions: an expression over the subject.

        A text, number or moment for each, asked within the same query as `q`. None: that it is so,
        or is not, says it all.
        """
        return None

    def told(self, args: Mapping[str, Any], saw: Any) -> str:
        """What was seen, in words; "" to show it as it is. Called where `saw` names something."""
        return ""

    def pinned(self, args: Mapping[str, Any], id: str) -> dict[str, Any]:
        """The arguments as a program keeps them. `id`: of the block, the same at every publishing.

        Audiences, goals and segments are asked as they stand, with no id.
        """
        return dict(args)


def group(match: str, conditions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A group as JSON. Raises ValueError for another `match`."""
    if match not in MATCHES:
        raise ValueError(f"a group matches all, any or none of its conditions, not {match!r}")
    return {
        "match": match,
        "conditions": [{"slug": c["slug"], "args": c.get("args") or {}} for c in conditions],
    }


def from_stream(raw: Any) -> list[dict[str, Any]]:
    """The conditions in a ConditionsBlock's raw data: a block's type is the condition's slug."""
    if not isinstance(raw, list):
        return []
    return [
        {"slug": str(child.get("type")), "args": _args(child.get("value"))}
        for child in raw
        if isinstance(child, Mapping)
    ]


def pinned(raw: Any) -> list[dict[str, Any]]:
    """As `from_stream`, for a program: each with what it has of its own by its block's id."""
    known, children = registry.conditions(), raw if isinstance(raw, list) else []
    found = []
    for child in children:
        for condition in from_stream([child]):
            if own := known.get(condition["slug"]):
                id = str(child.get("id") or "")
                condition = {**condition, "args": own.pinned(condition["args"], id)}
            found.append(condition)
    return found


def _args(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


GROUP = "group"  # the condition that is a group of conditions itself
MAX_GROUPS = 2  # so deep may groups stand inside one another


def flattened(conditions: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """These conditions and all that stand in groups among them."""
    for condition in conditions:
        yield condition
        if condition["slug"] == GROUP:
            yield from flattened(from_stream((condition.get("args") or {}).get("conditions")))


def depth(conditions: Iterable[Mapping[str, Any]]) -> int:
    """How many groups stand inside one another among these conditions."""
    inner = [
        1 + depth(from_stream((c.get("args") or {}).get("conditions")))
        for c in conditions
        if c["slug"] == GROUP
    ]
    return max(inner, default=0)


def problems(
    conditions: Iterable[Mapping[str, Any]],
    subject: str = ENROLLMENT,
    known: Mapping[str, Condition] | None = None,
) -> list[str]:
    """Why these conditions can't be asked of `subject`, in an editor's words.

    `known`: registry.conditions() as the caller's pass of checks took it.
    """
    known = registry.conditions() if known is None else known
    found: list[str] = []
    for condition in conditions:
        slug = condition["slug"]
        if slug not in known:
            found.append(_("this site has no condition “%s”") % slug)
        else:
            found += known[slug].check(condition.get("args") or {}, subject)
    return found


def sentence(
    conditions: Iterable[Mapping[str, Any]],
    match: str = "all",
    known: Mapping[str, Condition] | None = None,
) -> str:
    """All of them as one clause: "they signed up and they did not place an order"."""
    known = registry.conditions() if known is None else known
    clauses = [
        known[c["slug"]].sentence(c.get("args") or {})
        if c["slug"] in known
        else _("an unknown condition (%s)") % c["slug"]
        for c in conditions
    ]
    if not clauses:
        return _("nothing is asked")
    if match == "none":
        return _("it is not so that %s") % _(" or ").join(clauses)
    return (_(" and ") if match == "all" else _(" or ")).join(clauses)


# What was seen in asking: `{"match": str, "asked": [{"slug", "args", "met": bool, "saw"?}, …]}`;
# among these a group stands as one of such mappings itself.


def told(seen: Any, zone: tzinfo | None, known: Mapping[str, Condition] | None = None) -> str:
    """A group with the answer to each condition: "they placed an order: no (0 times)".

    `known`: as in `problems`. Raises KeyError or TypeError for what another release saw.
    """
    known = registry.conditions() if known is None else known
    asked = [
        f"({told(one, zone, known)})" if "asked" in one else _one_told(one, zone, known)
        for one in seen["asked"]
    ]
    text = "; ".join(asked)
    if seen["match"] == "none":
        return _("none of these: %s") % text
    if len(asked) == 1:
        return text
    return (_("all of these: %s") if seen["match"] == "all" else _("any of these: %s")) % text


def _one_told(one: Any, zone: tzinfo | None, known: Mapping[str, Condition]) -> str:
    answer = _("yes") if one["met"] else _("no")
    if "saw" in one:
        answer = _("%(answer)s (%(seen)s)") % {"answer": answer, "seen": _seen(one, zone, known)}
    clause = sentence([one], known=known)
    return _("%(condition)s: %(answer)s") % {"condition": clause, "answer": answer}


def _seen(one: Any, zone: tzinfo | None, known: Mapping[str, Condition]) -> str:
    saw, condition = one["saw"], known.get(one["slug"])
    own = condition.told(one["args"], saw) if condition else ""
    if own or saw is None or saw == "":
        return own or _("nothing")
    return reasons.moment_told(saw, zone) or (_("“%s”") % saw if isinstance(saw, str) else str(saw))


reasons.TELLING["asked"] = told
