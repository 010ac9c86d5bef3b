"""Amazon SNS: is this message really from the topic it names?

Anymail checks no signature, and anybody may make a topic that posts here. So the topic must be
one of conf.SNS_TOPICS, and the signature that of Amazon's certificate.
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ..conf import conf

# Nothing but Amazon's own host, in full: no port, no login, no other path.
_CERTIFICATE = re.compile(
    r"https://sns\.[a-z]{2,8}(?:-[a-z]{2,12}){1,3}-\d{1,2}\.amazonaws\.com/[A-Za-z0-9._-]{1,200}\.pem"
)
_SECONDS, _BYTES = 5, 64 * 1024
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]


def refusal(message: Any) -> str:
    """Why this SNS message is not believed, in words for whoever runs the site; "": it is."""
    if not isinstance(message, Mapping):
        return "It is no SNS message."
    topic = message.get("TopicArn")
    if topic not in conf.SNS_TOPICS:
        return f"WAGTAIL_DRIP_SNS_TOPICS does not name its topic, {str(topic)[:300]!r}."
    address = str(message.get("SigningCertURL", ""))
    if not _CERTIFICATE.fullmatch(address):
        return f"Its certificate is not Amazon's: {address[:300]!r}."
    try:
        return "" if _verified(message, certificate(address)) else "Its signature is wrong."
    except ImportError:
        return "Checking its signature takes `cryptography`: install wagtail-drip[ses]."
    except (OSError, ValueError) as error:
        return f"Its certificate can't be read: {error}"


def _verified(message: Mapping[str, Any], pem: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.x509 import load_pem_x509_certificate

    digests: dict[Any, Any] = {"1": hashes.SHA1, "2": hashes.SHA256}
    digest = digests.get(message.get("SignatureVersion"))
    text = canonical(message)
    key = load_pem_x509_certificate(pem).public_key()
    if digest is None or not text or not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        signature = b64decode(str(message.get("Signature", "")), validate=True)
        key.verify(signature, text, padding.PKCS1v15(), digest())
    except (InvalidSignature, BadBase64, ValueError):
        return False
    return True


def canonical(message: Mapping[str, Any]) -> bytes:
    """What Amazon signed: names and values on lines of their own; b"" for an unknown type."""
    names = _SIGNED.get(str(message.get("Type")), ())
    lines = [f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None]
    return "".join(lines).encode("utf-8", "replace")


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@lru_cache(maxsize=8)
def certificate(address: str) -> bytes:
    """The certificate at an address of Amazon's. Raises OSError where it can't be had."""
    with build_opener(_NoRedirect).open(Request(address), timeout=_SECONDS) as response:
        return response.read(_BYTES)
