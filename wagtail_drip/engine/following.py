"""Following: an account changed, and what is known of its person changes with it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from ..models import Contact
from ..models.addresses import digest, normalize
from ..models.contacts import contact_of_address
from .identifying import address, has_moved, relink, take_over, write
from .merging import merge
from .reconsidering import reconsider


def follow(
    user: Any, *, now: datetime, proved: Callable[[], Collection[str]] = tuple
) -> Contact | None:
    """Take over the account's names and address. None where it has no contact.

    An account of another address becomes the account of that address's contact, and the one it
    had keeps address, consents and history. For anybody may sign up with a stranger's address:
    if the contact moved along, they would take over what the stranger has here.

    `proved`: tells the normalized addresses that this person has shown to be theirs (a
    confirmation link was followed); asked where the address changed. With both among them the
    contact itself moves to the new address, and if that one has a contact, the two become one.
    """
    found = Contact.objects.filter(user_id=user.pk, erased_at=None).first()
    if found is None:
        return None
    if not has_moved(found, user):
        spoken = found.language
        if take_over(found, user, overwrite=True).language != spoken:
            reconsider([found.pk], now)
        return found
    email = normalize(address(user))
    if {found.email, email} <= set(proved()):
        return take_over(_moved(found, email, now), user, overwrite=True)
    return relink(found, user, now)


def _moved(contact: Contact, email: str, now: datetime) -> Contact:
    other = contact_of_address(digest(email))
    if other and other.pk != contact.pk:
        return merge(other, contact, now=now)
    write(contact, {"email": email, "email_digest": digest(email)})
    return contact
