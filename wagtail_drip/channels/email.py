"""E-mail through Django's mail API, whichever back end the site has set."""

from __future__ import annotations

import contextlib
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Any

from django.core import mail as django_mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from .answers import of_error
from .base import Again, Channel, Outcome, Refused, Sent, Session
from .smtp import SmtpSession

# HTTP headers of providers that take what they have taken before for the same message (Resend: for
# 24 hours), by Anymail's names for them. So a person may safely repeat an uncertain one meanwhile.
IDEMPOTENCY_KEYS = {"Resend": "Idempotency-Key"}


class EmailChannel(Channel):
    slug = "email"
    label = _("E-mail")

    def open(self) -> Session | Again:
        try:
            backend = make_backend()
            if speaks_plain_smtp(backend):
                session = SmtpSession(backend)
                return session.connect() or session
            backend.open()
        except Exception as error:
            return Again(f"{type(error).__name__}: {error}", outage=True)
        return BackendSession(backend)


def make_backend() -> Any:
    """The site's back end: Django 6.1's default mailer, or EMAIL_BACKEND before that."""
    mailers = getattr(django_mail, "mailers", None)
    return mailers.default if mailers is not None else django_mail.get_connection()


def speaks_plain_smtp(backend: Any) -> bool:
    """Whether the bytes we have made may go out as they are: nobody signs or edits on the way."""
    cls = type(backend)
    return (
        isinstance(backend, EmailBackend)
        and cls._send is EmailBackend._send  # type: ignore[attr-defined]
        and cls.send_messages is EmailBackend.send_messages
    )


class BackendSession(Session):
    """Any other back end (Anymail, console, one that signs): ordinary Django messages."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend

    def transmit(self, mail: Any) -> Outcome:
        if not mail.to.isascii():
            # Django 5.2 would write to another mailbox (an encoded word), 6.0 raises.
            return Refused("5.6.7 Addresses beyond ASCII can't be reached this way.")
        try:
            message = as_django_message(mail)
            self._name(mail)
            taken = self.backend.send_messages([message])
        except Exception as error:
            return of_error(error)
        if taken == 0:
            return Refused("The e-mail back end took no message.")
        provider_id = getattr(getattr(message, "anymail_status", None), "message_id", None)
        return Sent("" if provider_id is None else str(provider_id))

    def _name(self, mail: Any) -> None:
        """Have the request carry the provider's idempotency key: the same for each attempt."""
        header = IDEMPOTENCY_KEYS.get(getattr(self.backend, "esp_name", ""))
        session = getattr(self.backend, "session", None)
        if header and session is not None:
            session.headers[header] = str(mail.metadata.get("drip") or mail.message_id)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.backend.close()


def as_django_message(mail: Any) -> EmailMultiAlternatives:
    """The same mail for back ends that build their own bytes or call an API."""
    headers = {**mail.headers, "Message-ID": mail.message_id}
    if mail.date:
        headers["Date"] = format_datetime(mail.date)
    message = EmailMultiAlternatives(
        mail.subject,
        mail.text,
        mail.from_email,
        [mail.to],
        reply_to=[mail.reply_to] if mail.reply_to else None,
        headers=headers,
    )
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    # Attributes alone: Anymail reads them, every other back end ignores them.
    message.metadata = dict(mail.metadata)  # type: ignore[attr-defined]
    message.tags = list(mail.tags)  # type: ignore[attr-defined]
    return message


def tell(people: list[str], subject: str, text: str) -> None:
    """A plain mail to those who look after the site. Raises what the back end raises."""
    domain = parseaddr(conf.FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {"Auto-Submitted": "auto-generated", "Message-ID": make_msgid(domain=domain)}
    message = EmailMultiAlternatives(subject, text, conf.FROM_EMAIL, list(people), headers=headers)
    make_backend().send_messages([message])
