"""A back end of text messages that keeps each among the letters, for the outbox page."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from django.utils.translation import gettext as _

from wagtail_drip.channels.base import Outcome, Sent, Session

from .models import Letter


class OutboxTexts:
    def obstacle(self) -> str:
        return ""

    def open(self) -> Session:
        return OutboxSession()


class OutboxSession(Session):
    def transmit(self, mail: Any) -> Outcome:
        message = EmailMessage(policy=SMTP)
        message["To"], message["Subject"] = mail.to, _("Text message")
        message.set_content(mail.text)
        Letter.objects.create(
            to=mail.to,
            subject=message["Subject"],
            token=mail.token[:64],
            raw=message.as_bytes(),
        )
        return Sent(mail.token)
