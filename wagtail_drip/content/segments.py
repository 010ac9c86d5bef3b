"""How many characters and segments a text message has, and which of them make it dear.

GSM-7 (3GPP TS 23.038) has 160 characters in one message and 153 in each of several; its extension
costs two. One character beyond it turns the whole message into UCS-2, with 70 and 67: UTF-16 units,
so an emoji costs two. What costs two is never cut in half.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

GSM7, UCS2 = "GSM-7", "UCS-2"
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_ROOM = {GSM7: (160, 153), UCS2: (70, 67)}  # alone; in one of several


@dataclass(frozen=True, slots=True)
class Count:
    """`characters`: as the encoding counts them. `dear`: those that force UCS-2, each once."""

    encoding: str
    characters: int
    segments: int
    dear: tuple[str, ...] = ()


def count(text: str) -> Count:
    """What sending this text costs."""
    dear = tuple(dict.fromkeys(c for c in text if c not in _BASIC and c not in _EXTENSION))
    encoding = UCS2 if dear else GSM7
    costs = [_cost(char, encoding) for char in text]
    alone, shared = _ROOM[encoding]
    total = sum(costs)
    return Count(encoding, total, min(total, 1) if total <= alone else _packed(costs, shared), dear)


def _cost(char: str, encoding: str) -> int:
    return 1 + (char in _EXTENSION if encoding == GSM7 else char > "\uffff")


def _packed(costs: Iterable[int], room: int) -> int:
    segments, left = 0, 0
    for cost in costs:
        if cost > left:
            segments, left = segments + 1, room
        left -= cost
    return segments
