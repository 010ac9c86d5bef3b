"""Resumption: a pause that is ending, while what became due in it is put in order."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from .campaigns import Campaign


class Resumption(models.Model):
    """Somebody let a paused campaign go on; until its people are seen to, it stays paused.

    engine/resuming.py goes through them by primary key and takes the pause off at the end.
    """

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, primary_key=True, related_name="resumption"
    )
    paused_at = models.DateTimeField()
    at = models.DateTimeField()  # when it was asked for
    # Mails that were due before this moment are passed over; null: people continue where they
    # stood, as if there had been no time in between.
    stale_before = models.DateTimeField(null=True)
    done = models.BigIntegerField(default=0)  # the last enrollment that was seen to
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return str(self.campaign)
