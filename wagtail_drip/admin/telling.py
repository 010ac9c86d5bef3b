"""A plan (engine/foretelling.py) as people read it: days, what happens on them, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import registry
from ..engine.foretold import Item, Plan
from ..models import Step
from .forms import trigger_label
from .places import step_url
from .wording import Words, words

ICONS = {"entry": "login", "event": "bolt", "end": "check", "send": "mail", "leave": "logout"}
WAITS = ("wait", "wait_day", "wait_event")
# How a line is marked, by its outcome; all others aren't.
MARKS = {"sent": "good", "completed": "good", "happens": "event", "blocked": "warning",
         "held": "warning", "skipped": "bad", "failed": "bad", "refused": "bad", "cut": "warning",
         "left": "warning"}  # fmt: skip


@dataclass(slots=True)
class Entry:
    """One thing that happens. `at`: by the person's clock, without a zone, to be shown as it is."""

    at: datetime
    moment: str  # for machines, with its offset
    what: str
    icon: str
    mark: str = ""
    why: list[str] = field(default_factory=list)
    url: str = ""  # of the mail


@dataclass(frozen=True, slots=True)
class Day:
    number: int  # 0: that on which they enter
    date: date
    entries: list[Entry]

    @property
    def label(self) -> str:
        shown = f"{date_format(self.date, 'l')}, {date_format(self.date, 'DATE_FORMAT')}"
        return _("Day %(number)d · %(date)s") % {"number": self.number, "date": shown}


@dataclass(frozen=True, slots=True)
class Told:
    """A plan for a page. `who`: "" for somebody made up."""

    days: list[Day]
    who: str
    zone: str
    version: int | None
    summary: str


def told(plan: Plan, flow: list[dict[str, Any]]) -> Told:
    """`flow`: the raw data of the flow that the plan is about. Three queries at most."""
    [known] = words([flow])
    urls = previews({item.step_id for item in plan.items if item.step_id})
    entries = list(_entries(plan, known, urls))
    first = entries[0].at.date()
    days = [
        Day((day - first).days, day, list(those))
        for day, those in groupby(entries, lambda entry: entry.at.date())
    ]
    return Told(days, plan.contact, plan.zone.key, plan.version, _summary(plan, days))


def _summary(plan: Plan, days: list[Day]) -> str:
    mails = sum(item.outcome in ("sent", "blocked") for item in plan.items)
    if not mails:
        return _("No mail.")
    number = days[-1].number
    return ngettext("%d mail", "%d mails", mails) % mails + (
        ", " + ngettext("within a day", "within %(days)d days", number) % {"days": number}
        if number
        else ""
    )


def _entries(plan: Plan, known: Words, urls: Mapping[int, str]) -> Iterator[Entry]:
    """What is said of one place at one moment is one entry."""

    conditions = registry.conditions()

    def together(item: Item) -> Any:
        return item.at, item.node, item.type if item.node else id(item)

    for _key, those in groupby(plan.items, together):
        items = list(those)
        last = items[-1]
        local = last.at.astimezone(plan.zone)
        yield Entry(
            at=local.replace(tzinfo=None),
            moment=local.isoformat(),
            what=_what(last, known),
            icon=_icon(last),
            mark=MARKS.get(last.outcome, ""),
            why=[text for item in items if (text := _why(item, plan, conditions))],
            url=urls.get(last.step_id or 0, ""),
        )


def _what(item: Item, known: Words) -> str:
    match item.type, item.outcome:
        case "entry", "entered":
            return _("They enter")
        case "entry", _other:
            return _("They do not enter")
        case "event", _other:
            return _("They %s") % trigger_label(str(item.because.seen.get("event", "")))
        case "end", "completed":
            return _("The end")
        case "end", "left":
            return _("They leave the campaign")
        case "end", "failed":
            return _("It can't go on")
        case "end", _other:
            return _("The plan ends here")
        case "send", "sent" if item.step:
            return _("“%s” is sent") % item.step
        case "send", "skipped" if item.step:
            return _("“%s” is not sent") % item.step
        case "send", _other if item.step:
            return _("“%s” is due") % item.step
    return known.of(item.node)


def _why(item: Item, plan: Plan, conditions: Any) -> str:
    """Nothing where the entry itself says it."""
    if item.outcome in ("entered", "sent", "happens") and item.because.code != "as_if":
        return ""
    if item.because.code == "entered_before":
        return item.because.sentence(plan.zone) + " " + _("This is what would happen if they did.")
    return item.because.sentence(plan.zone, conditions)


def _icon(item: Item) -> str:
    if item.outcome in ("failed", "refused", "cut"):
        return "warning"
    return ICONS.get(item.type) or ("time" if item.type in WAITS else "help")


def previews(ids: Iterable[int]) -> dict[int, str]:
    """By mail: where it can be looked at as it would go, else its editor. One query."""
    steps = Step.objects.filter(pk__in=set(ids)).order_by()
    name = Step.snippet_viewset.get_url_name("revisions_view")
    return {
        pk: reverse(name, args=[pk, live or latest]) if live or latest else step_url(pk)
        for pk, live, latest in steps.values_list("pk", "live_revision_id", "latest_revision_id")
    }
