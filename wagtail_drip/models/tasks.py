"""Task: something that one of the staff does for a person, such as a call or a letter."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .contacts import Contact
from .deliveries import Delivery


class Task(models.Model):
    """One row for each delivery of the channel `task`; it goes with its person."""

    class Kind(models.TextChoices):
        CALL = "call", _("call")
        LETTER = "letter", _("letter")
        OTHER = "other", _("something else")

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="tasks"
    )
    site = models.ForeignKey(
        Site, verbose_name=_("site"), on_delete=models.CASCADE, related_name="+"
    )
    # Unique: the same delivery makes one task, however often it is tried. Null once it is pruned.
    delivery = models.OneToOneField(
        Delivery, null=True, on_delete=models.SET_NULL, related_name="task"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.OTHER)
    title = models.CharField(_("what to do"), max_length=200)
    text = models.TextField(_("text"), blank=True)
    language = models.CharField(max_length=35, blank=True)  # of the text
    due_at = models.DateTimeField(_("due"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    group = models.ForeignKey(
        Group,
        verbose_name=_("group"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created"))
    notified_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(_("done"), null=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("done by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("staff task")
        verbose_name_plural = _("staff tasks")
        default_permissions = ("change", "view")
        indexes = [
            models.Index(fields=["done_at", "due_at", "id"], name="drip_task_due"),
            models.Index(fields=["notified_at", "id"], name="drip_task_notified"),
        ]

    def __str__(self) -> str:
        return self.title

    def is_overdue(self, now: datetime) -> bool:
        return self.done_at is None and self.due_at < now


def of_user(user: Any) -> QuerySet[Task]:
    """The tasks that are theirs: their own, and those of their groups."""
    groups = Group.objects.filter(user=user)
    return Task.objects.filter(Q(user=user) | Q(user=None, group__in=groups))
