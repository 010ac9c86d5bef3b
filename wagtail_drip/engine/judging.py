"""Judging: was it a person who opened a mail or followed its link, or a program?

docs/reference.md has the rules in words. A program that isn't told counts as a person, so nothing
irrevocable may hang on a click, and nothing at all on an open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from ..models import Delivery, Reaction

By, Kind = Reaction.By, Reaction.Kind

# A mail that was taken this moment is not on anybody's screen yet: scanners come before it is.
SOON = timedelta(seconds=3)
# So many different links of one mail within so short a time: nobody reads that fast.
BURST_LINKS, BURST = 3, timedelta(seconds=5)
# Who follows the hidden link follows the others as well, a little earlier or later.
TRAPPED = timedelta(minutes=1)

# Headers by which browsers and mail programs say that they load ahead.
_AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_AHEAD_WORDS = re.compile("prefetch|prerender|preview", re.IGNORECASE)
# Programs by their own names: robots, link previews, scanners of mail, libraries.
_PROGRAMS = re.compile(
    r"(?<!cu)bot\b|bot[/;_-]|crawl|spider|slurp|scan|preview|monitor|headless|phantom|puppeteer"
    r"|playwright|selenium|curl|wget|python|urllib|aiohttp|httpx|java/|jakarta|okhttp|go-http"
    r"|libwww|lwp|guzzle|axios|node-fetch|undici|postman|http_?client|http-client|ruby|perl|php/"
    r"|proofpoint|mimecast|barracuda|safelinks|symantec|messagelabs|fortinet|trendmicro|sophos"
    r"|virustotal|cisco|forcepoint|fireeye|checkpoint|facebookexternalhit|whatsapp|telegram"
    r"|skypeuri|embedly|ms-?office.*link|bingpreview|validator|cloudfront",
    re.IGNORECASE,
)
# They load a picture when its mail is opened, on behalf of the reader.
_READERS_PROXIES = re.compile("GoogleImageProxy|YahooMailProxy", re.IGNORECASE)
# Apple's Mail Privacy Protection loads every picture of every mail, and says no more than this.
_NAMELESS = "Mozilla/5.0"


def by_request(kind: str, method: str, headers: Mapping[str, str]) -> str:
    """Who asks, by one HTTP request alone: a `Reaction.By`."""
    if method == "HEAD":
        return By.HEAD
    if any(_AHEAD_WORDS.search(headers.get(name, "")) for name in _AHEAD):
        return By.PREFETCH
    return by_agent(kind, headers.get("User-Agent", ""))


def by_agent(kind: str, agent: str) -> str:
    """Who it is, by the name of their program."""
    agent = agent.strip()
    if kind == Kind.OPENED and agent == _NAMELESS:
        return By.PROXY
    if _READERS_PROXIES.search(agent):
        return By.PERSON if kind == Kind.OPENED else By.AGENT
    return By.AGENT if not agent or _PROGRAMS.search(agent) else By.PERSON


def too_soon(reaction: Reaction, delivery: Delivery) -> bool:
    """Whether nobody can have seen the mail by then."""
    if delivery.state == Delivery.State.SENDING:
        return True
    return bool(delivery.settled_at and reaction.at < delivery.settled_at + SOON)


def unmasked(reactions: Iterable[Reaction], latest: Reaction) -> dict[Reaction, str]:
    """Clicks that counted as a person's and can't have been, now that `latest` came: by rule."""
    clicks = [one for one in reactions if one.kind == Kind.CLICKED]
    if latest.kind != Kind.CLICKED:
        return {}
    found: dict[Reaction, str] = {}
    burst = [one for one in clicks if abs(one.at - latest.at) <= BURST]
    if len({one.link_id for one in burst if one.link_id}) >= BURST_LINKS:
        found = dict.fromkeys(burst, By.BURST)
    for trap in (one for one in clicks if one.by == By.TRAP):
        found |= dict.fromkeys((c for c in clicks if abs(c.at - trap.at) <= TRAPPED), By.TRAP)
    return {one: by for one, by in found.items() if not one.by}
