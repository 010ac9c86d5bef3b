"""A POST to an address that somebody typed: to the public internet alone, and never for long.

The name is looked up once, each address it has is judged, and the connection goes to the judged
address and nowhere else: a second look-up could answer something else. No redirect is followed and
no proxy of the environment is asked. Of the answer nothing but the status line is read.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext as _

from ..conf import conf
from .base import Again, Outcome, Refused, Sent, Uncertain

MOST_LINE = 8192  # bytes of an answer that are read
# So long nobody of this process knocks again where a connection could not be made.
REST_SECONDS = 30.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]")
_PATH = re.compile(r"/[!-~]*")
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})(?: |\r|$)")

_unreachable: dict[tuple[str, int], tuple[float, Again]] = {}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. `host`: as it is looked up; `path`: with the query."""

    host: str
    port: int
    path: str
    tls: bool = True

    @property
    def name(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def target(url: str) -> Target:
    """Where a URL leads. Raises ValueError, in an editor's words, where it may not be called."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise ValueError(_("“%s” is no web address.") % url[:200]) from error
    tls = parts.scheme == "https"
    if not tls and not (parts.scheme == "http" and conf.WEBHOOK_LOOPBACK):
        raise ValueError(_("The address has to start with https://."))
    if "@" in parts.netloc or parts.fragment:
        raise ValueError(_("The address must hold no password and no fragment."))
    return Target(_host(parts), port or (443 if tls else 80), _path(parts), tls)


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise ValueError(_("The address names no host."))
    return host


def _path(parts: SplitResult) -> str:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PATH.fullmatch(path):
        raise ValueError(_("The address has characters that no web address can have."))
    return path


def is_public(address: str) -> bool:
    """Whether the address is one of the public internet, whichever way it is written."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in _NAT64 or int(ip) < 2**32:  # the latter: IPv4-compatible, of old
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if not all(is_public(str(one)) for one in inner if one is not None):
            return False
        if ip.ipv4_mapped or ip in _NAT64:
            return True
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


def _may_be_called(address: str) -> bool:
    if is_public(address):
        return True
    return conf.WEBHOOK_LOOPBACK and ipaddress.ip_address(address).is_loopback


def post(to: Target, headers: Mapping[str, str], body: bytes, seconds: float) -> Outcome:
    """POST once, within so many seconds. Raises nothing of the network's.

    2xx: Sent. 408, 425, 429 and 5xx: Again. All other answers: Refused. A line that broke once the
    request was on its way: Uncertain.
    """
    until = time.monotonic() + seconds
    connected = _connect(to, until)
    if not isinstance(connected, socket.socket):
        return connected
    with connected:
        try:
            _patient(connected, until).sendall(_head(to, headers, len(body)) + body)
            status = _status(connected, until)
        except OSError as error:
            return Uncertain(_told(error))
    return _of_status(status)


def _connect(to: Target, until: float) -> socket.socket | Again | Refused:
    place = (to.host, to.port)
    failed = _unreachable.get(place)
    if failed and time.monotonic() - failed[0] < REST_SECONDS:
        return failed[1]
    connected = _try(to, until)
    _unreachable.pop(place, None)
    if isinstance(connected, Again):
        if len(_unreachable) > 1000:
            _unreachable.clear()
        _unreachable[place] = (time.monotonic(), connected)
    return connected


def _try(to: Target, until: float) -> socket.socket | Again | Refused:
    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return Again(_told(error))
    # One that isn't public among several is an attack or a mistake: then none is called.
    if not found or not all(_may_be_called(str(one[4][0])) for one in found):
        return Refused(_("%s is not a host of the public internet.") % to.host)
    trouble = Again(_("%s can't be reached.") % to.host)
    for family, kind, protocol, _name, address in found[:3]:
        plain = socket.socket(family, kind, protocol)
        try:
            _patient(plain, until).connect(address)
            return _secured(plain, to, until)
        except OSError as error:
            plain.close()
            trouble = Again(_told(error))
    return trouble


def _secured(plain: socket.socket, to: Target, until: float) -> socket.socket:
    if not to.tls:
        return plain
    return ssl.create_default_context().wrap_socket(_patient(plain, until), server_hostname=to.host)


def _patient(sock: socket.socket, until: float) -> socket.socket:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError(_("It took too long."))
    sock.settimeout(left)
    return sock


def _head(to: Target, headers: Mapping[str, str], length: int) -> bytes:
    lines = {
        "Host": to.name,
        "User-Agent": "wagtail-drip",
        "Content-Type": "application/json",
        "Content-Length": str(length),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    if len(head.splitlines()) != len(lines):
        raise ValueError("A header must be one line.")
    return f"POST {to.path} HTTP/1.1\r\n{head}\r\n".encode("ascii")


def _status(sock: socket.socket, until: float) -> int:
    """The status of the answer, past those that only say that one will come."""
    read = b""
    while len(read) < MOST_LINE:
        line, end, rest = read.partition(b"\r\n")
        if end:
            match = _STATUS.match(line)
            if not match:
                raise ConnectionError(_("It answered something else than HTTP."))
            status = int(match[1])
            if status >= 200:
                return status
            _headers, end, rest = rest.partition(b"\r\n\r\n")
            if end:
                read = rest
                continue
        more = _patient(sock, until).recv(4096)
        if not more:
            raise ConnectionError(_("It hung up without an answer."))
        read += more
    raise ConnectionError(_("Its answer does not begin within %d bytes.") % MOST_LINE)


def _of_status(status: int) -> Outcome:
    if 200 <= status < 300:
        return Sent()
    if status in (408, 425, 429) or status >= 500:
        return Again(_("It answered %d.") % status)
    if status < 400:
        return Refused(_("It answered %d: redirects are not followed.") % status)
    return Refused(_("It answered %d.") % status)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
