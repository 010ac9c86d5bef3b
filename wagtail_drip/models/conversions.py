"""Conversion: a goal that was reached, by whom, by what and what it was worth."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .campaigns import Campaign
from .contacts import Contact
from .deliveries import Delivery
from .journeys import Enrollment, Event


class Conversion(models.Model):
    """One for each enrollment that ended at its campaign's goal."""

    enrollment = models.OneToOneField(
        Enrollment, on_delete=models.CASCADE, related_name="conversion"
    )
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="conversions")
    # What did it; null where the goal asks for no event, and once the event was pruned.
    event = models.ForeignKey(Event, null=True, on_delete=models.SET_NULL, related_name="+")
    event_name = models.CharField(_("event"), max_length=100, blank=True)
    # The last mail they had been sent; null where it had sent none yet.
    delivery = models.ForeignKey(
        Delivery, null=True, on_delete=models.SET_NULL, related_name="conversions"
    )
    at = models.DateTimeField(_("when"))
    value = models.DecimalField(_("value"), null=True, max_digits=14, decimal_places=2)

    class Meta:
        verbose_name = _("conversion")
        verbose_name_plural = _("conversions")
        indexes = [models.Index(fields=["campaign", "at"], name="drip_conversion_campaign")]

    def __str__(self) -> str:
        return f"{self.event_name} · {self.value}" if self.value is not None else self.event_name
