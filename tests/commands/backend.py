"""E-mail back ends that stand for real ones: one takes everything, one nothing."""

from __future__ import annotations

import smtplib

from django.core.mail.backends import locmem
from django.core.mail.backends.base import BaseEmailBackend


class Collects(locmem.EmailBackend):
    pass


class Refuses(BaseEmailBackend):
    def send_messages(self, email_messages):
        raise smtplib.SMTPDataError(550, b"no such luck")
