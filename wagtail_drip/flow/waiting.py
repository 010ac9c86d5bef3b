"""The blocks that wait: for a time, for hours of a weekday, for a date, for something to happen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.db.models import DateField
from django.utils import timezone
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.blocks import (
    BooleanBlock,
    CharBlock,
    ChoiceBlock,
    DateBlock,
    IntegerBlock,
    MultipleChoiceBlock,
    StructBlock,
)

from . import program, timing
from .parts import Part, fields

UNITS = [
    ("minutes", gettext_lazy("minutes")),
    ("hours", gettext_lazy("hours")),
    ("days", gettext_lazy("days")),
    ("weeks", gettext_lazy("weeks")),
    ("months", gettext_lazy("months")),
]
CLOCK = [(f"{half // 2:02}:{half % 2 * 30:02}",) * 2 for half in range(48)]
WORKDAYS, WEEKEND = [0, 1, 2, 3, 4], [5, 6]
GROUP = gettext_lazy("Wait")


class WindowBlock(StructBlock):
    """Hours of weekdays. Empty: at any time."""

    days = MultipleChoiceBlock(
        label=gettext_lazy("On"),
        choices=[(str(day), name) for day, name in WEEKDAYS.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: every day."),
    )
    start = ChoiceBlock(label=gettext_lazy("From"), choices=CLOCK, required=False)
    end = ChoiceBlock(label=gettext_lazy("Until"), choices=CLOCK, required=False)

    class Meta:
        label = gettext_lazy("And then only")
        form_classname = "struct-block drip-window"
        icon = "time"
        collapsed = True


class DayBlock(DateBlock):
    """A date that is ISO text in raw data at all times."""

    def get_prep_value(self, value: Any) -> str | None:
        return value.isoformat() if value else None


def window_spec(value: Any) -> dict[str, Any]:
    """The "window" of a wait's spec, from its block's raw data; empty where nothing is chosen."""
    raw = fields(fields(value).get("window"))
    days = sorted({int(day) for day in raw.get("days") or []})
    found = {"days": days, "start": raw.get("start") or "", "end": raw.get("end") or ""}
    return {"window": found} if any(found.values()) else {}


def window_problems(value: Any) -> list[str]:
    raw = fields(fields(value).get("window"))
    days, found = raw.get("days") or [], []
    if not isinstance(days, list) or not {str(day) for day in days} <= {*"0123456"}:
        found.append(_("it names a weekday that there isn't"))
    clock = {text for text, _label in CLOCK}
    if any(raw.get(name) and raw[name] not in clock for name in ("start", "end")):
        found.append(_("its hours are no time of day"))
    elif raw.get("start") and raw.get("start") == raw.get("end"):
        found.append(_("its hours end when they begin"))
    return found


def window_sentence(value: Any) -> str:
    """ "Mon–Fri 09:00–17:00, their time"; "" where there is none."""
    if window_problems(value) or not (spec := window_spec(value)):
        return ""
    days, start, end = (spec["window"][name] for name in ("days", "start", "end"))
    said = []
    if days == WORKDAYS:
        said.append(_("weekdays"))
    elif days == WEEKEND:
        said.append(_("weekends"))
    elif days and len(days) < 7:
        said.append(", ".join(str(WEEKDAYS_ABBR[day]) for day in days))
    if start or end:
        said.append(f"{start or '00:00'}–{end or '24:00'}")
    return _("%s, their time") % " ".join(said or [_("every day")])


def duration_problems(amount: Any, unit: Any) -> list[str]:
    if unit not in timing.UNITS:
        return [_("no unit of time is chosen")]
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
        return [_("it has to wait at least 1")]
    if timing.length({"amount": amount, "unit": unit}) > timing.LONGEST_DAYS:
        return [_("it waits longer than 10 years")]
    return []


def duration(amount: Any, unit: Any) -> str:
    """ "1 day", "2 weeks"; "?" where it isn't filled in."""
    if not isinstance(amount, int) or unit not in timing.UNITS:
        return "?"
    texts = {
        "minutes": ngettext("%d minute", "%d minutes", amount),
        "hours": ngettext("%d hour", "%d hours", amount),
        "days": ngettext("%d day", "%d days", amount),
        "weeks": ngettext("%d week", "%d weeks", amount),
        "months": ngettext("%d month", "%d months", amount),
    }
    return texts[unit] % amount


class WaitBlock(Part, StructBlock):
    amount = IntegerBlock(label=gettext_lazy("How long"), default=1)
    unit = ChoiceBlock(
        label=gettext_lazy("Unit"),
        choices=UNITS,
        default="days",
        help_text=gettext_lazy("Days, weeks and months keep the time of day."),
    )
    window = WindowBlock(required=False)

    def compile(self, value, id, next, compiler):
        length = {"amount": int(fields(value)["amount"]), "unit": fields(value)["unit"]}
        spec = {"type": "duration", **length, **window_spec(value)}
        return compiler.add(id, program.Wait(spec, next))

    def problems(self, value, checks):
        inside = fields(value)
        found = duration_problems(inside.get("amount"), inside.get("unit"))
        return found + window_problems(value)

    def sentence(self, value, names):
        text = _("Wait %s") % duration(fields(value).get("amount"), fields(value).get("unit"))
        window = window_sentence(value)
        return _("%(wait)s, then %(window)s") % {"wait": text, "window": window} if window else text

    class Meta:
        label = gettext_lazy("Wait")
        description = gettext_lazy("Nothing happens for a time.")
        form_classname = "struct-block drip-wait"
        label_format = "{amount} {unit}"
        icon = "time"
        group = GROUP


class WaitHoursBlock(Part, StructBlock):
    window = WindowBlock(label=gettext_lazy("Only"), collapsed=False)

    def compile(self, value, id, next, compiler):
        return compiler.add(id, program.Wait({"type": "window", **window_spec(value)}, next))

    def problems(self, value, checks):
        found = window_problems(value)
        return found if found or window_spec(value) else [_("it names neither weekdays nor hours")]

    def sentence(self, value, names):
        return _("Wait until %s") % (window_sentence(value) or "?")

    class Meta:
        label = gettext_lazy("Wait for a weekday or hour")
        description = gettext_lazy("On to the next of some weekdays, or to hours of the day.")
        label_format = ""
        icon = "time"
        group = GROUP


class WaitDateBlock(Part, StructBlock):
    date = DayBlock(label=gettext_lazy("Date"))
    time = ChoiceBlock(
        label=gettext_lazy("Time"), choices=CLOCK, default=timing.MORNING,
        help_text=gettext_lazy("By the person's clock. Who comes later goes on at once."),
    )  # fmt: skip

    def compile(self, value, id, next, compiler):
        spec = {"type": "date", "date": str(fields(value)["date"]), "time": fields(value)["time"]}
        return compiler.add(id, program.Wait(spec, next))

    def problems(self, value, checks):
        inside, found = fields(value), []
        day = timing.day_of(inside.get("date"))
        if day is None:
            found.append(_("no date is chosen"))
        elif (day - timezone.localdate()).days > timing.LONGEST_DAYS:
            found.append(_("it waits longer than 10 years"))
        return found + clock_problems(inside.get("time"))

    def sentence(self, value, names):
        day = timing.day_of(fields(value).get("date"))
        words = {"day": date_format(day) if day else "?", "time": fields(value).get("time") or "?"}
        return _("Wait until %(day)s, %(time)s") % words

    class Meta:
        label = gettext_lazy("Wait until a date")
        description = gettext_lazy("The same day for everybody, by each one's clock.")
        form_classname = "struct-block drip-wait"
        label_format = "{date} {time}"
        icon = "calendar"
        group = GROUP


def clock_problems(text: Any) -> list[str]:
    return [] if text in {clock for clock, _label in CLOCK} else [_("no time of day is chosen")]


SOURCES = [
    ("contact", gettext_lazy("the contact")),
    ("user", gettext_lazy("their user account")),
    ("event", gettext_lazy("what made them enter")),
]


class WaitDayBlock(Part, StructBlock):
    amount = IntegerBlock(label=gettext_lazy("How many"), default=0, min_value=0)
    unit = ChoiceBlock(label=gettext_lazy("Unit"), choices=UNITS[2:], default="days")
    side = ChoiceBlock(
        label=gettext_lazy("Before or after"),
        choices=[("before", gettext_lazy("before")), ("after", gettext_lazy("after"))],
        default="before",
    )
    key = CharBlock(
        label=gettext_lazy("Date"), help_text=gettext_lazy("Its name, such as birthday.")
    )
    of = ChoiceBlock(label=gettext_lazy("It stands with"), choices=SOURCES, default="contact")
    yearly = BooleanBlock(
        label=gettext_lazy("Every year"), required=False,
        help_text=gettext_lazy("The next anniversary. 29 February is the 28th in other years."),
    )  # fmt: skip
    time = ChoiceBlock(
        label=gettext_lazy("Time"), choices=CLOCK, default=timing.MORNING,
        help_text=gettext_lazy("By the person's clock."),
    )  # fmt: skip
    otherwise = ChoiceBlock(
        label=gettext_lazy("If there is no such date, or it is over"),
        choices=[
            ("leave", gettext_lazy("they leave the campaign")),
            ("go_on", gettext_lazy("they go on at once")),
        ],
        default="leave",
    )
    window = WindowBlock(required=False)

    def compile(self, value, id, next, compiler):
        inside = fields(value)
        amount = int(inside["amount"])
        spec = {
            "amount": -amount if inside["side"] == "before" else amount,
            "unit": inside["unit"],
            "time": inside["time"],
            "yearly": bool(inside.get("yearly")),
            **window_spec(value),
        }
        source = {"of": inside["of"], "key": inside["key"]}
        leave = inside.get("otherwise") != "go_on"
        return compiler.add(id, program.WaitDay(source, spec, leave, next))

    def problems(self, value, checks):
        inside = fields(value)
        amount, unit = inside.get("amount"), inside.get("unit")
        if amount == 0 and type(amount) is int:
            found = [] if unit in timing.UNITS[2:] else [_("no unit of time is chosen")]
        else:
            found = duration_problems(amount, unit)
            if not found and unit not in timing.UNITS[2:]:
                found = [_("a date is counted in days, weeks or months")]
            elif not found and inside.get("yearly") and _too_long(amount, unit):
                found = [_("it is more than a year away from a yearly date")]
        if inside.get("side") not in ("before", "after"):
            found.append(_("it is neither before nor after the date"))
        found += _source_problems(inside.get("of"), inside.get("key"), checks)
        return found + clock_problems(inside.get("time")) + window_problems(value)

    def sentence(self, value, names):
        inside = fields(value)
        amount, key = inside.get("amount"), inside.get("key") or "?"
        day = _("their next %s") % key if inside.get("yearly") else _("their %s") % key
        if amount == 0:
            text = _("Wait until %s") % day
        else:
            words = {"time": duration(amount, inside.get("unit")), "day": day}
            before = inside.get("side") == "before"
            text = (
                _("Wait until %(time)s before %(day)s")
                if before
                else _("Wait until %(time)s after %(day)s")
            ) % words
        window = window_sentence(value)
        return _("%(wait)s, then %(window)s") % {"wait": text, "window": window} if window else text

    class Meta:
        label = gettext_lazy("Wait for a date of theirs")
        description = gettext_lazy("Before or after a birthday, a renewal, a booked day.")
        form_classname = "struct-block drip-wait drip-day"
        label_format = "{amount} {unit} {side} {key}"
        icon = "calendar-alt"
        group = GROUP


def _too_long(amount: Any, unit: Any) -> bool:
    return timing.length({"amount": amount, "unit": unit}) > 366


def _source_problems(of: Any, key: Any, checks: Any) -> list[str]:
    if not key or not isinstance(key, str):
        return [_("it names no date")]
    if of == "contact":
        return []
    if of == "user":
        return [] if key in user_dates() else [_("user accounts have no date “%s”") % key]
    if of == "event":
        return checks.event_key(key)
    return [_("it doesn't say where the date stands")]


def user_dates() -> list[str]:
    """The names of a user's own fields that hold a date."""
    found = (f for f in get_user_model()._meta.concrete_fields if isinstance(f, DateField))
    return [field.name for field in found]
