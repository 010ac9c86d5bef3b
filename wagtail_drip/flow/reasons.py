"""Why something was decided, as data: a code, and what was seen. Told in anybody's words later.

`decide` gives one with each answer, the simulator and the record of decisions show them, in the
reader's language and in the time zone of whom it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from django.utils import formats
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

# Each code's sentence. `%(…)s` stands for what was seen; moments are ISO texts in UTC.
SENTENCES = {
    "": "",
    "end": _("The flow is at its end."),
    "waits": _("Waits until %(until)s."),
    "waited": _("The wait is over."),
    "closed": _("Nothing is sent before %(until)s: quiet hours or a holiday."),
    "holds": _("The condition holds."),
    "holds_not": _("The condition does not hold."),
    "drawn": _("Drawn into a share of %(share)s %%."),
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
    "held": _("Held until %(until)s: %(reason)s"),
    "skipped": _("Not sent: %(reason)s."),
    "sent": _("Sent."),
    "event": _("“%(event)s” happens."),
    "too_far": _("What comes after %(until)s is not told."),
    "too_long": _("The plan has too many steps to tell them all."),
    "too_slow": _("It takes too long to tell what comes after this."),
    "as_if": _("%(reason)s From here on it is told as if the mail had gone."),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """`code`: one of SENTENCES. `seen`: JSON values."""

    code: str = ""
    seen: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.code)

    def sentence(self, zone: tzinfo | None = None) -> str:
        """In the active language; moments as the clock on the wall shows them in `zone`."""
        text = str(SENTENCES.get(self.code, self.code))
        try:
            return text % {key: _shown(value, zone) for key, value in self.seen.items()}
        except (KeyError, ValueError, TypeError):  # from a release that saw something else
            return text

    def as_dict(self) -> dict[str, Any]:
        """For scripts, which read English."""
        with override("en"):
            return {"code": self.code, "seen": dict(self.seen), "text": self.sentence()}


def because(code: str, **seen: Any) -> Reason:
    """A reason; moments become ISO texts."""
    values = {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in seen.items()
    }
    return Reason(code, values)


def _shown(value: Any, zone: tzinfo | None) -> str:
    moment = _moment(value)
    if moment is None:
        return str(value)
    local = moment.astimezone(zone) if zone else moment
    return f"{formats.date_format(local, 'DATE_FORMAT')} {formats.time_format(local, 'H:i')}" + (
        "" if zone else gettext(" UTC")
    )


def _moment(value: Any) -> datetime | None:
    """Of an ISO text with a time and an offset; a plain date or word is no moment."""
    if not isinstance(value, str) or len(value) < 20 or value[10:11] != "T":
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
