"""Telling conflicts between transactions from other errors, and trying again after them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from random import random
from time import sleep
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection

P = ParamSpec("P")
R = TypeVar("R")

TRIES = 8
LONGEST_PAUSE = 0.01  # seconds after the first try; twice as many after each further one

# PostgreSQL's SQLSTATE, MariaDB's error number, SQLite's error name.
_CONFLICTS = {"40001", "40P01", 1213, 1020, "SQLITE_BUSY_SNAPSHOT"}
_CUTS = {"57P01", "57P02", "57P03", 2006, 2013, 2055}
_LOCK_TIMEOUTS = {"55P03", 1205, "SQLITE_BUSY", "SQLITE_LOCKED"}
_STATEMENT_TIMEOUTS = {"57014", 1969}


def _code(error: BaseException) -> str | int | None:
    """The database's own code of a Django database error, whichever driver raised it."""
    cause = error.__cause__ or error
    if cause.args and isinstance(cause.args[0], int):  # MariaDB; PyMySQL's sqlstate says less
        return cause.args[0]
    for attribute in ("sqlstate", "pgcode", "sqlite_errorname"):
        if code := getattr(cause, attribute, None):
            return code
    return None


def is_conflict(error: BaseException) -> bool:
    """A deadlock or a serialization failure: the same work done again may well pass."""
    return _code(error) in _CONFLICTS


def is_lock_timeout(error: BaseException) -> bool:
    """A lock was waited for long enough; who holds it has not finished."""
    return _code(error) in _LOCK_TIMEOUTS


def is_too_slow(error: BaseException) -> bool:
    """A statement was stopped, since it took longer than it may."""
    return _code(error) in _STATEMENT_TIMEOUTS


def was_cut(error: BaseException) -> bool:
    """The connection was lost; a new one may work at once."""
    if not isinstance(error, OperationalError | InterfaceError) or connection.vendor == "sqlite":
        return False
    code = _code(error)
    # Without a code it is the driver's word: nobody is at the other end.
    return code is None or code in _CUTS or str(code).startswith("08")


def is_outage(error: BaseException) -> bool:
    """The database, not the data, is at fault: no row may be blamed for it."""
    if connection.vendor == "sqlite" and isinstance(error, OperationalError):
        # There a condition's own fault (malformed JSON, say) is an OperationalError as well.
        return any(word in str(error) for word in ("locked", "disk", "open database file"))
    return isinstance(error, OperationalError | InterfaceError)


def insist(work: Callable[[], R], lost: Callable[[BaseException], bool]) -> R:
    """Call again, up to TRIES times in all, while the database's error is one that `lost` names.

    In between it waits by chance, or the same ones would meet again; in all for a second at most.
    """
    for attempt in range(TRIES - 1):
        try:
            return work()
        except DatabaseError as error:
            if not lost(error):
                raise
        sleep(random() * LONGEST_PAUSE * 2**attempt)
    return work()


def on_deadlock(function: Callable[P, R]) -> Callable[P, R]:
    """Insist where it lost against another transaction.

    The function opens its own transaction and can be repeated. Inside a caller's transaction
    it is called once: the database has undone that one too, so only its owner can repeat it.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            return function(*args, **kwargs)
        return insist(partial(function, *args, **kwargs), is_conflict)

    return call


def on_lost_connection(function: Callable[P, R]) -> Callable[P, R]:
    """Call once more, on a new connection, what lost its own.

    Only for what may be done twice: whether the first time was committed can't be known.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (OperationalError, InterfaceError):
            if not renew_connection():
                raise
        return function(*args, **kwargs)

    return call


def renew_connection() -> bool:
    """Whether the connection was lost, so that a new one is opened when next it is used."""
    if connection.in_atomic_block:
        return False
    connection.close_if_unusable_or_obsolete()
    return connection.connection is None
