"""When a campaign is to be looked at again and by whom, and how its clicks go."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .campaigns import Campaign

ENOUGH = 100  # mails delivered in each of the two spans; fewer say nothing of a fall


class Review(models.Model):
    """Of one campaign. It is no part of what is published: revisions neither hold nor change it.

    The counts are of mails sent within the last span of days, and of the span before it
    (engine/reviewing.py). `clicked`: by people.
    """

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="review")
    due = models.DateField(_("review by"), null=True, blank=True, db_index=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("looked after by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    told_for = models.DateField(null=True, editable=False)  # the `due` that the owner was told of
    reviewed_at = models.DateTimeField(_("last review"), null=True, editable=False)

    measured_on = models.DateField(null=True, editable=False)
    delivered = models.PositiveIntegerField(default=0, editable=False)
    clicked = models.PositiveIntegerField(default=0, editable=False)
    delivered_before = models.PositiveIntegerField(default=0, editable=False)
    clicked_before = models.PositiveIntegerField(default=0, editable=False)
    falling = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("review of a campaign")
        verbose_name_plural = _("reviews of campaigns")

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.due}"

    @property
    def rate(self) -> float:
        """Clicks of people for each hundred delivered."""
        return 100 * self.clicked / self.delivered if self.delivered else 0.0

    @property
    def rate_before(self) -> float:
        return 100 * self.clicked_before / self.delivered_before if self.delivered_before else 0.0

    def falls(self) -> bool:
        """Whether its click rate is under half of what it was, as far as that can be judged."""
        judged = min(self.delivered, self.delivered_before) >= ENOUGH
        return judged and 2 * self.clicked * self.delivered_before < (
            self.clicked_before * self.delivered
        )
