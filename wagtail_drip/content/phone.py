"""Phone numbers: one form of each (E.164), and where a person's stands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from ..conf import conf

SMS = "sms"  # the channel of text messages, as steps, topics and deliveries name it
LONGEST = 60  # characters that somebody may type
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")


def normalize(text: Any, region: str | None = None) -> str:
    """The number as +491701234567. Raises ValueError, naming it, where it can't be one.

    `region`: the country that numbers without a + are of (two letters; default conf.SMS_REGION).
    Without the library phonenumbers only whole numbers are understood.
    """
    given = unicodedata.normalize("NFKC", str(text if text is not None else "")).strip()
    if len(given) > LONGEST or any(char.isalpha() for char in given):
        raise _wrong(given)
    try:
        import phonenumbers
    except ImportError:
        bare = re.sub(r"[\s().-]", "", given)
        if not _E164.fullmatch(bare):
            raise _wrong(given) from None
        return bare
    try:
        number = phonenumbers.parse(given, (conf.SMS_REGION if region is None else region) or None)
    except phonenumbers.NumberParseException:
        raise _wrong(given) from None
    if not phonenumbers.is_valid_number(number) or number.extension:
        raise _wrong(given)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _wrong(text: str) -> ValueError:
    where = "" if text.startswith("+") else " " + _("Write it with the country's code, as +44 ….")
    return ValueError(_("“%s” is no phone number.") % text[:LONGEST] + where)


def number_of(attributes: Mapping[str, Any]) -> str:
    """Where somebody with these attributes gets text messages; "": nowhere."""
    given = attributes.get(conf.SMS_ATTRIBUTE)
    if not isinstance(given, str | int) or isinstance(given, bool):
        return ""
    try:
        return normalize(given)
    except ValueError:
        return ""


def masked(number: str) -> str:
    """Enough for its owner to know it by: `+49••••67`."""
    return f"{number[:3]}••••{number[-2:]}" if number else ""
