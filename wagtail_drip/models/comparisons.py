"""Comparing one key of a JSON column with a text: attributes, and the data of events."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Q, TextField, Value
from django.db.models.functions import Coalesce, Lower
from django.db.models.lookups import Contains, Exact, GreaterThan, IContains, LessThan
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import CharBlock, ChoiceBlock, StructBlock

from ..flow.triggers import keys_of_data
from .json_keys import JsonDecimal, JsonNumber, JsonText

OPERATORS = [
    ("equals", gettext_lazy("is")),
    ("not_equals", gettext_lazy("is not")),
    ("contains", gettext_lazy("contains")),
    ("greater", gettext_lazy("is greater or later than")),
    ("less", gettext_lazy("is less or earlier than")),
    ("set", gettext_lazy("is filled in")),
    ("not_set", gettext_lazy("is not filled in")),
]


def compared(column: str, key: str, op: Any, value: str) -> Any:
    """One key of a JSON column against a text, for `filter`. Raises ValueError for another op.

    "is" and "is not" compare to the letter, and what isn't there is not anything; "contains"
    ignores case. "greater" and "less" compare numbers (prices written as texts, too) with
    numbers, and ISO dates as texts.
    """
    text = JsonText(column, key)
    number = _number(value)
    match op:
        case "equals":
            return Exact(text, Value(value))
        case "not_equals":
            return ~Q(Exact(_or_empty(text), Value(value)))
        case "contains":
            # The second for MariaDB, the first for capitals outside ASCII on SQLite.
            return Q(IContains(text, value)) | Q(Contains(Lower(text), value.lower()))
        case "set":
            return ~Q(Exact(_or_empty(text), Value("")))
        case "not_set":
            return Q(Exact(_or_empty(text), Value("")))
        case "greater" | "less":
            lookup = GreaterThan if op == "greater" else LessThan
            if number is None:
                return lookup(text, Value(value))
            amount = JsonNumber(column, key) if column == "attributes" else JsonDecimal(column, key)
            return lookup(amount, Value(number))
    raise ValueError(f"nothing can be compared by {op!r}")


def _or_empty(text: JsonText) -> Coalesce:
    return Coalesce(text, Value("", TextField()), output_field=TextField())


def compare_problems(key: str, op: Any, value: Any) -> list[str]:
    """Why this comparison makes no sense, in an editor's words."""
    text = str(value or "")
    if op not in dict(OPERATORS):
        return [_("it doesn't say how to compare “%s”") % key]
    if op in ("greater", "less") and _number(text) is None and not _date(text):
        return [_("it needs a number or a date like 2026-12-31 to compare with")]
    if op in ("equals", "not_equals", "contains") and not text:
        return [_("it needs a value to compare with")]
    return []


def compare_sentence(key: Any, op: Any, value: Any) -> str:
    """ "city is Ulm", "total is greater or later than 50"."""
    words = {"key": key or "…", "op": dict(OPERATORS).get(op, "…"), "value": value or ""}
    if op in ("set", "not_set"):
        words["value"] = ""
    return (_("%(key)s %(op)s %(value)s") % words).strip()


def key_choices() -> list[tuple[str, str]]:
    return [("", _("choose what of it")), *((key, key) for key in keys_of_data())]


class WhereBlock(StructBlock):
    """One comparison of an event's data."""

    key = ChoiceBlock(label=gettext_lazy("Its"), choices=key_choices)
    op = ChoiceBlock(label=gettext_lazy("How"), choices=OPERATORS, default="equals")
    value = CharBlock(label=gettext_lazy("Value"), required=False)

    class Meta:
        label = gettext_lazy("Where")
        label_format = "{key} {op} {value}"


MOST_DIGITS = 100  # of a number, before and after its point; databases take not many more


def _number(value: str) -> Decimal | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= MOST_DIGITS else None


def _date(value: str) -> bool:
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return True
