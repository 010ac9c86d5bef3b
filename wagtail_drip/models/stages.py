"""The stages of the lifecycle by name, and how many people stood in each on each day."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Stage(models.TextChoices):
    """Where somebody stands with the site, in the order of a funnel (models/lifecycle.py)."""

    TARGET = "target", _("target")
    LEAD = "lead", _("lead")
    CUSTOMER = "customer", _("customer")
    REPEAT = "repeat", _("repeat customer")
    LAPSED = "lapsed", _("lapsed customer")


class StageCount(models.Model):
    """How many people of the installation stood in a stage on a day. It names nobody."""

    day = models.DateField(_("day"))
    stage = models.CharField(_("stage"), max_length=10, choices=Stage.choices)
    number = models.PositiveIntegerField(_("people"))

    class Meta:
        verbose_name = _("count of a lifecycle stage")
        verbose_name_plural = _("counts of lifecycle stages")
        constraints = [
            models.UniqueConstraint(fields=["day", "stage"], name="drip_stagecount_once")
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.number} {self.stage}"
