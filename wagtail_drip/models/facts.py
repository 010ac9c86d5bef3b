"""Facts that came before we knew what they are about."""

from __future__ import annotations

from django.db import models


class EarlyFact(models.Model):
    """What a provider told of a message whose delivery was not found; tracking asks again.

    A provider may speak before the transaction is through that writes down its id for the
    message. Kept for an hour: providers also tell of mail that isn't ours.
    """

    provider_id = models.CharField(max_length=255, db_index=True)
    told = models.JSONField()  # the arguments of engine.tracking.note
    told_digest = models.CharField(max_length=64, unique=True)  # the same is kept once
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "early fact"
        verbose_name_plural = "early facts"

    def __str__(self) -> str:
        return self.provider_id
