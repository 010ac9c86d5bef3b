"""Where a visitor comes from, as throttles count them. Nothing of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

from ..conf import conf


def client_ip(meta: Mapping[str, Any]) -> str:
    """The address in a request's META, "" where that can't be told.

    X-Forwarded-For is believed as far as conf.TRUSTED_PROXIES have written it, from its end.
    """
    hops = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
    proxies = conf.TRUSTED_PROXIES
    told = hops[-proxies] if 0 < proxies <= len(hops) else meta.get("REMOTE_ADDR", "")
    return told.strip()


def network(ip: str) -> str:
    """What counts as one visitor: an IPv4 address, or the /64 that one household or server has."""
    try:
        address = ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
