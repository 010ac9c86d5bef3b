"""HTML that an editor wrote by hand, for those who may.

It may hold whatever HTML mails can show: tables, inline styles, `style` (it is inlined), links and
pictures. What could run something, or take over the page around it, is taken out: scripts, forms,
frames, objects, comments, event attributes, unsafe addresses. Tags are balanced, so
that it ends where its row ends. Merge fields work in its text and come out escaped.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from typing import Any

from django.utils.functional import cached_property
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import Block, TextBlock

from ..streams import sharing
from . import richtext
from .email_block import PREVIEW, EmailBlock, preview_rendering
from .rendering import Rendering

KEEP = "keep the HTML"  # marks a stream in which nobody writes any

# With all that is inside them.
DROPPED = {"script", "iframe", "object", "embed", "applet", "noscript", "template", "svg", "math",
           "form", "select", "textarea", "title", "audio", "video", "frameset"}  # fmt: skip
ALONE = {"html", "head", "body", "meta", "link", "base", "input", "button", "frame"}  # the tag
VOID = {"area", "br", "col", "hr", "img", "wbr"}
_ADDRESSES = {"href", "src", "background", "action", "formaction", "poster", "cite"}
_NAME = re.compile(r"[a-z][a-z0-9:-]*")
_UNSAFE_STYLE = re.compile(r"(?i)expression\s*\(|javascript:|@import|behavior\s*:|-moz-binding")
LONGEST = 50_000  # characters


class _Cleaner(HTMLParser):
    def __init__(self, rendering: Rendering) -> None:
        super().__init__(convert_charrefs=True)
        self.rendering = rendering
        self.out: list[str] = []
        self.open: list[str] = []
        self.dropped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DROPPED:
            self.dropped.append(tag)
        if self.dropped or tag in ALONE or not _NAME.fullmatch(tag):
            return
        kept = "".join(self._attribute(name, value or "") for name, value in attrs)
        self.out.append(f"<{tag}{kept}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.dropped:
            if tag == self.dropped[-1]:
                self.dropped.pop()
        elif tag in self.open:
            while (last := self.open.pop()) != tag:
                self.out.append(f"</{last}>")
            self.out.append(f"</{tag}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DROPPED:
            return
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if self.dropped:
            return
        if self.open and self.open[-1] == "style":
            css = _UNSAFE_STYLE.sub("", data).replace("<", "")
            self.out.append(css)
        else:
            self.out.append(escape(self.rendering.merge(data), quote=False))

    def result(self) -> str:
        self.close()
        return "".join(self.out) + "".join(f"</{tag}>" for tag in reversed(self.open))

    def _attribute(self, name: str, value: str) -> str:
        if name.startswith("on") or not _NAME.fullmatch(name) or name in ("srcdoc", "id"):
            return ""
        if name in _ADDRESSES:
            value = self.rendering.absolute(value)
            return f' {name}="{escape(value)}"' if value else ""
        if name == "style" and _UNSAFE_STYLE.search(value):
            return ""
        return f' {name}="{escape(value)}"'


class RawBlock(EmailBlock, TextBlock):
    """Who may not write it sees it and can't change it: admin/raw_html.py."""

    kept = True
    slug = "raw"

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("rows", 8)
        kwargs.setdefault("max_length", LONGEST)
        kwargs.setdefault(
            "help_text",
            gettext_lazy(
                "Tables, inline styles, links and pictures. Scripts, forms and frames are taken "
                "out. Merge fields work in its text."
            ),
        )
        super().__init__(**kwargs)

    @cached_property
    def field(self) -> Any:
        # A stream gives a block without parts no label, and a screen reader none to say.
        field = super().field
        field.widget.attrs["aria-label"] = self.label
        return field

    class Meta:
        label = gettext_lazy("HTML")
        description = gettext_lazy("For what no other block does. Try it in mail programs.")
        icon = "code"
        group = gettext_lazy("Arrangement")
        preview_template = PREVIEW
        preview_value = "<p><b>Any</b> HTML that mails can show.</p>"

    def nested(self, depth: int) -> Block | None:
        with sharing() as pool:
            return KeptRawBlock() if KEEP in pool else self

    def html(self, value: Any, rendering: Rendering, **context: Any) -> str:
        cleaner = _Cleaner(rendering)
        cleaner.feed(str(value or "")[:LONGEST])
        return mark_safe(cleaner.result())

    def render(self, value: Any, context: Any = None) -> str:
        return self.html(value, (context or {}).get("rendering") or preview_rendering())

    def plain(self, value: Any, rendering: Rendering, **context: Any) -> str:
        return richtext.as_text(self.html(value, rendering))

    def texts(self, value: Any) -> list[str]:
        return [richtext.as_text(str(value or ""))]

    def links(self, value: Any) -> list[str]:
        return richtext.typed_links(str(value or ""))

    def problems(self, value: Any) -> list[str]:
        return [] if str(value or "").strip() else [_("It is empty.")]


class KeptRawBlock(RawBlock):
    """For who may not write it: to be seen, kept or left out."""

    is_offered = False

    @cached_property
    def field(self) -> Any:
        field = super().field
        field.widget.attrs["readonly"] = True
        field.help_text = gettext_lazy("You may leave it as it is, or out.")
        return field

    class Meta:
        label = gettext_lazy("HTML")


def builtin() -> dict[str, Block]:
    return {RawBlock.slug: RawBlock()}
