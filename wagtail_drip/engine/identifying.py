"""Who is it? From an address, a user or a contact to the one contact of that person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ..models import Alias, Contact
from ..models.addresses import digest, normalize
from ..models.contacts import contact_of_address


def identify(
    *, email: str | None = None, user: Any = None, contact: Contact | None = None, now: datetime
) -> Contact:
    """Find or make the contact. What a user's account says of their names fills what is empty.

    Raises ValueError where not exactly one of the three is given, or it names nobody.
    """
    if sum(given is not None for given in (email, user, contact)) != 1:
        raise ValueError(_("Give exactly one of email, user and contact."))
    if contact is not None:
        return _known(contact)
    if email is not None:
        return _by_address(normalize(email), now)
    return _by_user(user, now)


def find(
    *, email: str | None = None, user: Any = None, contact: Contact | None = None
) -> Contact | None:
    """The contact if there is one; nothing is made or changed. Raises ValueError as above."""
    if sum(given is not None for given in (email, user, contact)) != 1:
        raise ValueError(_("Give exactly one of email, user and contact."))
    if contact is not None:
        return contact if contact.pk else None
    if email is not None:
        return contact_of_address(digest(normalize(email)))
    return Contact.objects.filter(user_id=getattr(user, "pk", None) or 0).first()


def address(user: Any) -> str:
    """The user's address as the site's user model keeps it, or ""."""
    return (getattr(user, user.get_email_field_name(), "") or "").strip()


def _known(contact: Contact) -> Contact:
    found = Contact.objects.filter(pk=contact.pk, erased_at=None).first() if contact.pk else None
    if found is None:
        # Checked here: PostgreSQL would complain at the caller's commit, and break that.
        raise ValueError(_("This contact is not saved, or was deleted or erased."))
    return found


def _by_address(email: str, now: datetime, **fields: Any) -> Contact:
    key = digest(email)
    if found := contact_of_address(key):
        return found
    try:
        with transaction.atomic():
            return Contact.objects.create(email=email, created_at=now, **fields)
    except IntegrityError:
        # Somebody else was quicker. Under repeatable read their row can't be seen yet.
        if found := Contact.objects.filter(email_digest=key).first():
            return found
        raise


def _by_user(user: Any, now: datetime) -> Contact:
    if getattr(user, "pk", None) is None or not hasattr(user, "get_email_field_name"):
        raise ValueError(_("The user is not a saved account: %r.") % (user,))
    found = Contact.objects.filter(user_id=user.pk, erased_at=None).first()
    if found and has_moved(found, user):
        return relink(found, user, now)
    if found:
        return take_over(found, user)
    return _of_its_address(user, now)


def _of_its_address(user: Any, now: datetime) -> Contact:
    found = _by_address(normalize(address(user)), now, user_id=user.pk, **_names(user))
    return take_over(found, user)


def has_moved(contact: Contact, user: Any) -> bool:
    """Whether the account has another usable address than its contact ever had."""
    try:
        key = digest(normalize(address(user)))
    except ValueError:
        return False
    if key == contact.email_digest:
        return False
    return not Alias.objects.filter(contact=contact, email_digest=key).exists()


def relink(old: Contact, user: Any, now: datetime) -> Contact:
    """The contact of the account's present address; the `old` one is nobody's account now."""
    with transaction.atomic():
        Contact.objects.filter(pk=old.pk, user_id=user.pk).update(user=None)
        return _of_its_address(user, now)


_LENGTHS = {"first_name": 150, "last_name": 150, "language": 35}


def _names(user: Any) -> dict[str, str]:
    fields = {
        "first_name": getattr(user, "first_name", ""),
        "last_name": getattr(user, "last_name", ""),
        "language": _language(user),
    }
    return {
        name: str(value)[: _LENGTHS[name]]
        for name, value in fields.items()
        if value and "\0" not in str(value)
    }


def _language(user: Any) -> str:
    """The language the account asks for: its own, or that of its Wagtail profile."""
    if language := getattr(user, "language", ""):
        return language if isinstance(language, str) else ""
    # A query for each sign-up would be dear: take the profile where it is loaded already.
    profile = user._state.fields_cache.get("wagtail_userprofile")
    return getattr(profile, "preferred_language", "") or ""


def take_over(contact: Contact, user: Any, *, overwrite: bool = False) -> Contact:
    """Link an unlinked contact; take over the names, or fill in those that are empty."""
    changes: dict[str, Any] = {}
    if contact.user_id is None and not Contact.objects.filter(user_id=user.pk).exists():
        changes["user_id"] = user.pk
    if contact.user_id in (None, user.pk):
        changes |= _changed_names(contact, user, overwrite)
    if changes:
        write(contact, changes)
    return contact


def _changed_names(contact: Contact, user: Any, overwrite: bool) -> dict[str, str]:
    return {
        name: value
        for name, value in _names(user).items()
        if value != getattr(contact, name) and (overwrite or not getattr(contact, name))
    }


def write(contact: Contact, changes: dict[str, Any]) -> None:
    try:
        with transaction.atomic():
            Contact.objects.filter(pk=contact.pk).update(**changes)
    except IntegrityError:
        return  # the user or the address went to another contact meanwhile: that one has it
    for name, value in changes.items():
        setattr(contact, name, value)
