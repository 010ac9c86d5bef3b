"""Decision and Refusal: why the flow did with a person what it did, and why somebody did not enter.

Kept as data (flow.reasons), so that it is told in the language and time zone of whoever reads.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..flow.reasons import Reason
from .campaigns import Campaign, Version
from .contacts import Contact
from .journeys import Enrollment


class Decision(models.Model):
    """The last decision on one person at one place of their flow.

    A later one at the same place replaces it: "held" follows upon "held" every quarter of an hour
    for as long as a book is unpublished, and a history of that would tell nothing and have no end.
    So there are never more rows than places people came to. What is said elsewhere is not
    repeated: that a mail went out is its delivery's to say, that a wait is over what came after it.
    """

    enrollment = models.ForeignKey(
        Enrollment, on_delete=models.CASCADE, related_name="decisions", db_index=False
    )
    node = models.CharField(max_length=64)
    visit = models.PositiveSmallIntegerField(default=1)
    # Of the flow, when it was decided.
    version = models.ForeignKey(
        Version, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    at = models.DateTimeField(_("when"))
    code = models.CharField(max_length=20)  # one of flow.reasons.SENTENCES
    seen = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "node", "visit"], name="drip_decision_place"
            )
        ]
        indexes = [models.Index(fields=["at", "id"], name="drip_decision_at")]

    def __str__(self) -> str:
        return f"{self.enrollment_id} · {self.node}: {self.code}"

    @property
    def because(self) -> Reason:
        return Reason(self.code, self.seen)


class Refusal(models.Model):
    """Why somebody whom an event or a person's hand named did not enter a campaign, the last time.

    One row for a person and a campaign. Who was only among many (a whole audience that enters) and
    may not has none: that would be a row for everybody there is.
    """

    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="refusals", db_index=False
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="refusals")
    at = models.DateTimeField(_("when"))
    code = models.CharField(max_length=20)
    seen = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("refused entry")
        verbose_name_plural = _("refused entries")
        constraints = [
            models.UniqueConstraint(fields=["contact", "campaign"], name="drip_refusal_once")
        ]
        indexes = [models.Index(fields=["at", "id"], name="drip_refusal_at")]

    def __str__(self) -> str:
        return f"{self.contact_id} · {self.campaign_id}: {self.code}"

    @property
    def because(self) -> Reason:
        return Reason(self.code, self.seen)
