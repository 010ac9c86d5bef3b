"""Recording: one thing happened to one person, written down in the caller's own transaction.

Two INSERTs (the event, and its line in the inbox) besides finding the contact. Nothing is
matched or sent here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import registry, signals
from ..models import Contact, Event, Inbox
from ..models.addresses import digest
from .identifying import identify
from .retrying import insist, is_conflict, is_lock_timeout

logger = logging.getLogger("wagtail_drip")

MAX_BYTES = 64 * 1024
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)

# How long to wait for another transaction that writes the same key: not long while the caller's
# transaction holds locks of its own; longer when it is through.
PATIENCE_MS = 1_000
LATE_PATIENCE_MS = 5_000


def record(
    name: str,
    *,
    email: str | None = None,
    user: Any = None,
    contact: Contact | None = None,
    data: Mapping[str, Any] | None = None,
    key: str = "",
    at: datetime | None = None,
    now: datetime,
) -> Event | None:
    """Write down that `name` happened to the person, at `at` (default `now`).

    `key`: recording the same name and key again does nothing. Returns None then, and also where
    the write lost against another transaction: it is done again after the caller's commit.
    Raises ValueError for an unknown name, a person that can't be told, or unusable data.
    """
    fields = {
        "name": name,
        "data": checked_data(name, data),
        "key": checked_key(key),
        "at": checked_moment(at, now),
    }
    write = partial(_write, fields, {"email": email, "user": user, "contact": contact}, now)
    if not connection.in_atomic_block:
        return _insist(write)
    try:
        return write(PATIENCE_MS)
    except DatabaseError as error:
        if not _lost(error):
            raise
        transaction.on_commit(partial(_late, name, write), robust=True)
        return None


def announce() -> None:
    """Tell, after the commit, that there is work for the line."""
    transaction.on_commit(partial(signals.work_waiting.send_robust, sender=Event), robust=True)


# Is it usable?


def checked_data(name: str, data: Mapping[str, Any] | None) -> dict[str, Any]:
    """What will be stored of `data`. Raises ValueError for what its trigger finds wrong, too."""
    triggers = registry.triggers()
    if name not in triggers:
        near = get_close_matches(str(name), triggers, n=3)
        hint = _(" Did you mean %s?") % ", ".join(near) if near else ""
        raise ValueError(_("No event is called %r.") % (name,) + hint)
    plain = as_json(data if data is not None else {})
    if problems := triggers[name].problems(plain):
        raise ValueError(" ".join(problems))
    return plain


def checked_key(key: Any) -> str:
    text = str(key) if key is not None else ""
    if "\0" in text:
        raise ValueError(_("A key can't contain a NUL character."))
    return text


def checked_moment(at: datetime | None, now: datetime) -> datetime:
    if at is None:
        return now
    if not isinstance(at, datetime) or timezone.is_naive(at):
        raise ValueError(_("`at` must be a datetime with a time zone: %r.") % (at,))
    if not EARLIEST <= at <= now + timedelta(days=1):
        raise ValueError(_("`at` lies before 1900 or more than a day ahead: %s.") % at)
    return at


def as_json(data: Any) -> dict[str, Any]:
    """Through JSON once, so that what is stored is what any database gives back."""
    if not isinstance(data, Mapping):
        raise ValueError(_("`data` must be a JSON object: %r.") % (data,))
    try:
        text = json.dumps(dict(data), cls=DjangoJSONEncoder, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())  # refuses half a surrogate pair, which no database stores
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(_("`data` can't be stored as JSON: %s.") % error) from None
    if size > MAX_BYTES:
        raise ValueError(_("`data` is larger than 64 KB."))
    plain = json.loads(text)
    if "\\u0000" in text and _has_nul(plain):
        raise ValueError(_("`data` can't contain a NUL character."))
    return plain


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_nul(k) or _has_nul(v) for k, v in value.items())
    if isinstance(value, list):
        return any(_has_nul(item) for item in value)
    return isinstance(value, str) and "\0" in value


# Writing


def _write(
    fields: dict[str, Any], person: dict[str, Any], now: datetime, patience_ms: int
) -> Event | None:
    key_digest = digest(f"{fields['name']}\0{fields['key']}") if fields["key"] else None
    try:
        with transaction.atomic(), _patience(patience_ms):
            event = Event.objects.create(
                **fields | {"key": fields["key"][:200]},
                contact=identify(**person, now=now),
                key_digest=key_digest,
                recorded_at=now,
            )
            Inbox.objects.create(event=event)
            announce()
            return event
    except IntegrityError:
        if key_digest and _is_recorded(key_digest):
            return None
        raise


def _is_recorded(key_digest: str) -> bool:
    # In a savepoint: under serializable even a look may fail, and would take the caller's
    # transaction along.
    with transaction.atomic():
        return Event.objects.filter(key_digest=key_digest).exists()


def _lost(error: BaseException) -> bool:
    """Whether the write lost against another transaction, and may pass after this one.

    An IntegrityError counts: under repeatable read the row that is in the way can't be seen.
    """
    return is_conflict(error) or is_lock_timeout(error) or isinstance(error, IntegrityError)


def _insist(write: partial[Event | None]) -> Event | None:
    return insist(
        partial(write, LATE_PATIENCE_MS), lambda error: _lost(error) and not is_lock_timeout(error)
    )


def _late(name: str, write: partial[Event | None]) -> None:
    try:
        _insist(write)
    except Exception:
        logger.exception("The event %s could not be recorded after the commit", name)


@contextmanager
def _patience(milliseconds: int) -> Iterator[None]:
    """Bound the wait for locks inside; a shorter bound of the site's own is kept.

    Without it, a second caller with the same key would wait for the first one's whole
    transaction, with the locks of a checkout in hand.
    """
    if connection.vendor not in _LOCK_SETTINGS:  # SQLite: one writer at a time, whatever is asked
        yield
        return
    read, write, unit = _LOCK_SETTINGS[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(read)
        before = cursor.fetchone()[0]
        if before is not None and int(before) * unit <= milliseconds:
            yield
            return
        cursor.execute(write, [max(1, milliseconds // unit)])
        try:
            yield
        except BaseException:
            # The savepoint's end undoes PostgreSQL's setting, and nothing can be run before it.
            # MariaDB's outlives it; Django would refuse to run anything, the driver doesn't.
            if connection.vendor == "mysql":
                with suppress(cursor.db.Database.Error):  # a lost connection has no settings
                    cursor.cursor.execute(write, [before])
            raise
        cursor.execute(write, [int(before or 0)])


# The statement that reads the bound (NULL: there is none), the one that writes it, and its unit
# in milliseconds.
_LOCK_SETTINGS = {
    "postgresql": (
        "SELECT nullif(extract(epoch FROM current_setting('lock_timeout')::interval), 0) * 1000",
        "SELECT set_config('lock_timeout', %s::text, true)",
        1,
    ),
    "mysql": ("SELECT @@innodb_lock_wait_timeout", "SET innodb_lock_wait_timeout = %s", 1000),
}
