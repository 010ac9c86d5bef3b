"""What a server's reply or a back end's exception says about one message: the outcome.

The question is always the same: is it certain that the message was not taken? Only then may it
be tried again (`Again`, `Refused`); where it is not certain, the outcome is `Uncertain`.
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from typing import Any

from .base import Again, Outcome, Refused, Uncertain

# The server or our login is at fault, whatever the message: RFC 5321 (421), RFC 4954 (the rest).
OUTAGE_CODES = {421, 454, 530, 534, 535, 538}
# A web API's ways to say that our account, not this message, is the trouble.
OUTAGE_STATUS = {401, 402, 403, 404, 407, 429, 503}
# Failures of `requests` and urllib3 from before the first byte of the request left.
NEVER_CONNECTED = {
    "ConnectTimeout",
    "ConnectTimeoutError",
    "NewConnectionError",
    "NameResolutionError",
}


def of_reply(code: int, reply: bytes | str) -> Again | Refused:
    """The outcome of an SMTP reply that refuses a message which therefore was not taken."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    reason = " ".join(f"{code} {text}".split())
    if code in OUTAGE_CODES:
        return Again(reason, outage=True)
    if 500 <= code < 600 and code != 503:
        return Refused(reason)
    return Again(reason)


def of_sender_reply(code: int, reply: bytes | str) -> Again | Refused:
    """As `of_reply`, for the reply to MAIL: a refused sender is no recipient's fault.

    A sender address that the server doesn't allow is corrected by an editor, so the people it
    was meant for keep waiting; a message that is too large (552) stays too large.
    """
    outcome = of_reply(code, reply)
    if isinstance(outcome, Refused) and code != 552:
        return Again(outcome.reason)
    return outcome


def of_error(error: Exception) -> Outcome:
    """The outcome of what a back end's `send_messages` raised."""
    reason = _reason(error)
    match error:
        case smtplib.SMTPRecipientsRefused():
            return of_reply(*next(iter(error.recipients.values()), (550, b"refused")))
        case smtplib.SMTPSenderRefused():
            return of_sender_reply(error.smtp_code, error.smtp_error)
        case smtplib.SMTPConnectError() | smtplib.SMTPHeloError():
            return Again(reason, outage=True)
        case smtplib.SMTPResponseException():  # data refused, login refused
            return of_reply(error.smtp_code, error.smtp_error)
        case ConnectionRefusedError() | socket.gaierror() | smtplib.SMTPNotSupportedError():
            return Again(reason, outage=True)
    return _of_provider_error(error, reason)


def _of_provider_error(error: Exception, reason: str) -> Outcome:
    """Anymail's errors, recognized by what they carry: Anymail may not be installed."""
    names = {cls.__name__ for cls in type(error).__mro__}
    if (status := _status(error)) is not None:
        return _of_status(status, reason)
    if "AnymailUnsupportedFeature" in names:  # true of every message: the site's settings
        return Again(reason, outage=True)
    if names & {"AnymailRecipientsRefused", "AnymailInvalidAddress", "AnymailSerializationError"}:
        return Refused(reason)
    if any(_never_connected(cause) for cause in _causes(error)):
        return Again(reason, outage=True)
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return Refused(reason)  # Django's own guards of headers and addresses, before sending
    return Uncertain(reason)


def _of_status(status: int, reason: str) -> Outcome:
    if status in OUTAGE_STATUS:
        return Again(reason, outage=True)
    if status in (408, 425):  # the request itself did not arrive whole, or too early
        return Again(reason)
    if 400 <= status < 500:
        return Refused(reason)
    return Uncertain(reason)  # 500, 502, 504: some providers took the message before they fell


def _status(error: Exception) -> int | None:
    """The HTTP status a provider answered with, if it answered."""
    for cause in _causes(error):
        status: Any = getattr(cause, "status_code", None)
        if status is None and isinstance(response := getattr(cause, "response", None), dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")  # boto3
        if isinstance(status, int):
            return status
    return None


def _never_connected(error: BaseException) -> bool:
    if isinstance(error, ConnectionRefusedError | socket.gaierror):
        return True
    return any(cls.__name__ in NEVER_CONNECTED for cls in type(error).__mro__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from, also as urllib3 nests it (args, `reason`)."""
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        cause = todo.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        todo += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
