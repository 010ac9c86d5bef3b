"""When a site sends nothing: quiet hours and holidays, one of Wagtail's settings of a site."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.contrib.settings.models import BaseSiteSetting
from wagtail.models import Site

from ..flow.windows import ALWAYS, Calendar
from .campaigns import Campaign

WITH_TIMES = "site__sendingtimes"  # for select_related on campaigns


class SendingTimes(BaseSiteSetting):
    """By each person's own clock. Transactional campaigns are not held up by them."""

    quiet_from = models.TimeField(
        _("quiet from"),
        null=True,
        blank=True,
        help_text=_("By each person's own clock. What is due then goes when it is over."),
    )
    quiet_to = models.TimeField(_("quiet until"), null=True, blank=True)
    holidays = models.TextField(
        _("holidays"),
        blank=True,
        help_text=_("One a line: 2026-12-25, or 12-25 for every year. A name may follow."),
    )

    class Meta:
        verbose_name = _("quiet hours and holidays")
        verbose_name_plural = _("quiet hours and holidays")

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    def clean(self) -> None:
        super().clean()
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValidationError({"quiet_to": gettext("Quiet hours need a beginning and an end.")})
        if self.quiet_from is not None and self.quiet_from == self.quiet_to:
            raise ValidationError({"quiet_to": gettext("Quiet hours can't be the whole day.")})
        if odd := [line for line in self._lines() if _day(line) is None]:
            text = gettext("“%s” is no day. Write it as 2026-12-25, or 12-25 for every year.")
            raise ValidationError({"holidays": [text % line for line in odd]})

    def calendar(self) -> Calendar:
        days = [day for line in self._lines() if (day := _day(line))]
        return Calendar(
            self.quiet_from,
            self.quiet_to,
            frozenset(day for day in days if isinstance(day, date)),
            frozenset(day for day in days if isinstance(day, tuple)),
        )

    def _lines(self) -> list[str]:
        return [line.strip() for line in self.holidays.splitlines() if line.strip()]


def _day(line: str) -> date | tuple[int, int] | None:
    """What a line names: a day, or (month, day) of every year; None where it is neither."""
    text = line.split()[0]
    try:
        if len(text) == 5:  # 29 February is one, in a leap year
            day = date.fromisoformat(f"2024-{text}")
            return (day.month, day.day)
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def calendars(campaigns: Iterable[Campaign], channel: str = "email") -> dict[int, Calendar]:
    """The calendar for what each campaign sends by the channel, by its id.

    No query, where they were read with WITH_TIMES; else one for each.
    """
    return {
        campaign.pk: ALWAYS if campaign.is_transactional(channel) else _calendar(campaign.site)
        for campaign in campaigns
    }


def _calendar(site: Site) -> Calendar:
    times = getattr(site, "sendingtimes", None)  # a site may have none
    return times.calendar() if times else ALWAYS
