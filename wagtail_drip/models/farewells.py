"""Why people leave, in their own words, where they told."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .consent import Topic
from .contacts import Contact


class Farewell(models.Model):
    """What somebody said on leaving a topic, or everything. Nobody has to say anything."""

    class Why(models.TextChoices):
        TOO_MANY = "too_many", _("Too many mails")
        NOT_FOR_ME = "not_for_me", _("They are not about what interests me")
        NEVER_ASKED = "never_asked", _("I never asked for them")
        NO_LONGER = "no_longer", _("I don't need them any longer")
        OTHER = "other", _("Something else")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="farewells")
    # Null: they left everything.
    topic = models.ForeignKey(Topic, null=True, on_delete=models.CASCADE, related_name="+")
    why = models.CharField(_("why"), max_length=20, choices=Why.choices, blank=True)
    words = models.TextField(_("in their words"), max_length=1000, blank=True)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("reason for leaving")
        verbose_name_plural = _("reasons for leaving")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["at", "id"], name="drip_farewell_at")]

    def __str__(self) -> str:
        return str(self.get_why_display() or self.words[:80])
