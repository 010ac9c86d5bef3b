from __future__ import annotations

import email
import email.policy
import json
from email.message import EmailMessage
from functools import cached_property

from django.db import models
from django.utils import timezone


class Letter(models.Model):
    """One mail, as a mail server would have received it."""

    received_at = models.DateTimeField(default=timezone.now, db_index=True)
    to = models.TextField()  # envelope recipients, comma and blank between them
    subject = models.TextField(blank=True)
    token = models.CharField(max_length=64, blank=True, db_index=True)  # the delivery's
    raw = models.BinaryField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.subject

    @cached_property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(bytes(self.raw), policy=email.policy.default)

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body(preferencelist=(kind,))
        return part.get_content() if part else ""

    @property
    def headers(self) -> dict[str, str]:
        """Unfolded headers by name; a name that comes twice keeps the last."""
        return {name: str(value).strip() for name, value in self.message.items()}

    @property
    def source(self) -> str:
        return bytes(self.raw).decode("utf-8", "replace")


def token_of(message: object) -> str:
    """The delivery's token: from the metadata, else from the Message-ID, else ""."""
    metadata = getattr(message, "metadata", None) or {}
    if isinstance(metadata, str):
        metadata = json.loads(metadata)
    token = metadata.get("drip") if isinstance(metadata, dict) else ""
    if not token:
        headers = getattr(message, "extra_headers", None) or {}
        token = str(headers.get("Message-ID", "")).strip("<> ").partition("@")[0]
    return str(token)[:64]
