"""One SMTP connection, spoken by ourselves so that each failure is known by its moment.

Django's back end opens it (host, TLS, login: the site's settings hold); from MAIL on we talk, since
`sendmail` can't tell a line that broke before the final dot (not sent) from one that broke after
it (nobody knows). Where the server offers it (RFC 2920), MAIL, RCPT and DATA go in one packet.
"""

from __future__ import annotations

import contextlib
import select
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache
from typing import Any

from ..conf import conf
from ..content.mime import header, one_line
from .answers import of_reply, of_sender_reply
from .base import Again, Outcome, Refused, Sent, Session, Uncertain
from .reaching import door

# A server that refused or hung up lately is given a moment to hang up again before the dot, and so
# is one that this process doesn't know yet.
WARY_SECONDS = 60.0
WARY_WAIT = 0.05
STRANGER_WAIT = 0.01
STRANGER_MESSAGES = 10
# Headers by which providers know a message that they have taken before, by their hosts.
IDEMPOTENCY_KEYS = {"smtp.resend.com": "Resend-Idempotency-Key"}
TAKEN = (250, 251, 252)  # answers to RCPT
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
        return door(self.backend.host, self.backend.port).reach(self._connect)

    def _connect(self) -> Again | None:
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

    @property
    def is_telling(self) -> bool:
        return _carried >= STRANGER_MESSAGES

    def transmit(self, mail: Any) -> Outcome:
        try:
            data = self._key(mail) + mail.on_the_wire()
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

    def _key(self, mail: Any) -> bytes:
        """The header line of the provider's idempotency key; the same for each attempt."""
        name, token = IDEMPOTENCY_KEYS.get(self.backend.host), mail.metadata.get("drip")
        return header(name, token).encode() if name and token else b""

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

    `sender`, `recipient`: what follows the words MAIL and RCPT. `data`: as it goes on the wire.
    """
    in_body, began = False, time.monotonic()
    try:
        at_once = smtp.has_extn("pipelining")
        if refused := (_announce_at_once if at_once else _announce)(smtp, sender, recipient):
            return refused
        in_body, wait = True, _patience(time.monotonic() - began)
        _send_body(smtp, data, whole=bool(wait))
        if early := _spoke_early(smtp, wait):
            smtp.close()
            return early
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors
        smtp.close()
        if isinstance(error, ValueError):  # UnicodeError among them: an address none can carry
            return Refused(f"5.6.7 {error}")
        # Without the dot nothing was taken. A line that broke in this body is this message's
        # bad luck; one that broke outside is the server's state.
        return Again(f"{type(error).__name__}: {error}", outage=not in_body)
    return _finish(smtp)


def _answer_to_mail(
    smtp: smtplib.SMTP, ask: Callable[[], tuple[int, bytes]]
) -> tuple[int, bytes] | _Stale:
    """Who closes the line before it, or with it, has not begun with the message."""
    try:
        code, reply = ask()
    except OSError as error:
        smtp.close()
        return _Stale(f"{type(error).__name__}: {error}", outage=True)
    if code == 421:
        smtp.close()
        return _Stale(of_reply(code, reply).reason, outage=True)
    return code, reply


def _announce(smtp: smtplib.SMTP, sender: str, recipient: str) -> Again | Refused | None:
    """MAIL, RCPT and DATA, each after the answer to the one before. None: the body may follow."""
    answer = _answer_to_mail(smtp, lambda: smtp.docmd("MAIL", sender))
    if isinstance(answer, _Stale):
        return answer
    if answer[0] != 250:
        return _refused(smtp, of_sender_reply(*answer))
    code, reply = smtp.docmd("RCPT", recipient)
    if code not in TAKEN:
        return _refused(smtp, of_reply(code, reply))
    code, reply = smtp.docmd("DATA")
    if code != 354:
        return _refused(smtp, of_reply(code, reply))
    return None


def _announce_at_once(smtp: smtplib.SMTP, sender: str, recipient: str) -> Again | Refused | None:
    """The same in one go (RFC 2920), for servers that offer it and may answer as they like.

    Where the sender or the recipient was refused and a body is awaited all the same, the server
    gets an empty one if nobody can receive that (RFC 2920 3.1), and else a closed line.
    """
    if not {"\r", "\n"}.isdisjoint(sender + recipient):
        raise ValueError("An address has a line break.")

    def ask() -> tuple[int, bytes]:
        smtp.send(f"MAIL {sender}\r\nRCPT {recipient}\r\nDATA\r\n")
        return smtp.getreply()

    answer = _answer_to_mail(smtp, ask)
    if isinstance(answer, _Stale):
        return answer
    refusals: list[Again | Refused] = []
    if answer[0] != 250:
        refusals.append(of_sender_reply(*answer))
    try:
        to_somebody, reply = smtp.getreply()
        if to_somebody not in TAKEN:
            refusals.append(of_reply(to_somebody, reply))
        code, reply = smtp.getreply()
        if code != 354:
            refusals.append(of_reply(code, reply))
        elif not refusals:
            return None
        elif to_somebody in TAKEN:
            smtp.close()
        else:
            smtp.send(b".\r\n")
            smtp.getreply()
    except OSError:
        smtp.close()
        if not refusals:
            raise
    return _refused(smtp, refusals[0])


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


def _send_body(smtp: smtplib.SMTP, body: bytes, *, whole: bool) -> None:
    """`whole`: at once. Else its end may wait for the dot and share a packet with it."""
    if whole or smtp.sock is None or isinstance(smtp.sock, ssl.SSLSocket):
        smtp.send(body)
    else:
        smtp.sock.sendall(body, MORE_FOLLOWS)


def _spoke_early(smtp: smtplib.SMTP, wait: float) -> Again | Refused | None:
    """What the server did before it saw the end of the message: hang up, refuse, or nothing."""
    assert smtp.sock is not None
    if _has_said_more(smtp):
        return of_reply(*smtp.getreply())
    if not _has_spoken(smtp.sock, wait):
        return None
    if isinstance(smtp.sock, ssl.SSLSocket):
        return _spoke_early_under_tls(smtp.sock)
    return of_reply(*smtp.getreply())  # a closed line raises, as before the dot it may


def _has_said_more(smtp: smtplib.SMTP) -> bool:
    """Whether more came along with its last answer; taken for the next answer, it would lie."""
    assert smtp.sock is not None and smtp.file is not None
    timeout = smtp.sock.gettimeout()
    smtp.sock.settimeout(0)
    try:
        return bool(smtp.file.peek())
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    finally:
        smtp.sock.settimeout(timeout)


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
