"""What a recipe's questions mean on this site: likely answers, and what its events say to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from ... import registry
from ...content import coupons, products
from ...flow.occasions import TimeTrigger
from ...flow.triggers import LAUNCHED, keys_of_data
from ...flow.waiting import user_dates
from ...models import Attribute, Contact, Event
from .recipes import Answers, Ask, Recipe

RECENT = 5000  # of all events: which kinds are recorded here
LATEST = 20  # of one kind: what stands in their data


@dataclass
class Recorded:
    """What this site has recorded lately. Read once for a page."""

    last: dict[str, datetime] = field(default_factory=dict)  # by the event's name

    @classmethod
    def read(cls) -> Recorded:
        rows = Event.objects.order_by("-at", "-pk").values_list("name", "at")[:RECENT]
        found = cls()
        for name, at in rows:
            found.last.setdefault(name, at)
        return found

    def latest(self, name: str) -> list[Mapping[str, Any]]:
        """The data of the latest events of this name, the latest first."""
        rows = Event.objects.filter(name=name).order_by("-at", "-pk")
        found = rows.values_list("data", flat=True)[:LATEST]
        return [data if isinstance(data, Mapping) else {} for data in found]


# What may be answered


def events(recorded: Recorded) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The kinds of events that are recorded here, the latest first, and others that are known."""
    known = {slug: _("Somebody %s") % one.label for slug, one in registry.triggers().items()}
    here = sorted((slug for slug in known if slug in recorded.last), key=lambda s: recorded.last[s])
    there = [slug for slug in known if slug not in recorded.last]
    return [(s, known[s]) for s in reversed(here)], [(s, known[s]) for s in there]


def dates() -> list[tuple[str, str]]:
    """Where a date of somebody's may stand: ("event:starts_at", label)."""
    found = [(f"event:{key}", _("“%s” of what started the series") % key) for key in keys_of_data()]
    kinds = (Attribute.Type.DATE, Attribute.Type.DATETIME)
    for one in Attribute.objects.filter(type__in=kinds):
        found.append((f"contact:{one.key}", _("“%s” of the contact") % one.label))
    return [*found, *((f"user:{k}", _("“%s” of their account") % k) for k in user_dates())]


def guess(recipe: Recipe, recorded: Recorded) -> dict[str, Any]:
    """Likely answers by question; none where nothing of the site is like it."""
    known, found = registry.triggers(), {}
    for ask in recipe.asks:
        if ask.kind == "event":
            likely = [slug for slug in ask.likely if slug in known]
            found[ask.name] = next((s for s in likely if s in recorded.last), (likely or [""])[0])
        elif ask.kind in ("number", "address"):
            found[ask.name] = next(iter(ask.likely), "")
        elif ask.kind == "code":
            offered = [offer for offer, _label in coupons.offers()]
            found[ask.name] = next((o for o in ask.likely if o in offered), (offered or [""])[0])
    for ask in recipe.asks:
        samples = [set(known[e].sample) for name in ask.of if (e := found.get(name))]
        common = set.intersection(*samples) if samples else set()
        if ask.kind == "key":
            found[ask.name] = next((key for key in ask.likely if key in common), "")
        elif ask.kind == "date":
            offered = [value for value, _label in dates()]
            likely = [f"contact:{key}" for key in ask.likely]
            likely = [f"event:{key}" for key in ask.likely if key in common] + likely
            chosen = next((value for value in likely if value in offered), "")
            found[ask.name] = as_date(chosen) if chosen else {}
    return found


def as_date(value: str) -> dict[str, str]:
    of, _colon, key = value.partition(":")
    return {"of": of, "key": key}


# Whether it bears out


def doubts(recipe: Recipe, answers: Answers, recorded: Recorded) -> list[str]:
    """What of these answers the site's own events don't bear out, in sentences."""
    return list(dict.fromkeys(_doubts(recipe, answers, recorded)))


def _doubts(recipe: Recipe, answers: Answers, recorded: Recorded) -> Iterator[str]:
    asks = {ask.name: ask for ask in recipe.asks}
    data = {
        answers[name]: recorded.latest(answers[name])
        for name, ask in asks.items()
        if ask.kind == "event" and answers.get(name)
    }
    for name, ask in asks.items():
        answer = answers.get(name)
        if not answer:
            continue
        if ask.kind == "event":
            yield from _event(recipe, ask, str(answer), data[answer])
        elif ask.kind == "key":
            for event in filter(None, map(answers.get, ask.of)):
                yield from _key(str(answer), event, data.get(event, []))
        elif ask.kind == "date":
            yield from _date(answer, [data.get(answers.get(name), []) for name in ask.of])


def label(event: str) -> str:
    trigger = registry.triggers().get(event)
    return str(trigger.label) if trigger else event


def _event(recipe: Recipe, ask: Ask, event: str, data: list[Any]) -> Iterator[str]:
    trigger = registry.triggers().get(event)
    if trigger is None:
        yield _("This site knows no event “%s” any more.") % event
    elif not data and event != LAUNCHED and not isinstance(trigger, TimeTrigger):
        places = recipe.places(ask)
        text = _("No “%s” was recorded yet: what asks for it finds nobody so far.")
        if "start" in places:
            text = _("No “%s” was recorded yet: the series would start with the first.")
        elif "goal" in places:
            text = _("No “%s” was recorded yet: without one, nobody's series ends early.")
        yield text % trigger.label
    if ask.product and data and all(_product(one) is None for one in data):
        yield _(
            "The latest “%s” name no product: mails that show one would wait. Choose another "
            "event, or ask your developer to let it name its product (the setting "
            "WAGTAIL_DRIP_PRODUCTS)."
        ) % label(event)


def _product(data: Any) -> Any:
    try:
        return products.adapter().ref(data)
    except Exception:  # data may be anything, and an adapter expects its own
        return None


def _key(key: str, event: str, data: list[Any]) -> Iterator[str]:
    trigger = registry.triggers().get(event)
    if trigger and trigger.sample and key not in trigger.sample:
        yield _("“%(event)s” has no “%(key)s”.") % {"event": trigger.label, "key": key}
        return
    missing = sum(one.get(key) in (None, "") for one in data)
    if missing:
        yield _("Of the latest %(all)d “%(event)s”, %(missing)d say nothing of “%(key)s”.") % {
            "all": len(data), "event": label(event), "missing": missing, "key": key,
        }  # fmt: skip


def _date(answer: Mapping[str, str], data: list[list[Any]]) -> Iterator[str]:
    of, key = answer.get("of"), answer.get("key", "")
    if of == "contact" and not Contact.objects.filter(attributes__has_key=key)[:1]:
        yield _("Nobody has a “%s” yet: whoever has none leaves the series at that place.") % key
    elif of == "user" and not get_user_model()._default_manager.exists():
        yield _("There are no accounts yet.")
    elif of == "event":
        given = [one.get(key) for rows in data for one in rows]
        odd = [value for value in given if not _is_date(value)]
        if odd:
            yield _(
                "Of the latest %(all)d events, %(odd)d have no date in “%(key)s”: these people "
                "leave the series at that place."
            ) % {"all": len(given), "odd": len(odd), "key": key}  # fmt: skip


def _is_date(value: Any) -> bool:
    try:
        date.fromisoformat(str(value)[:10])
    except ValueError:
        return False
    return True
