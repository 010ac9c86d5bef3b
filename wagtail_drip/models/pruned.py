"""What was counted of deliveries that are no longer kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from .addresses import digest
from .campaigns import Campaign
from .contacts import Contact
from .inserting import insert

FACTS = ("delivered", "bounced", "complained", "opened", "clicked")


class PrunedCount(models.Model):
    """How many deliveries of one mail in one campaign were in a state, or had a fact told of them.

    So planned = sent + failed + uncertain + skipped + waiting holds for ever.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="pruned")
    step_key = models.UUIDField()
    what = models.CharField(max_length=10)  # a Delivery.State, or one of FACTS
    reason = models.CharField(max_length=500, blank=True)  # of the skipped
    number = models.PositiveBigIntegerField(default=0)
    # Of all four above: MariaDB's collation takes reasons for one that differ.
    key = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        verbose_name = _("count of pruned deliveries")
        verbose_name_plural = _("counts of pruned deliveries")
        indexes = [models.Index(fields=["campaign", "what"], name="drip_pruned_campaign")]

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.number} {self.what}"


Counted = tuple[int, UUID, str, str]  # campaign, step_key, what, reason


def add(counts: Mapping[Counted, int]) -> None:
    """Add to what is stored. Call it in the transaction that deletes what was counted."""
    for (campaign_id, step_key, what, reason), number in sorted(
        counts.items(), key=lambda item: tuple(map(str, item[0]))
    ):
        key = digest("\0".join((str(campaign_id), step_key.hex, what, reason)))
        row = PrunedCount(
            campaign_id=campaign_id, step_key=step_key, what=what, reason=reason, key=key
        )
        rows = PrunedCount.objects.filter(key=key)
        if not rows.exists():
            insert(row)
        rows.update(number=F("number") + number)


def totals() -> dict[int, dict[tuple[str, str], int]]:
    """By campaign and (what, reason). One query."""
    found: dict[int, dict[tuple[str, str], int]] = {}
    rows: Any = PrunedCount.objects.values_list("campaign_id", "what", "reason", "number")
    for campaign_id, what, reason, number in rows:
        of_campaign = found.setdefault(campaign_id, {})
        of_campaign[what, reason] = of_campaign.get((what, reason), 0) + number
    return found


class PrunedDelivery(models.Model):
    """What the link in a mail needs after its delivery was pruned: links never expire."""

    token = models.CharField(max_length=32, unique=True)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="pruned")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("pruned delivery")
        verbose_name_plural = _("pruned deliveries")

    def __str__(self) -> str:
        return self.token
