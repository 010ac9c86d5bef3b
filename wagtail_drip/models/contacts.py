"""Contacts: the people who get mail."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .addresses import digest, normalize
from .tags import Tag, Tagging

# Whether this person's clicks and opens may be noted at all.
TRACKED = ("track_clicks", "track_opens")


class Contact(models.Model):
    """One person by one address. Belongs to the installation, not to a site."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.CharField(_("e-mail address"), max_length=254)
    # Unique by digest: MariaDB's default collation takes `josé@` for `jose@`.
    email_digest = models.CharField(max_length=64, unique=True, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="drip_contact",
    )
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    language = models.CharField(_("language"), max_length=35, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=63, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    tags = models.ManyToManyField(
        Tag, verbose_name=_("tags"), through=Tagging, related_name="contacts", blank=True
    )
    # What they chose of how much they get: nothing but transactional mail until then; at most so
    # many mails in seven days (null: as many as there are).
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    most_per_week = models.PositiveSmallIntegerField(_("most mails a week"), null=True, blank=True)
    # TRACKED
    track_clicks = models.BooleanField(_("may see which links they follow"), default=True)
    track_opens = models.BooleanField(_("may see which mails they open"), default=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes = [models.Index(fields=["created_at", "id"], name="drip_contact_created")]
        permissions = [
            ("see_personal_data", _("Can see who gets mail: addresses, names, what they did")),
            ("export_contact", _("Can export contacts")),
        ]

    def __str__(self) -> str:
        return self.email if not self.erased_at else str(_("Erased contact %s") % self.pk)

    def save(self, *, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        if not self.erased_at:
            self.email = normalize(self.email)
            self.email_digest = digest(self.email)
        if update_fields is not None and "email" in update_fields:
            update_fields = {*update_fields, "email_digest"}
        super().save(update_fields=update_fields, **kwargs)


class Alias(models.Model):
    """The address of a contact that was merged into this one: it still means this person."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="aliases")
    uuid = models.UUIDField(unique=True, editable=False)  # the merged contact's own
    email = models.CharField(_("e-mail address"), max_length=254)
    email_digest = models.CharField(max_length=64, unique=True, editable=False)
    merged_at = models.DateTimeField(_("merged"))

    class Meta:
        verbose_name = _("former address")
        verbose_name_plural = _("former addresses")

    def __str__(self) -> str:
        return self.email


def contact_of_address(email_digest: str) -> Contact | None:
    """Whose address it is, or was before a merge. One query where a contact has it."""
    if found := Contact.objects.filter(email_digest=email_digest).first():
        return found
    alias = Alias.objects.filter(email_digest=email_digest).select_related("contact").first()
    return alias.contact if alias else None


def relations() -> list[Any]:
    """Whatever points to a contact, a site's own models too, and what has no way back from it."""
    fields: Iterable[Any] = Contact._meta.get_fields(include_hidden=True)
    return [f for f in fields if f.auto_created and (f.one_to_many or f.one_to_one)]
