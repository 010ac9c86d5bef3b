"""Pace: how far each rate limit has been used up."""

from __future__ import annotations

from django.db import models


class Pace(models.Model):
    """One row for each limit that has been used: a campaign's or a site's."""

    key = models.CharField(max_length=40, unique=True)  # "campaign 3", "site 1"
    # Up to this moment of the database's clock all messages that the rate allows are spent.
    spent_until = models.DateTimeField()

    class Meta:
        verbose_name = "pace"

    def __str__(self) -> str:
        return f"{self.key}: {self.spent_until}"
