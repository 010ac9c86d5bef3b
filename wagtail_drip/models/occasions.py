"""Occasions: the dates of people's own by which something starts, kept where an index finds them.

They are copies (engine/noting.py keeps them): the date itself stands in an attribute, in an
account, or in a row of the site's, and is read again before anything starts.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..flow.occasions import month_day
from .contacts import Contact


class Occasion(models.Model):
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="occasions")
    name = models.CharField(_("date"), max_length=100)  # as a DateTrigger's `date` names it
    ref = models.CharField(max_length=64, blank=True)  # the primary key of a site's row
    day = models.DateField(_("day"))
    month_day = models.PositiveSmallIntegerField(editable=False)  # 229 for any 29 February

    class Meta:
        verbose_name = _("date of a person")
        verbose_name_plural = _("dates of people")
        constraints = [
            models.UniqueConstraint(fields=["contact", "name", "ref"], name="drip_occasion_once")
        ]
        indexes = [
            models.Index(fields=["name", "day", "id"], name="drip_occasion_day"),
            models.Index(fields=["name", "month_day", "id"], name="drip_occasion_yearly"),
            models.Index(fields=["name", "ref"], name="drip_occasion_ref"),
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kwargs.get("day"):
            self.month_day = month_day(self.day)

    def __str__(self) -> str:
        return f"{self.name} {self.day}"


class OccasionRound(models.Model):
    """How far the round over all rows of one source has come; it begins anew from "" for ever."""

    source = models.CharField(max_length=100, unique=True)
    last = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = "round of dates"

    def __str__(self) -> str:
        return f"{self.source} {self.last}"
