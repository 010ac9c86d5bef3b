"""Topics, consent with its proof, and suppression."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site
from wagtail.search import index

from .contacts import Contact


class Topic(index.Indexed, models.Model):
    """What people choose to hear about. Editors read "Mailing topic"."""

    site = models.ForeignKey(
        Site, verbose_name=_("site"), on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(_("short name"), max_length=100, unique=True)
    description = models.TextField(
        _("description"), blank=True, help_text=_("What people get when they choose this topic.")
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    search_fields = [index.SearchField("name"), index.AutocompleteField("name")]

    class Meta:
        verbose_name = _("mailing topic")
        verbose_name_plural = _("mailing topics")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Consent(models.Model):
    """Whether one contact may be sent one topic now. How it came about: ConsentRecord."""

    class State(models.TextChoices):
        GRANTED = "granted", _("granted")  # mail of this topic may go
        WITHDRAWN = "withdrawn", _("withdrawn")  # it was granted and taken back

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents")
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="consents")
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(fields=["contact", "topic"], name="drip_consent_once")
        ]
        indexes = [models.Index(fields=["topic", "state", "contact"], name="drip_consent_topic")]

    def __str__(self) -> str:
        return f"{self.topic}: {self.get_state_display()}"


class ConsentRecord(models.Model):
    """The proof: one row for each time consent was given or taken back. Never changed."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consent_records")
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=Consent.State.choices)
    at = models.DateTimeField()
    source = models.CharField(_("how"), max_length=200, help_text=_("Page or way, e.g. /signup/."))
    wording = models.TextField(_("wording shown"), blank=True)
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = _("consent records")
        indexes = [models.Index(fields=["contact", "at"], name="drip_consentrecord_contact")]

    def __str__(self) -> str:
        return f"{self.topic}: {self.get_state_display()} ({self.source})"


class Suppression(models.Model):
    """An address that gets nothing. Kept as a keyed hash, so that it outlives the contact."""

    class Reason(models.TextChoices):
        BOUNCED = "bounced", _("hard bounce")
        COMPLAINED = "complained", _("complaint")
        UNSUBSCRIBED = "unsubscribed", _("left everything")
        MANUAL = "manual", _("by hand")
        ERASED = "erased", _("erased")

    class Scope(models.TextChoices):
        MARKETING = "marketing", _("marketing only")  # transactional mail still goes
        ALL = "all", _("all mail")

    address_hash = models.CharField(max_length=64, unique=True)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices)
    scope = models.CharField(_("scope"), max_length=10, choices=Scope.choices, default=Scope.ALL)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")

    def __str__(self) -> str:
        return f"{self.get_reason_display()} ({self.get_scope_display()})"
