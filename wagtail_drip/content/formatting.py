"""Values as readers write them: dates, numbers, money, in the language that is active."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?")


def written(value: Any, time_zone: str = "") -> str:
    """A value out of JSON or a model; "" for none, and for what isn't one value."""
    if value is None or isinstance(value, dict | list | tuple | set):
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float | Decimal):
        return number_format(value)
    if isinstance(value, date):
        return _day(value, time_zone)
    text = str(value)
    try:
        if _DATE.fullmatch(text):
            return date_format(date.fromisoformat(text), "DATE_FORMAT")
        if _MOMENT.fullmatch(text):
            return _day(datetime.fromisoformat(text), time_zone)
    except ValueError:
        pass  # the 31st of February is a text
    return text


def money(value: Any, currency: str = "") -> str:
    """18.5 and "18.50" with two decimals, and the currency after it; other texts as they are."""
    if value is None or isinstance(value, bool | dict | list):
        return ""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    if not amount.is_finite() or abs(amount) >= 10**15:
        return str(value)
    # A space that doesn't break: the amount stays beside its currency.
    shown = number_format(amount, decimal_pos=2, force_grouping=True)
    return f"{shown}\u00a0{currency}" if currency else shown


def _day(value: date, time_zone: str) -> str:
    if not isinstance(value, datetime):
        return date_format(value, "DATE_FORMAT")
    if timezone.is_aware(value):
        with suppress(OverflowError):  # on either edge of the calendar: as it is written
            value = value.astimezone(_zone(time_zone))
    return date_format(value, "DATETIME_FORMAT")


def _zone(name: str) -> Any:
    try:
        return ZoneInfo(name) if name else timezone.get_default_timezone()
    except (KeyError, ValueError, OSError):
        return timezone.get_default_timezone()
