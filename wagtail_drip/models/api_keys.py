"""Keys by which other systems record events. What is kept of one can't be used as one.

The secret is derived from HASH_KEY and the key's random id, so it never stands in the database; its
digest does, which tells under which HASH_KEY it was made.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from .owned import OfSite

START = "drip"
SEEN = timedelta(minutes=1)  # `used_at` is no more exact than this


def new_id() -> str:
    return secrets.token_hex(12)


class ApiKey(OfSite):
    name = models.CharField(
        _("name"), max_length=100, help_text=_("Which system has it, e.g. “Till in the shop”.")
    )
    public_id = models.CharField(max_length=24, unique=True, default=new_id, editable=False)
    secret_digest = models.CharField(max_length=64, editable=False)
    must_sign = models.BooleanField(
        _("requests must be signed"),
        default=False,
        help_text=_("Then the key itself is never sent, and a request is good for 5 minutes."),
    )
    active = models.BooleanField(
        _("it works"), default=True, help_text=_("Untick to revoke it, at once.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("key for another system")
        verbose_name_plural = _("keys for other systems")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def fill_in(self) -> None:
        super().fill_in()
        if not self.secret_digest:
            self.secret_digest = _digest(_secret(conf.HASH_KEY, self.public_id))

    def secret(self) -> str:
        """What signs. Raises ValueError where HASH_KEY has changed without a fallback."""
        for key in (conf.HASH_KEY, *conf.HASH_KEY_FALLBACKS):
            secret = _secret(key, self.public_id)
            if hmac.compare_digest(_digest(secret), self.secret_digest):
                return secret
        raise ValueError(f"The key {self.public_id} was made under another WAGTAIL_DRIP_HASH_KEY")

    def token(self) -> str:
        """All of it, to be shown once."""
        return f"{START}_{self.public_id}_{self.secret()}"

    def note_use(self, now: datetime) -> None:
        stale = Q(used_at=None) | Q(used_at__lt=now - SEEN)
        ApiKey.objects.filter(stale, pk=self.pk).update(used_at=now)


def by_token(token: str) -> ApiKey | None:
    """The active key that this is, or None."""
    start, _sep, rest = token.partition("_")
    public_id, _sep, secret = rest.partition("_")
    found = by_id(public_id) if start == START and secret else None
    if found and hmac.compare_digest(_digest(secret), found.secret_digest):
        return found
    return None


def by_id(public_id: str) -> ApiKey | None:
    if not (len(public_id) == 24 and public_id.isascii() and public_id.isalnum()):
        return None
    return ApiKey.objects.filter(public_id=public_id, active=True).first()


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What a request must carry: over the moment and the body, in hexadecimal digits."""
    return hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256").hex()


def _secret(key: str, public_id: str) -> str:
    made = hmac.digest(key.encode(), b"wagtail_drip.api_key\0" + public_id.encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
