"""What a block may know while it is rendered: the brand, the language, the product, addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape, unescape
from pathlib import PurePath
from typing import Any
from urllib.parse import urljoin

from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from wagtail.images.exceptions import InvalidFilterSpecError
from wagtail.images.models import SourceImageIOError
from wagtail.rich_text import expand_db_html

from ..conf import conf
from . import merge_fields, references, richtext
from .branding import Brand
from .personalizing import Fault, Hold, for_staff
from .products import Product, Unavailable

LOGO = (240, 72)  # the most room it takes, CSS pixels: width, height
_TAG = re.compile(r"<[a-zA-Z][^\s/>]*(?:\s+[^\s=>/]+(?:=\"[^\"]*\")?)+\s*/?>")
_URL = re.compile(r'(?<=\s)(href|src|background)="([^"]*)"')
_RIGHT_TO_LEFT = {"ar", "ckb", "dv", "fa", "he", "ks", "ku-arab", "ps", "sd", "ug", "ur", "yi"}
_APART = "\ue004"  # between texts that are looked through as one
# PNG may be transparent. All the rest becomes JPEG: mail programs show nothing newer.
_KEPT_AS_PNG = {".png", ".gif"}


def direction_of(language: str) -> str:
    """ "rtl" or "ltr", by the code of a language."""
    language = language.lower()
    return "rtl" if {language, language.partition("-")[0]} & _RIGHT_TO_LEFT else "ltr"


@dataclass(frozen=True)
class Picture:
    """An image as a mail shows it: absolute URL of the file, size on the screen in CSS pixels."""

    url: str
    width: int
    height: int


@dataclass(frozen=True)
class Rendering:
    """Given to every block of one message; in templates it is `rendering`."""

    brand: Brand
    language: str = "en"
    fields: merge_fields.Fields = field(default_factory=lambda: merge_fields.Fields({}))
    product: Product | None = None  # what the readers' event is about
    lacking: Hold | Fault | None = None  # why it can't be shown, where the event names one
    # What blocks show to everybody, by ref
    products: Mapping[Hashable, Product | Hold | Fault] = field(default_factory=dict)

    strict: bool = True  # False: a preview shows what can't be sent, too
    campaign: str = ""  # the names of whose mail it is, and of its topic
    topic: str = ""
    leftward: bool = False  # its words run from right to left, whatever its language says
    column: int = 0  # width of the column it stands in, CSS pixels; 0: it has the whole row
    # Rich texts as the database holds them, by what they are with their links as addresses.
    _expanded: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    _broken: dict[str, list[str]] = field(default_factory=dict, compare=False, repr=False)
    _asked: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_about_nothing(self) -> bool:
        """Whether the readers' event names no product at all."""
        return self.product is None and self.lacking is None

    @property
    def room(self) -> int:
        """How wide a block may be, CSS pixels."""
        return self.column or self.brand.inner

    def within(self, column: int) -> Rendering:
        """The same for a block in a column so wide."""
        return replace(self, column=column)

    @property
    def direction(self) -> str:
        return "rtl" if self.leftward else direction_of(self.language)

    @property
    def start(self) -> str:
        """The side lines begin on."""
        return "right" if self.direction == "rtl" else "left"

    @property
    def end(self) -> str:
        return "left" if self.direction == "rtl" else "right"

    @cached_property
    def logo(self) -> Picture | None:
        return self.picture(self.brand.logo, most=LOGO[0], highest=LOGO[1])

    @cached_property
    def dark_logo(self) -> Picture | None:
        """What stands in the logo's place on a dark ground, where the brand has one."""
        return self.picture(self.brand.dark_logo, most=LOGO[0], highest=LOGO[1])

    @property
    def footer(self) -> str:
        """The brand's own words at the foot, as HTML."""
        return mark_safe(self.rich(self.expanded(self.brand.footer)))

    @property
    def style(self) -> str:
        """The style sheet of a mail, for its brand and its direction."""
        brand = self.brand
        context = {"rendering": self, "brand": brand, "light": brand.light, "dark": brand.dark}
        return mark_safe(render_to_string("wagtail_drip/email/style.css", context))

    def once(self, key: Hashable, ask: Callable[[], Any]) -> Any:
        """What `ask` finds, asked once for the whole message: its HTML, its text, its key."""
        if key not in self._asked:
            self._asked[key] = ask()
        return self._asked[key]

    def merge(self, text: Any) -> str:
        """A plain text with its merge fields in; escape it for HTML as any other text."""
        return merge_fields.merge(str(text or ""), self)

    def rich(self, html: str) -> str:
        """Expanded rich text, cleaned, with its merge fields in and its links absolute."""
        return richtext.clean(html, merge=self.merge, absolute=self.absolute)

    def expand(self, texts: Iterable[str]) -> None:
        """Look up what these rich texts link, for all of them at once."""
        new = [text for text in dict.fromkeys(texts) if text not in self._expanded]
        whole = [text for text in new if _APART not in text]
        found = expand_db_html(_APART.join(whole)).split(_APART) if whole else []
        self._expanded.update(zip(whole, found, strict=True))

    def broken(self, text: str) -> list[str]:
        """Why links of a rich text lead nowhere, in the staff's language."""
        if text not in self._broken:
            with for_staff():
                self._broken.update(references.all_broken({*self._expanded, text}))
        return self._broken[text]

    def expanded(self, text: str) -> str:
        """A rich text with addresses in the place of what it links."""
        if text not in self._expanded:
            self._expanded[text] = expand_db_html(text)
        return self._expanded[text]

    def absolute(self, url: str | None) -> str:
        """`url` with the brand's scheme and host where it has none; "" where it is unsafe."""
        url = richtext.safe_url(url or "")
        if not url or url.startswith(("#", merge_fields.OPEN)):
            return url
        try:
            return urljoin((self.brand.base_url or conf.BASE_URL).rstrip("/") + "/", url)
        except ValueError:  # not an address at all, like http://[
            return ""

    def page_url(self, page: Any) -> str:
        """The absolute URL of a page, of its translation where the mail's language has a live one.

        Raises Unavailable where it isn't published: the mail waits.
        """
        page = page.localized
        if self.strict and not page.live:
            with for_staff():
                reason = _('The page "%s" that the mail leads to is not published.') % page.title
            raise Unavailable(Hold(reason))
        return self.absolute(page.url)

    def absolute_html(self, html: str) -> str:
        """`html` with every link and picture absolute, and none that could run something."""

        def attribute(match: re.Match[str]) -> str:
            return f'{match[1]}="{escape(self.absolute(unescape(match[2])))}"'

        return _TAG.sub(lambda tag: _URL.sub(attribute, tag[0]), html)

    def event_product(self) -> Product:
        """What the readers' event is about. Raises Unavailable where it is about nothing."""
        if self.product is None:
            if self.lacking is not None:
                raise Unavailable(self.lacking)
            with for_staff():
                raise Unavailable(Hold(_("The event that started the series names no product.")))
        return self.product

    def fixed_product(self, ref: Hashable) -> Product:
        """A product that an editor chose. Raises Unavailable where it can't be shown now."""
        found = self.products.get(ref)
        if isinstance(found, Product):
            return found
        with for_staff():
            raise Unavailable(found or Hold(_("A product that the mail shows no longer exists.")))

    def picture(self, image: Any, *, most: int = 0, highest: int = 0) -> Picture | None:
        """A file twice as wide as it is shown, if the original is; None: mails can't show it.

        `most`, `highest`: the room for it, CSS pixels; default the whole width of a row.
        """
        if image is None or image.is_svg():
            return None
        shown = min(most or self.room, image.width)
        if highest:
            shown = min(shown, max(1, round(image.width * highest / image.height)))
        file = self.file_of(image, shown)
        if file is None:
            return None
        height = round(file.height * shown / file.width)
        return Picture(self.absolute(file.url), shown, height)

    def file_of(self, image: Any, shown: int) -> Any:
        """The rendition for so many CSS pixels; None where the original can't be read."""
        if PurePath(image.file.name).suffix.lower() in _KEPT_AS_PNG:
            form = "format-png"
        else:
            form = "format-jpeg|jpegquality-82|bgcolor-ffffff"
        try:
            return image.get_rendition(f"width-{min(shown * 2, image.width)}|{form}")
        except (SourceImageIOError, InvalidFilterSpecError, OSError):
            return None
