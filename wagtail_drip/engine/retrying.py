"""Telling conflicts between transactions from other errors, and trying again after them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

P = ParamSpec("P")
R = TypeVar("R")

TRIES = 5

# PostgreSQL's SQLSTATE, MariaDB's error number, SQLite's error name.
_CONFLICTS = {"40001", "40P01", 1213, 1020, "SQLITE_BUSY_SNAPSHOT"}
_LOCK_TIMEOUTS = {"55P03", 1205, "SQLITE_BUSY", "SQLITE_LOCKED"}


def _code(error: BaseException) -> str | int | None:
    """The database's own code of a Django database error, whichever driver raised it."""
    cause = error.__cause__ or error
    for attribute in ("sqlstate", "pgcode", "sqlite_errorname"):
        if code := getattr(cause, attribute, None):
            return code
    return cause.args[0] if cause.args and isinstance(cause.args[0], int) else None


def is_conflict(error: BaseException) -> bool:
    """A deadlock or a serialization failure: the same work done again may well pass."""
    return _code(error) in _CONFLICTS


def is_lock_timeout(error: BaseException) -> bool:
    """A lock was waited for long enough; who holds it has not finished."""
    return _code(error) in _LOCK_TIMEOUTS


def is_outage(error: BaseException) -> bool:
    """The database, not the data, is at fault: no row may be blamed for it."""
    if connection.vendor == "sqlite" and isinstance(error, OperationalError):
        # There a condition's own fault (malformed JSON, say) is an OperationalError as well.
        return any(word in str(error) for word in ("locked", "disk", "open database file"))
    return isinstance(error, OperationalError | InterfaceError)


def on_deadlock(function: Callable[P, R]) -> Callable[P, R]:
    """Call again, up to TRIES times, what lost against another transaction.

    The function opens its own transaction and can be repeated. Inside a caller's transaction
    it is called once: the database has undone that one too, so only its owner can repeat it.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for _attempt in range(TRIES - 1):
            if connection.in_atomic_block:
                break
            try:
                return function(*args, **kwargs)
            except OperationalError as error:
                if not is_conflict(error):
                    raise
        return function(*args, **kwargs)

    return call
