"""Accounts of the site's own: their address is no `email`."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class Member(AbstractUser):
    email = None
    mailbox = models.EmailField(blank=True)

    EMAIL_FIELD = "mailbox"
    REQUIRED_FIELDS: list[str] = []
