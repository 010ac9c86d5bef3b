"""Why something was decided, as data: a code, and what was seen. Told in anybody's words later.

`decide` gives one with each answer, the simulator and the record of decisions show them, in the
reader's language and in the time zone of whom it is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from math import isfinite
from typing import Any

from django.utils import formats
from django.utils.translation import gettext, ngettext_lazy, override
from django.utils.translation import gettext_lazy as _

# Each code's sentence. `%(…)s` stands for what was seen; moments are ISO texts in UTC, and a reason
# within a reason is as `Reason.as_json` has it.
SENTENCES = {
    "": "",
    "end": _("The flow is at its end."),
    "waits": _("Waits until %(until)s."),
    "waited": _("The wait is over."),
    "closed": _("Nothing is sent before %(until)s: %(reason)s."),
    "holds": _("The condition holds."),
    "holds_not": _("The condition does not hold."),
    "drawn": _("Drawn into %(way)s, a share of %(share)s %%."),
    "no_day": _("They have no such date."),
    "day_over": _("Their date is over."),
    "listens": _("Waits for the event “%(event)s”."),
    "happened": _("It happened on %(at)s."),
    "not_in_time": _("It did not happen in time."),
    "sends": _("The mail is due."),
    "settled": _("The mail has gone, or can't go."),
    "done": _("Done."),
    "leaves": _("The flow ends here for them."),
    "leaves_because": _("The flow ends here for them: %(reason)s"),
    "paused": _("The campaign is paused."),
    "newer": _("The campaign that it leads to waits for a newer release."),
    "fault": _("It can't go on: %(fault)s"),
    # Entering
    "erased": _("They were erased."),
    "no_consent": _("They have not chosen “%(topic)s”."),
    "expired": _("Their consent to “%(topic)s” has run out."),
    "suppressed": _("Their address is suppressed."),
    "elsewhere": _("They are in a campaign during which nobody enters this one."),
    "not_audience": _("They are not among those whom the campaign is for."),
    "entered_before": _("They were in the campaign before, and may not enter again now."),
    "entered": _("They enter."),
    # Leaving, and what keeps a mail back
    "left": _("They leave: %(reason)s."),
    "goal": _("reached the goal"),
    "audience": _("no longer one of its people"),
    "held": _("Held until %(until)s: %(reason)s"),
    "skipped": _("Not sent: %(reason)s."),
    "sent": _("Sent."),
    "event": _("“%(event)s” happens."),
    # What a mail is held for, or left out
    "pausing": _("The reader wants no mail until then."),
    "not_now": _("Nothing is sent now: %(reason)s."),
    "goal_unknown": _("The goal of the campaign can't be checked: %(fault)s"),
    "not_allowed": _("The address is not on the allowlist."),
    "no_channel": _("There is no channel “%(channel)s”."),
    "mail_gone": _("The mail no longer exists."),
    "mail_unpublished": _("The mail “%(mail)s” is not published."),
    "elsewhere_first": _("Waits while they are in “%(campaign)s”."),
    "going_out": _("Another mail to this person is just going out."),
    "capped": _("%(limit)s: next on %(next)s"),
    "over_cap": _("%(limit)s: the next is possible on %(next)s"),
    "a_day": ngettext_lazy("At most %(most)d a day", "At most %(most)d a day", "most"),
    "a_week": ngettext_lazy("At most %(most)d a week", "At most %(most)d a week", "most"),
    "in_days": ngettext_lazy(
        "At most %(most)d in %(days)d days", "At most %(most)d in %(days)d days", "most"
    ),
    "too_far": _("What comes after %(until)s is not told."),
    "too_long": _("The plan has too many steps to tell them all."),
    "too_slow": _("It takes too long to tell what comes after this."),
    "as_if": _("%(reason)s From here on it is told as if the mail had gone."),
}


# Where it is known what conditions saw.
DETAILED = {
    "holds": _("The condition holds: %(asked)s."),
    "holds_not": _("The condition does not hold: %(asked)s."),
    "goal": _("reached the goal: %(asked)s"),
    "audience": _("no longer one of its people: %(asked)s"),
}
# Words for what is seen as a `reason`, where it is one of those that the package has codes for;
# models add theirs. Else it is in an editor's words.
WORDS: dict[str, Any] = {
    "quiet": _("quiet hours"),
    "holiday": _("a holiday"),
    "quiet_holiday": _("quiet hours, then a holiday"),
}
# What is seen under these names is told so, of value, zone and `known`; flow.conditions adds its.
TELLING: dict[str, Callable[[Any, tzinfo | None, Any], str]] = {}
LONGEST = 200  # characters of a text that is kept of what was seen
MOST = 20  # values of a list
# Controls, and halves of surrogate pairs.
_UNKEEPABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def word(reason: str) -> str:
    return str(WORDS.get(reason, reason))


def own(words: str) -> str:
    """An editor's words for a reason, in quotes where they would be taken for a code.

    Some databases know no case, and no blank at the end.
    """
    return f"“{words}”" if words.strip().lower() in WORDS else words


@dataclass(frozen=True, slots=True)
class Reason:
    """`code`: one of SENTENCES. `seen`: JSON values."""

    code: str = ""
    seen: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.code)

    def sentence(self, zone: tzinfo | None = None, known: Any = None) -> str:
        """In the active language; moments as the clock on the wall shows them in `zone`.

        `known`: `registry.conditions()`, for whoever tells many: what they read is read once.
        """
        sentences = DETAILED if "asked" in self.seen else SENTENCES
        text: Any = sentences.get(self.code) or SENTENCES.get(self.code, self.code)
        try:
            seen = {key: _shown(key, value, zone, known) for key, value in self.seen.items()}
            told = str(text % seen)
        except (KeyError, ValueError, TypeError):  # from a release that saw something else
            return str(text)
        return told[:-1] if told.endswith("m..") else told  # "9 a.m." at a sentence's end

    def as_json(self) -> dict[str, Any]:
        """As it is kept: short, and with nothing in it that some database can't keep."""
        return {"code": self.code, "seen": _kept(self.seen)}

    def as_dict(self, known: Any = None) -> dict[str, Any]:
        """For scripts, which read English."""
        with override("en"):
            text = self.sentence(known=known)
        return {"code": self.code, "seen": dict(self.seen), "text": text}


def because(code: str, **seen: Any) -> Reason:
    """A reason; moments become ISO texts in UTC, reasons JSON."""
    return Reason(code, {key: plain(value) for key, value in seen.items()})


def plain(value: Any) -> Any:
    """A moment as its ISO text in UTC, a sum as its text, a reason as JSON; else what it is."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return {"code": value.code, "seen": dict(value.seen)} if isinstance(value, Reason) else value


def _kept(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key)[:LONGEST]: _kept(one) for key, one in list(value.items())[:MOST]}
    if isinstance(value, list | tuple):
        return [_kept(one) for one in value[:MOST]]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and isfinite(value):
        return value
    return _UNKEEPABLE.sub(" ", str(value))[:LONGEST]


def _shown(key: str, value: Any, zone: tzinfo | None, known: Any) -> Any:
    if key in TELLING:
        return TELLING[key](value, zone, known)
    if isinstance(value, Mapping):
        return Reason(str(value.get("code", "")), value.get("seen") or {}).sentence(zone, known)
    if type(value) is int:
        return value
    told = moment_told(value, zone)
    if told is None:
        return word(str(value)) if key == "reason" else str(value)
    return told


def moment_told(value: Any, zone: tzinfo | None) -> str | None:
    """A moment's ISO text as the clock on the wall shows it in `zone`; None for anything else."""
    moment = _moment(value)
    if moment is None:
        return None
    try:
        local = moment.astimezone(zone) if zone else moment
    except OverflowError:  # on either edge of the calendar
        return str(value)
    day, clock = formats.date_format(local, "DATE_FORMAT"), formats.time_format(local)
    return f"{day} {clock}" + ("" if zone else gettext(" UTC"))


def _moment(value: Any) -> datetime | None:
    """Of an ISO text with a time and an offset; a plain date or word is no moment."""
    if not isinstance(value, str) or len(value) < 20 or value[10:11] != "T":
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
