"""The addresses of our own pages that stand in mails, and the signatures that make them true.

One URL for the List-Unsubscribe header and the mail's foot; one for each link that is counted;
one for the pixel. They name nobody and never expire.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from django.conf import settings
from django.core.signing import BadSignature, Signer, b64_encode
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.crypto import constant_time_compare
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, int_to_base36

from ..conf import conf

TRAP = "0" * 16  # the key of the link that nobody sees
TEST = "test"  # in the place of a delivery's token in a test mail: it leads to no delivery
_LEAVE = "wagtail_drip.leave"
_SIGNED, _KEY = "signed-token", "key-of-link"
_TOKEN = 32  # characters of a delivery's token, and of the signature after it


def leave_url(token: str) -> str:
    """The absolute URL where the person who got the delivery `token` can leave."""
    return leave_urls()(token)


def leave_urls() -> Callable[[str], str]:
    """`leave_url` for very many: settings are read but once."""
    before, after = _path("leave")
    before, sign = conf.BASE_URL + before, signing(_LEAVE)
    return lambda token: f"{before}{sign(token)}{after}"


def read_leave_token(signed: str) -> str:
    """The token in a leave link. Raises django.core.signing.BadSignature for any other text."""
    return _signer().unsign(signed)


def _signer() -> Signer:
    return Signer(salt=_LEAVE)


def signing(salt: str) -> Callable[[str], str]:
    """`Signer(salt=salt).sign` for very many: what it makes anew for each is made once."""
    key = _signing_key(settings.SECRET_KEY, salt)

    def sign(value: str) -> str:
        return f"{value}:{b64_encode(hmac.digest(key, value.encode(), 'sha256')).decode()}"

    return sign


@lru_cache(maxsize=16)
def _signing_key(secret: str | bytes, salt: str) -> bytes:
    """As `django.utils.crypto.salted_hmac` derives it."""
    return sha256(f"{salt}signer".encode() + force_bytes(secret)).digest()


def click_url(key: str, signed: str, shown: str = "") -> str:
    """Where a click on the link `key` goes first. `signed`: see `sign_reaction`.

    `shown`: for the eyes of whoever wonders where it leads; nothing reads it.
    """
    before, between, after = _path("click")
    return f"{conf.BASE_URL}{before}{key}{between}{signed}{after}{shown}"


def open_url(signed: str) -> str:
    """The address of the pixel."""
    before, after = _path("open")
    return f"{conf.BASE_URL}{before}{signed}{after}"


def sign_reaction(token: str) -> str:
    """What stands in links and pixel of one mail: its token and half an HMAC-SHA256 in hex.

    Done for each mail, so it costs a microsecond, and its letters need no quoting.
    """
    return signing_reactions()(token)


def signing_reactions() -> Callable[[str], str]:
    """`sign_reaction` for very many."""
    secret = settings.SECRET_KEY
    return lambda token: token + _half_hmac(secret, token)


def read_reaction(signed: str) -> str:
    """The token in a link or pixel. Raises BadSignature for any other text."""
    token, signature = signed[:_TOKEN], signed[_TOKEN:]
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if constant_time_compare(signature, _half_hmac(secret, token)):
            return token
    raise BadSignature("This is none of our links.")


def _half_hmac(secret: str | bytes, token: str) -> str:
    return hmac.digest(_reaction_key(secret), token.encode(), "sha256")[:16].hex()


@lru_cache(maxsize=16)
def _reaction_key(secret: str | bytes) -> bytes:
    secret = secret if isinstance(secret, bytes) else secret.encode()
    return sha256(b"wagtail_drip.reaction\0" + secret).digest()


def short_reactions() -> Callable[[int], str]:
    """As `sign_reaction`, for what has little room: by the delivery's primary key.

    The key in base 36 and 60 bits of an HMAC; whoever guessed them could count a click, no more.
    """
    secret = settings.SECRET_KEY
    return lambda pk: f"{int_to_base36(pk)}-{_short_hmac(secret, pk)}"


def read_short_reaction(signed: str) -> int:
    """The delivery's primary key in such a link. Raises BadSignature for any other text."""
    number, _dash, signature = signed.partition("-")
    try:
        pk = base36_to_int(number)
    except ValueError:
        raise BadSignature("This is none of our links.") from None
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if pk < 2**63 and constant_time_compare(signature, _short_hmac(secret, pk)):
            return pk
    raise BadSignature("This is none of our links.")


def _short_hmac(secret: str | bytes, pk: int) -> str:
    digest = hmac.digest(_reaction_key(secret), b"short\0%d" % pk, "sha256")
    return b32encode(digest[:8]).decode().lower()[:12]


def own_prefix() -> str:
    """The path under which all our pages are."""
    return _path("open")[0].removesuffix("o/")


def _path(name: str) -> tuple[str, ...]:
    return _pieces(name, get_urlconf() or settings.ROOT_URLCONF, get_script_prefix())


@lru_cache(maxsize=64)
def _pieces(name: str, urlconf: str, prefix: str) -> tuple[str, ...]:
    """What stands round the arguments; reversing is slower than all the rest."""
    args = [_KEY, _SIGNED] if name == "click" else [_SIGNED]
    path = reverse(f"wagtail_drip:{name}", urlconf, args=args)
    pieces = []
    for arg in args:
        piece, _arg, path = path.partition(arg)
        pieces.append(piece)
    return (*pieces, path)
