"""The brand: whose mails they are, and how all of them look."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .colors import mix, readable, words_on

WIDTH = 600  # of a mail, CSS pixels, where the brand names no other
MARGIN = 36  # beside what stands in it

# Fonts that are there without being loaded: mail programs load none.
FONTS: dict[str, tuple[str | Promise, str]] = {
    "georgia": (_("Georgia (serif)"), "Georgia, 'Times New Roman', serif"),
    "system": (
        _("The reader's own (sans serif)"),
        "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif",
    ),
    "verdana": (_("Verdana (wide sans serif)"), "Verdana, Geneva, sans-serif"),
    "trebuchet": (_("Trebuchet (soft sans serif)"), "'Trebuchet MS', Tahoma, sans-serif"),
    "tahoma": (_("Tahoma (also Arabic, Persian, Hebrew)"), "Tahoma, Verdana, sans-serif"),
    "courier": (_("Courier (typewriter)"), "'Courier New', Courier, monospace"),
}


@dataclass(frozen=True)
class Social:
    """Where else readers find the sender."""

    name: str  # as readers see it: "Mastodon"
    url: str


@dataclass(frozen=True)
class Palette:
    """The colors of one mail, each as `#rrggbb`. Made from the brand's few, for light or dark."""

    ground: str  # behind the mail
    card: str  # the mail itself
    panel: str  # a box in it
    rule: str  # lines
    words: str
    strong: str  # headings
    quiet: str  # the foot, and who said a quote
    accent: str  # buttons
    on_accent: str  # what a button says
    link: str  # the accent, as far as it can be read


@dataclass(frozen=True)
class Brand:
    """Whose mails they are. Colors are `#rrggbb`, fonts keys of FONTS."""

    name: str
    base_url: str = ""  # default: conf.BASE_URL
    postal_address: str = ""
    accent: str = "#1f5c4d"
    ground: str = "#f3f2ee"
    card: str = "#ffffff"
    words: str = "#262b2a"
    heading_font: str = "georgia"
    body_font: str = "system"
    width: int = WIDTH
    logo: Any = None  # a Wagtail image
    dark_logo: Any = None  # the same for dark grounds
    footer: str = ""  # rich text, as the database holds it
    social: tuple[Social, ...] = field(default=())

    @property
    def inner(self) -> int:
        """How wide what stands in a mail is, CSS pixels."""
        return self.width - 2 * MARGIN

    @property
    def narrow(self) -> int:
        """From which width of the screen on a mail no longer takes all of it."""
        return self.width + 20

    @property
    def headings(self) -> str:
        """The font stack of headings, as CSS writes it."""
        return FONTS[self.heading_font][1]

    @property
    def text(self) -> str:
        """The font stack of everything else, as CSS writes it."""
        return FONTS[self.body_font][1]

    @cached_property
    def light(self) -> Palette:
        return _palette(self.ground, self.card, self.words, self.accent, extreme="#000000")

    @cached_property
    def dark(self) -> Palette:
        """For readers who have set their screens dark: the same accent on dark grounds."""
        card = mix("#1e2220", self.accent, 0.06)
        return _palette(mix(card, "#000000", 0.4), card, "#dde3e0", self.accent, extreme="#ffffff")


def _palette(ground: str, card: str, words: str, accent: str, *, extreme: str) -> Palette:
    panel = mix(card, ground, 0.5) if extreme == "#000000" else mix(card, "#ffffff", 0.05)
    grounds = (card, panel)
    return Palette(
        ground=ground,
        card=card,
        panel=panel,
        rule=mix(card, words, 0.14),
        words=words,
        strong=mix(words, extreme, 0.4),
        quiet=readable(mix(words, ground, 0.35), (ground, *grounds), extreme),
        accent=accent,
        on_accent=words_on(accent),
        link=readable(accent, grounds, extreme),
    )
