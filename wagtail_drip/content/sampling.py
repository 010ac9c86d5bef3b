"""Samples: a mail that shows how a brand's mails look, and how a dark screen shows them."""

from __future__ import annotations

from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from .blocks import BodyBlock
from .branding import Brand
from .compiling import Source

_DARK = "@media (prefers-color-scheme: dark)"


def showing(brand: Brand, language: str) -> Source:
    """A mail with a bit of everything that a brand can change."""
    with translation.override(language):
        return Source(
            subject=_("A sample mail"),
            preheader="",
            body=_body(),
            language=language,
            brand=brand,
        )


def as_on_dark_screens(html: str) -> str:
    """A mail as readers see it whose screens are set dark, whatever the present one is."""
    return html.replace(_DARK, "@media all")


def _body() -> Any:
    text = _(
        "<p>A few plain sentences do more than a clever one. Say <b>one thing</b>, "
        'and link to <a href="#">where it goes on</a>.</p>'
    )
    voice = _("I read it twice, and then I gave it to my mother.")
    rows = [
        ("heading", {"text": _("Good to see you here"), "size": "large"}),
        ("text", text),
        ("button", {"label": _("Have a look"), "url": "#", "page": None}),
        ("divider", None),
        ("heading", {"text": _("What readers say"), "size": "small"}),
        ("quote", {"text": voice, "by": _("A reader")}),
        ("product", {"which": "event", "button": _("Have a look")}),
    ]
    block = BodyBlock()
    known = [(kind, value) for kind, value in rows if kind in block.child_blocks]
    return block.to_python(
        [
            {"type": kind, "value": value, "id": f"sample-{n}"}
            for n, (kind, value) in enumerate(known)
        ]
    )
