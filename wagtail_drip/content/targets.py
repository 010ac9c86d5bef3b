"""Where the links of a mail lead: by way of this site, to be counted, and with UTM parameters.

Done once for each compiled message; a person's mail only gets its signed token into the holes.
Links to leaving and to one's own settings differ from person to person, so they carry a mark by
then, and are left alone. So is the text part: who reads plain text reads the addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape, unescape
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from ..conf import conf
from . import links
from .merge_fields import OPEN, mark
from .personalizing import REACTION, Slot

LONGEST = 2000  # characters of a URL that Django still redirects to
_LINK = re.compile(r"<(?:a|area|v:roundrect)\s(?:[^>\"]|\"[^\"]*\")*>", re.IGNORECASE)
# What no proxy on the way takes offense at.
_PLAIN_PATH = re.compile(r"(?!.*(?://|\.\.))[A-Za-z0-9/_~.-]{1,120}")
_HREF = re.compile(r'(\shref=")([^"]*)(")', re.IGNORECASE)
# In plain text an address ends before a space, a mark of direction, or a sentence's own signs. One
# with a merge field in it is found whole, and left alone as the same is in HTML.
_IN_TEXT = re.compile(
    r"https?://[^\s<>\"\u200e\u200f\u2066-\u2069]*[^\s<>\"\u200e\u200f\u2066-\u2069.,;:!?)'\]»”’،؛؟]"
)
# A path of this site: a slash after a space, and one more, so that "and /or" is none.
_OWN_PATH = re.compile(r"(?<!\S)/[A-Za-z0-9_~-]+/[A-Za-z0-9_~./?=&#%-]*(?<![.?])")
# Nobody sees it and no screen reader names it; who follows it follows everything.
_TRAP = (
    '<a href="{}" tabindex="-1" aria-hidden="true"'
    ' style="display:none;max-height:0;overflow:hidden;mso-hide:all"></a>'
)
_PIXEL = '<img src="{}" width="1" height="1" alt="" style="display:block;border:0">'


@dataclass(frozen=True)
class Tracking:
    """What is done to the links of a message; the default is nothing."""

    keys: Callable[[Collection[str]], Mapping[str, str]] | None = None  # of stored targets, by URL
    opens: bool = False
    utm: Mapping[str, str] = field(default_factory=dict)  # for links to `hosts`
    hosts: Collection[str] = ()

    def only(self, *, clicks: bool, opens: bool) -> Tracking:
        """No more than this: for people who don't want one or the other."""
        return replace(self, keys=self.keys if clicks else None, opens=self.opens and opens)


def traced(html: str, tracking: Tracking) -> str:
    """A whole page with its links through this site, the trap and the pixel."""
    token = mark(Slot(REACTION))
    (html,) = traced_links([html], tracking, token)
    extra = _TRAP.format(links.click_url(links.TRAP, token)) if tracking.keys is not None else ""
    if tracking.opens:
        extra += _PIXEL.format(links.open_url(token))
    before, end, after = html.rpartition("</body>")
    return f"{before}{extra}{end}{after}" if end else html + extra


def traced_links(pages: Sequence[str], tracking: Tracking, token: str) -> list[str]:
    """Pieces of HTML with their links through this site; their targets are stored at once.

    `token` stands for what signs a person's links.
    """
    if tracking.keys is None and not tracking.utm:
        return list(pages)
    found = {unescape(href) for page in pages for href in _hrefs(page)}
    written = _written(found, tracking, token, told=True)

    def link(match: re.Match[str]) -> str:
        url = written.get(unescape(match[2]))
        return match[0] if url is None else f"{match[1]}{escape(url)}{match[3]}"

    return [_LINK.sub(lambda tag: _HREF.sub(link, tag[0]), page) for page in pages]


def traced_text(text: str, tracking: Tracking, token: str) -> str:
    """The same for a text of little room: its addresses say no more than needed."""
    if tracking.keys is None and not tracking.utm:
        return text
    found = {match[0] for match in _IN_TEXT.finditer(text)}
    written = _written(found, tracking, token, told=False)
    return _IN_TEXT.sub(lambda match: written.get(match[0], match[0]), text)


def with_whole_links(text: str, absolute: Callable[[str], str]) -> str:
    """A text in which addresses of this site that begin with a slash are whole ones."""
    return _OWN_PATH.sub(lambda match: absolute(match[0]) or match[0], text)


def _written(
    found: Collection[str], tracking: Tracking, token: str, *, told: bool
) -> dict[str, str]:
    """What stands in a message in the place of each address. `told`: with what it leads to."""
    targets = {url: tagged(url, tracking) for url in found if _is_target(url)}
    kept = {target for target in targets.values() if len(target) <= LONGEST}
    keys = tracking.keys(kept) if tracking.keys is not None and kept else {}
    return {
        url: links.click_url(keys[target], token, shown(url, tracking) if told else "")
        if target in keys
        else target
        for url, target in targets.items()
    }


def tagged(url: str, tracking: Tracking) -> str:
    """`url` with UTM parameters where it leads to the site itself and has none of its own."""
    parts = urlsplit(url)
    if not tracking.utm or parts.hostname not in tracking.hosts:
        return url
    given = {name for name, _value in parse_qsl(parts.query, keep_blank_values=True)}
    if any(name.startswith("utm_") for name in given):
        return url
    query = "&".join(filter(None, [parts.query, urlencode(tracking.utm, quote_via=quote)]))
    return parts._replace(query=query).geturl()


def shown(url: str, tracking: Tracking) -> str:
    """Where it leads, for readers who look before they click: path, or host and path."""
    parts = urlsplit(url)
    path = parts.path.lstrip("/")
    if parts.hostname not in tracking.hosts:
        path = f"{parts.hostname}/{path}"
    return path if _PLAIN_PATH.fullmatch(path) else ""


def _hrefs(page: str) -> list[str]:
    return [href[2] for tag in _LINK.finditer(page) for href in _HREF.finditer(tag[0])]


def _is_target(url: str) -> bool:
    """A web address that is the same for everybody, and none of our own pages."""
    if OPEN in url or not url.startswith(("http://", "https://")):
        return False
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return bool(host) and not url.startswith(conf.BASE_URL + links.own_prefix())
