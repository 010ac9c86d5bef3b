"""An e-mail back end that keeps each message in the database, for the outbox page."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from .models import Letter, token_of


class OutboxBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep them all; answers how many."""
        kept = [self._letter(message) for message in email_messages if message.recipients()]
        for letter in kept:
            letter.save()
        return len(kept)

    @staticmethod
    def _letter(message: EmailMessage) -> Letter:
        raw = re.sub(rb"\r?\n", b"\r\n", message.message().as_bytes())
        head = email.message_from_bytes(raw, policy=email.policy.default)
        token = token_of(message) or str(head["Message-ID"] or "").strip("<> ").partition("@")[0]
        return Letter(
            to=", ".join(message.recipients()),
            subject=str(head["Subject"] or ""),
            token=token[:64],
            raw=raw,
        )
