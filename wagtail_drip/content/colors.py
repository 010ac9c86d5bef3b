"""Colors as `#rrggbb`: mixing them, and telling whether one can be read on another."""

from __future__ import annotations

import re

HEX = re.compile(r"#[0-9a-fA-F]{6}")
# What running text needs on its ground: WCAG 2.2, success criterion 1.4.3.
READABLE = 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colors, 1 (the same) to 21 (black on white), by WCAG 2.2."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mix(one: str, other: str, share: float) -> str:
    """`one` with `share` (0 to 1) of `other` in it."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def readable(color: str, grounds: tuple[str, ...], towards: str) -> str:
    """`color`, moved towards another one just as far as reading it on all `grounds` needs."""
    for step in range(21):
        candidate = mix(color, towards, step / 20)
        if all(contrast(candidate, ground) >= READABLE for ground in grounds):
            return candidate
    return towards


def words_on(ground: str) -> str:
    """Black or white, whichever reads better on `ground`: one of them always does."""
    return max("#ffffff", "#000000", key=lambda words: contrast(words, ground))


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    """Relative luminance, 0 (black) to 1 (white)."""
    shares = (channel / 255 for channel in _channels(color))
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
