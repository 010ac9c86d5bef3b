"""One person, one address: how an e-mail address is normalised, checked and hashed."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _

from ..conf import conf
from ..content import phone

_validate = EmailValidator()


def normalize(email: str) -> str:
    """The form under which an address is compared: trimmed, NFC, lower case, IDNA domain.

    Raises ValueError, naming the address, where it can't be an address. A local part outside
    ASCII is kept as it is (RFC 6531); the channel decides whether it can be reached.
    """
    text = unicodedata.normalize("NFC", str(email)).strip()
    local, at, domain = text.rpartition("@")
    if not at or not local or any(_invisible(c) for c in text):
        raise ValueError(_("%r is not an e-mail address.") % email)
    try:
        domain = idna.encode(domain.lower(), uts46=True).decode("ascii")
    except idna.IDNAError:
        domain = domain.lower()
    try:
        # Django's validator knows ASCII local parts only; the rest of its rules hold for all.
        ascii_local = "".join(c if c.isascii() else "x" for c in local)
        _validate(f"{ascii_local}@{domain}")
    except ValidationError:
        raise ValueError(_("%r is not an e-mail address.") % email) from None
    address = f"{unicodedata.normalize('NFC', local.lower())}@{domain}"
    if len(address) > 254:  # an IDNA domain may grow
        raise ValueError(_("%r is not an e-mail address.") % email)
    return address


def normalize_any(address: str) -> str:
    """As `normalize`; without an @, a phone number. Raises ValueError where it is neither."""
    text = str(address)
    if "@" in text or not any(char.isdigit() for char in text):
        return normalize(text)
    return phone.normalize(text)


def _invisible(char: str) -> bool:
    """Spaces, control and format characters, surrogates: no mailbox has one, forgeries do."""
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf", "Cs")


def folded(text: str) -> str:
    """A name as it is compared: NFC, without case, single spaces."""
    return " ".join(unicodedata.normalize("NFC", str(text)).casefold().split())


def digest(text: str) -> str:
    """ASCII digest for unique columns: no collation takes `josé@` for `jose@` there."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def keyed_hash(normalized: str) -> str:
    """The keyed hash under which a new suppression of this address is kept."""
    return _hmac(conf.HASH_KEY, normalized)


def keyed_hashes(normalized: str) -> list[str]:
    """All hashes a suppression of this address may be found under, the newest key's first."""
    return list(by_keyed_hash([normalized]))


def by_keyed_hash(addresses: Iterable[str]) -> dict[str, str]:
    """The normalized addresses by all their hashes. For very many: settings are read but once."""
    keys = (conf.HASH_KEY, *conf.HASH_KEY_FALLBACKS)
    return {_hmac(key, address): address for address in addresses for key in keys}


# Each address is asked for several times on its way, at each check.
@lru_cache(maxsize=8192)
def _hmac(key: str, text: str) -> str:
    return hmac.digest(key.encode(), b"wagtail_drip.address\0" + text.encode(), "sha256").hex()
