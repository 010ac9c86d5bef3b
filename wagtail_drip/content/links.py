"""The link by which people leave: one URL for the List-Unsubscribe header and the mail's foot."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.core.signing import Signer
from django.urls import get_script_prefix, get_urlconf, reverse

from ..conf import conf

_PLACE = "signed-token"


def leave_url(token: str) -> str:
    """The absolute URL where the person who got the delivery `token` can leave."""
    before, after = _path(get_urlconf() or settings.ROOT_URLCONF, get_script_prefix())
    return f"{conf.BASE_URL}{before}{_signer().sign(token)}{after}"


def read_leave_token(signed: str) -> str:
    """The token in a leave link. Raises django.core.signing.BadSignature for any other text."""
    return _signer().unsign(signed)


def _signer() -> Signer:
    return Signer(salt="wagtail_drip.leave")


@lru_cache(maxsize=16)
def _path(urlconf: str, prefix: str) -> tuple[str, str]:
    """What stands before and after the signed token; reversing is slower than all the rest."""
    before, _place, after = reverse("wagtail_drip:leave", urlconf, args=[_PLACE]).partition(_PLACE)
    return before, after
