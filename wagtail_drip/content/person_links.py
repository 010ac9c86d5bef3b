"""The links to a person's own pages: choose what one gets, confirm, get a copy of one's data.

Each is signed for its own purpose, so that none can be made out of another. They name nobody: the
key is `Contact.uuid` in hexadecimal digits, which erasing changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.core.signing import Signer, TimestampSigner
from django.urls import get_script_prefix, get_urlconf, reverse

from ..conf import conf
from .links import signing

EXPORT_SECONDS = 24 * 60 * 60  # a copy of all one's data is offered no longer
_PLACE = "signed-key"


def preferences_url(key: str) -> str:
    """Where a person says what they get."""
    return preferences_urls()(key)


def preferences_urls() -> Callable[[str], str]:
    """`preferences_url` for very many: settings are read but once."""
    before, after = _pieces("preferences")
    before, sign = conf.BASE_URL + before, signing("wagtail_drip.preferences")
    return lambda key: f"{before}{sign(key)}{after}"


def read_preferences_key(signed: str) -> str:
    """The key in such a link. Raises django.core.signing.BadSignature for any other text."""
    return Signer(salt="wagtail_drip.preferences").unsign(signed)


def confirm_url(key: str) -> str:
    """Where a person confirms what was asked for with their address."""
    return _url("confirm", Signer(salt="wagtail_drip.confirm").sign(key))


def read_confirm_key(signed: str) -> str:
    """The key in such a link. Raises BadSignature for any other text."""
    return Signer(salt="wagtail_drip.confirm").unsign(signed)


def export_url(key: str) -> str:
    """Where a person gets a copy of their data, for EXPORT_SECONDS from now."""
    return _url("export", TimestampSigner(salt="wagtail_drip.export").sign(key))


def read_export_key(signed: str) -> str:
    """The key in such a link. Raises BadSignature; SignatureExpired, one of it, when it is old."""
    return TimestampSigner(salt="wagtail_drip.export").unsign(signed, max_age=EXPORT_SECONDS)


def _url(name: str, signed: str) -> str:
    before, after = _pieces(name)
    return f"{conf.BASE_URL}{before}{signed}{after}"


def _pieces(name: str) -> tuple[str, str]:
    return _path(name, get_urlconf() or settings.ROOT_URLCONF, get_script_prefix())


@lru_cache(maxsize=64)
def _path(name: str, urlconf: str, prefix: str) -> tuple[str, str]:
    """What stands before and after the signed key; reversing is slower than all the rest."""
    url = reverse(f"wagtail_drip:{name}", urlconf, args=[_PLACE])
    before, _place, after = url.partition(_PLACE)
    return before, after
