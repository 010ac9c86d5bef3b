"""One SMTP connection, spoken by ourselves so that each failure is known by its moment.

Django's back end opens it (host, TLS, login: the site's settings hold); from MAIL on we talk, since
`sendmail` can't tell a line that broke before the final dot (not sent) from one that broke after
it (nobody knows).
"""

from __future__ import annotations

import contextlib
import select
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache
from typing import Any

from ..conf import conf
from ..content.mime import one_line
from .answers import of_reply, of_sender_reply
from .base import Again, Outcome, Refused, Sent, Session, Uncertain

# A server that refused or hung up lately is given a moment to hang up again before the dot, and so
# is one that this process doesn't know yet.
WARY_SECONDS = 60.0
WARY_WAIT = 0.05
STRANGER_WAIT = 0.01
STRANGER_MESSAGES = 10
MORE_FOLLOWS = getattr(socket, "MSG_MORE", 0)  # Linux alone has it
_wary_until = 0.0
_carried = 0  # messages that this process has sent by any connection


@dataclass(frozen=True, slots=True)
class _Stale(Again):
    """The connection was closed, or the server closed it, before it heard of this message."""


class SmtpSession(Session):
    """A connection of Django's SMTP back end, opened again where the server closed it."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.carried = 0  # messages this connection has carried
        if backend.timeout is None:
            backend.timeout = conf.SOCKET_SECONDS

    def connect(self) -> Again | None:
        """None, or why the server can't be reached now."""
        self._drop()
        try:
            self.backend.open()
            smtp = self.backend.connection
            if smtp is None:  # a back end that fails silently
                return Again("The mail server can't be reached.", outage=True)
            smtp.ehlo_or_helo_if_needed()
            # The dot travels apart from the body: without this it waits for the body's ACK.
            smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except Exception as error:
            self._drop()
            return Again(f"{type(error).__name__}: {error}", outage=True)
        self.carried = 0
        return None

    def ready(self) -> Again | None:
        smtp = self.backend.connection
        if smtp is None or smtp.sock is None or _has_hung_up(smtp.sock):
            return self.connect()
        return None

    def transmit(self, mail: Any) -> Outcome:
        try:
            data = mail.as_bytes()
        except ValueError as error:  # a header or address that no mail may carry
            return Refused(str(error))
        outcome = self._once(mail, data)
        if isinstance(outcome, _Stale) and self.carried:
            # Servers close a connection after so many messages or so much silence. Nothing was
            # taken, so a fresh connection may try; if that fails too, it is an outage.
            self._drop()
            outcome = self._once(mail, data)
        self.carried += 1
        _remember(outcome)
        return Again(outcome.reason, outage=True) if isinstance(outcome, _Stale) else outcome

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.backend.close()

    def _once(self, mail: Any, data: bytes) -> Outcome:
        smtp = self.backend.connection
        if smtp is None or smtp.sock is None:
            if outage := self.connect():
                return outage
            smtp = self.backend.connection
        sender, recipient = _bare(mail.from_email), mail.to
        options = f" SIZE={len(data)}" if smtp.has_extn("size") else ""
        smtp.command_encoding = "ascii"
        if not (sender + recipient).isascii():
            if not smtp.has_extn("smtputf8"):
                return Refused("5.6.7 The mail server takes no addresses beyond ASCII.")
            options += " SMTPUTF8 BODY=8BITMIME"
            smtp.command_encoding = "utf-8"
        return converse(smtp, f"FROM:<{sender}>{options}", f"TO:<{recipient}>", data)

    def _drop(self) -> None:
        if self.backend.connection is not None:
            with contextlib.suppress(Exception):
                self.backend.connection.close()
            self.backend.connection = None
        self.carried = 0


@lru_cache(maxsize=256)
def _bare(address: str) -> str:
    return parseaddr(one_line(address))[1]  # as the From header has it


def converse(smtp: smtplib.SMTP, sender: str, recipient: str, data: bytes) -> Outcome:
    """One mail transaction; closes `smtp` where it can't be used for another one.

    `sender`, `recipient`: what follows the words MAIL and RCPT.
    """
    stage, began = "MAIL", time.monotonic()
    try:
        code, reply = smtp.docmd("MAIL", sender)
        if code == 421:
            smtp.close()
            return _Stale(of_reply(code, reply).reason, outage=True)
        if code != 250:
            return _refused(smtp, of_sender_reply(code, reply))
        stage = "RCPT"
        code, reply = smtp.docmd("RCPT", recipient)
        if code not in (250, 251, 252):
            return _refused(smtp, of_reply(code, reply))
        code, reply = smtp.docmd("DATA")
        if code != 354:
            return _refused(smtp, of_reply(code, reply))
        stage, wait = "body", _patience(time.monotonic() - began)
        _send_body(smtp, _stuffed(data), whole=bool(wait))
        if early := _spoke_early(smtp, wait):
            smtp.close()
            return early
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors
        smtp.close()
        if isinstance(error, ValueError):  # UnicodeError among them: an address none can carry
            return Refused(f"5.6.7 {error}")
        # Without the dot nothing was taken. A line that broke in this body is this message's
        # bad luck; one that broke outside is the server's state.
        reason = f"{type(error).__name__}: {error}"
        kind = _Stale if stage == "MAIL" else Again
        return kind(reason, outage=stage != "body")
    return _finish(smtp)


def _finish(smtp: smtplib.SMTP) -> Outcome:
    """Send the dot. From here on only a clear answer is an answer."""
    encrypted = isinstance(smtp.sock, ssl.SSLSocket)
    try:
        smtp.send(b".\r\n")
    except OSError as error:
        smtp.close()
        if encrypted:  # part of the record may have left
            return Uncertain(f"The line broke at the message's end: {error}")
        return Again(f"The line broke before the message's end: {error}")
    try:
        code, reply = smtp.getreply()
    except OSError as error:
        smtp.close()
        return Uncertain(f"No answer after the message's end: {error}")
    if code == 421:
        smtp.close()
    if 200 <= code < 300:
        return Sent()
    if 400 <= code < 600:
        return of_reply(code, reply)
    smtp.close()
    return Uncertain(f"Not understood after the message's end: {code} {reply!r}")


def _refused(smtp: smtplib.SMTP, outcome: Again | Refused) -> Again | Refused:
    """Leave the connection ready for the next message, or closed."""
    if isinstance(outcome, Again) and outcome.outage:
        smtp.close()
        return outcome
    try:
        smtp.rset()
    except OSError:
        smtp.close()
    return outcome


def _stuffed(data: bytes) -> bytes:
    """RFC 5321 4.5.2: a dot before each leading dot; the last line ends with CRLF."""
    if data.startswith(b"."):
        data = b"." + data
    if b"\n." in data:
        data = data.replace(b"\n.", b"\n..")
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def _send_body(smtp: smtplib.SMTP, body: bytes, *, whole: bool) -> None:
    """`whole`: at once. Else its end may wait for the dot and share a packet with it."""
    if whole or smtp.sock is None or isinstance(smtp.sock, ssl.SSLSocket):
        smtp.send(body)
    else:
        smtp.sock.sendall(body, MORE_FOLLOWS)


def _spoke_early(smtp: smtplib.SMTP, wait: float) -> Again | Refused | None:
    """What the server did before it saw the end of the message: hang up, refuse, or nothing."""
    assert smtp.sock is not None
    if not _has_spoken(smtp.sock, wait):
        return None
    if isinstance(smtp.sock, ssl.SSLSocket):
        return _spoke_early_under_tls(smtp.sock)
    return of_reply(*smtp.getreply())  # a closed line raises, as before the dot it may


def _has_spoken(sock: socket.socket, seconds: float = 0.0) -> bool:
    """Whether the server says something within `seconds`, or has hung up."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _has_hung_up(sock: socket.socket) -> bool:
    """Between two messages a server has nothing to say but goodbye."""
    if not _has_spoken(sock):
        return False
    try:
        return not isinstance(sock, ssl.SSLSocket) or bool(_spoke_early_under_tls(sock))
    except OSError:
        return True


def _spoke_early_under_tls(sock: ssl.SSLSocket) -> Again | None:
    """Readable may mean a session ticket here, which says nothing."""
    timeout = sock.gettimeout()
    sock.settimeout(0)
    try:
        sock.recv(1)
    except (ssl.SSLWantReadError, BlockingIOError):
        return None
    finally:
        sock.settimeout(timeout)
    return Again("The server spoke or hung up before the message's end.")


def _patience(conversation: float) -> float:
    """How long to hold the dot back, so that a hang-up in the body is known for one.

    `conversation`: seconds that three answers took; a hang-up may take as long.
    """
    if time.monotonic() < _wary_until:
        return max(WARY_WAIT, conversation)
    return max(STRANGER_WAIT, conversation) if _carried < STRANGER_MESSAGES else 0.0


def _remember(outcome: Outcome) -> None:
    global _wary_until, _carried
    if isinstance(outcome, Sent):
        _carried += 1
    elif not isinstance(outcome, Refused):
        _wary_until = time.monotonic() + WARY_SECONDS
