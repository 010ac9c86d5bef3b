"""Recipes: campaign files that leave open what differs from site to site, with their words apart.

A recipe is a folder: `campaign.json` is what `drip_import` reads, and in it

- `"?order"` stands for the answer to the question `order`, `"?day.key"` for a part of it,
  `"?days*2"` and `"?times+1"` for a number by it, and `"?same|none"` for the answer or else what
  follows the bar. A block, or a name in a list, with a question that nobody answered, and that may
  stay open, is left out; so is a block with such a question in its `"needs"`;
- `"@hello.subject"` stands for a text of the language file: `en.json`, `fa.json` …, one flat object
  by key each. In a text, `[[amount]]` is an answer; `{{ event.[[what]]|it }}` without one is "it".

The member "recipe" says what is asked. The rest is a campaign file as any other, so an exported
campaign is a recipe too, with nothing to ask.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ...content import coupons

HERE = Path(__file__).parent.parent.parent / "recipes"
SHARED = "shared"  # the folder of words that several recipes use
FALLBACK = "en"
KINDS = ("event", "topic", "campaign", "code", "number", "address", "key", "date", "day")

# What comes with the package, in the gallery's order.
BUILTIN = (
    "welcome", "interested", "browsed", "cart", "taken_out", "back_in_stock", "on_sale",
    "product_launch",
    "first_order", "big_first_order", "order_thanks", "after_order", "order_confirmation",
    "failed_payment", "review_request", "loyalty",
    "reorder", "overdue", "renewal", "service_followup", "before_service", "service_canceled",
    "guide", "event_followup", "tutorial", "support_lessons", "support_feedback",
    "birthday", "holiday", "order_anniversary", "inactive", "left_topic",
)  # fmt: skip

_QUESTION = re.compile(r"\?([a-z_0-9]+)(?:\.([a-z]+)|([*+]\d+))?(\|.*)?", re.DOTALL)
_TEXT = re.compile(r"@([a-z_0-9.]+)")
_OPEN = re.compile(r"\{\{\s*[a-z.]*\[\[([a-z_0-9]+)\]\]\s*\|([^{}|]*)\}\}")
_ANSWER = re.compile(r"\[\[([a-z_0-9]+)\]\]")

Answers = Mapping[str, Any]


class BadRecipe(ValueError):
    """A recipe can't be read, or lacks an answer; in words for whoever wrote or uses it."""


@dataclass(frozen=True)
class Ask:
    """One question. `likely`: answers to try first; `of`: the events whose data is meant."""

    name: str
    kind: str
    likely: tuple[Any, ...] = ()
    optional: bool = False
    of: tuple[str, ...] = ()
    channel: str = "email"  # of a topic: what people get by it
    product: bool = False  # its mails show the product that such an event is about
    least: int = 1
    most: int = 1_000_000


class _Open(Exception):
    """A question that may stay open was met, and nobody answered it."""


class Recipe:
    """Registered by `register_drip_recipes` under its slug. `path`: its folder, or a file."""

    def __init__(self, path: str | Path, slug: str = "") -> None:
        self.path = Path(path)
        self.folder = None if self.path.suffix == ".json" else self.path
        self.slug = slug or self.path.stem

    def __str__(self) -> str:
        return self.title()

    @cached_property
    def data(self) -> dict[str, Any]:
        found = _read(self.path / "campaign.json" if self.folder else self.path)
        if not isinstance(found.get("campaign"), dict) or not isinstance(found.get("steps"), list):
            raise BadRecipe(_("%s is no campaign file.") % self.path)
        return found

    @cached_property
    def meta(self) -> dict[str, Any]:
        return self.data.get("recipe") or {}

    @cached_property
    def asks(self) -> tuple[Ask, ...]:
        return tuple(self._ask(dict(one)) for one in self.meta.get("asks", ()))

    def _ask(self, given: dict[str, Any]) -> Ask:
        for name in ("likely", "of"):
            given[name] = tuple(given.get(name, ()))
        try:
            ask = Ask(**given)
        except TypeError as error:
            raise BadRecipe(f"{self.path}: {error}") from error
        if ask.kind not in KINDS:
            raise BadRecipe(_("%(path)s asks for “%(kind)s”, which is none of %(known)s.") % {
                "path": self.path, "kind": ask.kind, "known": ", ".join(KINDS),
            })  # fmt: skip
        return ask

    @property
    def group(self) -> str:
        return str(self.meta.get("group", ""))

    # Words

    @cached_property
    def languages(self) -> list[str]:
        """The codes of the languages that its mails are written in."""
        files = self.folder.glob("*.json") if self.folder else ()
        return sorted(file.stem for file in files if file.stem != "campaign")

    def language(self, wanted: str | None = None) -> str:
        """The one of its languages to use for `wanted` (default: the one that is active)."""
        code = (wanted or get_language() or FALLBACK).lower()
        for one in (code, code.partition("-")[0], FALLBACK, *self.languages):
            if one in self.languages:
                return one
        return ""

    def texts(self, language: str) -> Mapping[str, str]:
        """All texts by key, also those that several recipes share; English where one is missing."""
        if language not in self._texts:
            found: dict[str, str] = {}
            for code in dict.fromkeys([FALLBACK, language]):
                for folder in filter(None, (HERE / SHARED, self.folder)):
                    file = folder / f"{code}.json"
                    found |= _read(file) if code and file.exists() else {}
            self._texts[language] = found
        return self._texts[language]

    @cached_property
    def _texts(self) -> dict[str, dict[str, str]]:
        return {}

    def words(self, key: str) -> str:
        """A text in the language that is active; "" where there is none."""
        return self.texts(self.language()).get(key, "")

    def title(self) -> str:
        return self.words("name") or str(self.data["campaign"].get("name") or self.slug)

    def question(self, ask: Ask) -> str:
        return self.words(f"ask.{ask.name}") or ask.name.replace("_", " ")

    def help(self, ask: Ask) -> str:
        return self.words(f"help.{ask.name}")

    def group_title(self) -> str:
        return self.words(f"group.{self.group}") or self.group or _("Of this site")

    # Filling in

    def fill(
        self,
        answers: Answers,
        *,
        language: str = "",
        mails: Mapping[str, str] | None = None,
        slug: str = "",
    ) -> dict[str, Any]:
        """The campaign file with these answers, in words of `language`.

        `mails`: the language of each mail's words by the site's language that it is for, ""
        for the main one; default: `language` alone. Each filling makes mails and blocks of its
        own. Raises BadRecipe where something that must be answered isn't."""
        words = _Filling(self, answers, self.texts(self.language(language)))
        filled = {
            name: words.value(part)
            for name, part in self.data.items()
            if name not in ("recipe", "$schema", "steps")
        }
        said = {
            code: _Filling(self, answers, self.texts(self.language(one)))
            for code, one in (mails or {"": language}).items()
        }
        filled["steps"] = [
            words.value(step) | ({"language": code} if code else {})
            for step in self.data["steps"]
            for code, words in said.items()
        ]
        filled["campaign"]["slug"] = slug or filled["campaign"]["slug"]
        flow = json.dumps(filled["campaign"])  # what an open question left out sends no mail
        filled["steps"] = [step for step in filled["steps"] if step["key"] in flow]
        keys = {step["key"]: str(uuid4()) for step in filled["steps"]}
        return _renamed(filled, keys)

    def sketch(self, answers: Answers) -> tuple[list[Any], dict[int, str], str]:
        """For its picture: the flow's raw data, the mails' names by the numbers that stand in it
        for them, and the event that starts it. What nobody answered yet is said in words."""
        said = {ask.name: self._said(ask) for ask in self.asks} | {
            name: value for name, value in answers.items() if value not in (None, "")
        }
        filling = _Filling(self, said, self.texts(self.language()))
        numbers = {step["key"]: n for n, step in enumerate(self.data["steps"], start=1)}
        names = {numbers[step["key"]]: filling.value(step["name"]) for step in self.data["steps"]}
        campaign = filling.value(self.data["campaign"])
        return _renamed(campaign["flow"], numbers), names, str(campaign.get("trigger") or "")

    def _said(self, ask: Ask) -> Any:
        if ask.kind == "number":
            return next(iter(ask.likely), ask.least)
        if ask.kind == "date":
            return {"of": "event", "key": self.words(f"does.{ask.name}") or "…"}
        if ask.kind == "day":
            return "2026-12-31"
        return self.words(f"does.{ask.name}") or "…"

    def places(self, ask: Ask) -> set[str]:
        """What the answer is for: "start", "goal", "flow" or "mail"."""
        named = re.compile(rf"(\?|\[\[){ask.name}\b")
        campaign = self.data["campaign"]
        parts = {
            "start": campaign.get("trigger"),
            "goal": campaign.get("goals"),
            "flow": [campaign.get("audience"), campaign.get("flow")],
            "mail": self.data["steps"],
        }
        return {place for place, part in parts.items() if named.search(json.dumps(part))}


class _Filling:
    """One pass over a recipe's data."""

    def __init__(self, recipe: Recipe, answers: Answers, texts: Mapping[str, str]) -> None:
        self.asks = {ask.name: ask for ask in recipe.asks}
        self.recipe, self.answers, self.texts = recipe, answers, texts

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, list):
            return list(self.items(value))
        if isinstance(value, dict):
            return {name: self.value(inner) for name, inner in value.items()}
        return value

    def items(self, items: list[Any]) -> Iterator[Any]:
        for item in items:
            block = isinstance(item, dict) and "type" in item
            try:
                filled = self.value(item)
            except _Open:
                if not (block or isinstance(item, str)):
                    raise
                continue  # the block that it stands in isn't there without an answer
            if block:
                filled.pop("needs", None)
            yield _coupon_or_words(filled) if block and item["type"] == "coupon" else filled

    def string(self, text: str) -> Any:
        if match := _QUESTION.fullmatch(text):
            return _by(match[3], self.answer(match[1], match[2], match[4]))
        if match := _TEXT.fullmatch(text):
            if match[1] not in self.texts:
                raise BadRecipe(_("The recipe “%(name)s” has no text “%(key)s”.") % {
                    "name": self.recipe.slug, "key": match[1],
                })  # fmt: skip
            return self.said(self.texts[match[1]])
        return text

    def answer(self, name: str, part: str | None, otherwise: str | None) -> Any:
        if name not in self.asks:
            raise BadRecipe(_("The recipe “%(recipe)s” does not ask for “%(name)s”.") % {
                "recipe": self.recipe.slug, "name": name,
            })  # fmt: skip
        given = self.answers.get(name)
        if given in (None, "", {}):
            if otherwise is not None:
                return otherwise[1:]
            if self.asks[name].optional:
                raise _Open
            raise BadRecipe(_("This isn't answered: %s") % self.recipe.question(self.asks[name]))
        if part == "text":
            return str(given)
        return given.get(part, "") if part and isinstance(given, dict) else given

    def said(self, text: str) -> str:
        """A text with its answers in place; a date by the merge field that says it."""
        safe = escape if "<" in text else str
        text = _OPEN.sub(lambda m: m[0] if self.spoken(m[1]) else m[2].strip(), text)
        return _ANSWER.sub(lambda m: safe(self.spoken(m[1]) or "…"), text)

    def spoken(self, name: str) -> str:
        """An answer as it stands in texts; "" for none."""
        given = self.answers.get(name) or ""
        if not isinstance(given, Mapping):
            return str(given)
        # Not every date of an account can be said in a mail.
        return f"{given['of']}.{given['key']}" if given["of"] != "user" else ""


def _by(sum_: str | None, answer: Any) -> Any:
    """A number as many times, or so much more; anything else as it is."""
    if not sum_ or not isinstance(answer, int):
        return answer
    amount = int(sum_[1:])
    return answer * amount if sum_[0] == "*" else answer + amount


def _coupon_or_words(block: dict[str, Any]) -> dict[str, Any]:
    """A site that issues no codes gives one to everybody: it stands there in words."""
    offer = str(block["value"].get("offer") or "")
    if offer in dict(coupons.offers()):
        return block
    return {"type": "heading", "value": {"text": offer, "size": "large"}}


def _renamed(value: Any, names: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if isinstance(value, dict):
        return {name: _renamed(inner, names) for name, inner in value.items()}
    return value


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRecipe(_("%(file)s can't be read: %(error)s") % {
            "file": file, "error": error,
        }) from error  # fmt: skip
    if not isinstance(found, dict):
        raise BadRecipe(_("%s must be a JSON object.") % file)
    return found


def builtin() -> dict[str, Recipe]:
    return {slug: Recipe(HERE / slug) for slug in BUILTIN}
