from __future__ import annotations

import pytest

from wagtail_drip.engine.judging import by_agent, by_request

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
CUBOT = "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 50) AppleWebKit/537.36 Chrome/120 Mobile"
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4"


@pytest.mark.parametrize("agent", [FIREFOX, CUBOT, THUNDERBIRD, "Microsoft Office/16.0 (Outlook)"])
@pytest.mark.parametrize("kind", ["opened", "clicked"])
def test_browsers_and_mail_programs_are_people(kind, agent):
    assert by_agent(kind, agent) == ""


@pytest.mark.parametrize(
    "agent",
    ["", " ", "curl/8.5", "python-requests/2.32", "Go-http-client/2.0", "Googlebot/2.1",
     "Mozilla/5.0 (compatible; bingbot/2.0)", "facebookexternalhit/1.1", "WhatsApp/2.23",
     "Mozilla/5.0 (X11) HeadlessChrome/120", "Barracuda Sentinel (EE)", "Slackbot-LinkExpanding"],
)  # fmt: skip
def test_programs_are_known_by_their_names(agent):
    assert by_agent("clicked", agent) == "agent"


@pytest.mark.parametrize(
    ("agent", "opened", "clicked"),
    [(GMAIL, "", "agent"), ("YahooMailProxy; https://help.yahoo.com", "", "agent"),
     ("Mozilla/5.0", "proxy", "")],
)  # fmt: skip
def test_image_proxies_are_told_apart(agent, opened, clicked):
    assert (by_agent("opened", agent), by_agent("clicked", agent)) == (opened, clicked)


@pytest.mark.parametrize(
    ("method", "headers", "by"),
    [
        ("HEAD", {}, "head"),
        ("GET", {"Sec-Purpose": "prefetch;prerender"}, "prefetch"),
        ("GET", {"X-Moz": "prefetch"}, "prefetch"),
        ("GET", {"Purpose": "preview"}, "prefetch"),
        ("GET", {}, ""),
    ],
)
def test_a_request_tells_by_itself(method, headers, by):
    assert by_request("clicked", method, {"User-Agent": FIREFOX, **headers}) == by
