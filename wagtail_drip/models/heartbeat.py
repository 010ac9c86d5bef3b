"""Heartbeat: the one row that says whether the line runs, and for which host."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """A single row (pk 1); `Heartbeat.load()` makes it where it is missing."""

    beat_at = models.DateTimeField(null=True)  # when a tick last ran
    # While this lies ahead a pump runs, so a nudge may be spared; a killed pump's runs out.
    pump_until = models.DateTimeField(null=True)
    nudged_at = models.DateTimeField(null=True)  # a nudge is queued and not begun
    # The host this database sends for; a copy under another one sends nothing until adopted.
    base_url = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = "heartbeat"

    def __str__(self) -> str:
        return f"{self.beat_at}"

    @classmethod
    def load(cls) -> Heartbeat:
        row, _created = cls.objects.get_or_create(pk=1)
        return row
