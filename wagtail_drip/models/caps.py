"""Caps: how many messages people may get, as editors set it for a site."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..flow.capping import WEEK, Limit
from .owned import OfSite
from .segments import Segment

FARTHEST_DAYS = 365


class Cap(OfSite):
    """At most so many messages in so many days, of all a site's campaigns but transactional ones.

    Who is in its segment is asked before each message. Of several that hold for a person all are
    kept, so the strictest wins.
    """

    class Outcome(models.TextChoices):
        DELAY = "delay", _("waits until it fits")
        SKIP = "skip", _("is left out; they go on in the flow")

    most = models.PositiveSmallIntegerField(
        _("at most"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_("Mails to one person, over all campaigns together."),
    )
    days = models.PositiveSmallIntegerField(
        _("in so many days"),
        default=WEEK,
        validators=[MinValueValidator(1), MaxValueValidator(FARTHEST_DAYS)],
        help_text=_(
            "Any so many times 24 hours count, wherever they begin: nobody gets one day's mails at "
            "midnight and the next day's right after it."
        ),
    )
    segment = models.ForeignKey(
        Segment,
        verbose_name=_("for people in"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_(
            "Leave empty for everybody. Where several caps hold for a person, the strictest wins."
        ),
    )
    outcome = models.CharField(
        _("a mail too many"), max_length=5, choices=Outcome.choices, default=Outcome.DELAY
    )

    class Meta:
        verbose_name = _("frequency cap")
        verbose_name_plural = _("frequency caps")
        ordering = ["site", "days", "most", "pk"]

    def __str__(self) -> str:
        people = gettext("people in “%s”") % self.segment if self.segment else gettext("everybody")
        return f"{self.limit().words()} · {people}"

    def limit(self) -> Limit:
        """The same for the engine."""
        return Limit(self.most, self.days, self.site_id, skips=self.outcome == self.Outcome.SKIP)
