"""A visitor's story, as the visitor sees it."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest

from .surfing import Browser, until
from .test_editor import log_in

pytestmark = pytest.mark.browser
ZOE = "zoe@example.com"


def mails(browser: Browser, campaign: str, to: str = ZOE) -> list[dict[str, Any]]:
    """The newest first."""
    with urllib.request.urlopen(f"{browser.address}/outbox.json") as answer:
        found = json.load(answer)
    return [m for m in found if to in str(m["to"]) and campaign in (m["campaign"] or "")]


def later(browser: Browser, by: str) -> None:
    browser.open("/outbox/")
    browser.click(".moves button", by)
    browser.says("", ".told")


def wait_for(browser: Browser, number: int, campaign: str, to: str = ZOE) -> dict[str, Any]:
    """The newest of so many mails of this campaign; the cluster takes a moment."""
    return until(
        lambda: (found := mails(browser, campaign, to)) and len(found) >= number and found[0],
        f"mail {number} of {campaign}",
        120,
    )


def sign_up(browser: Browser, email: str) -> None:
    browser.open("/signup/")
    browser.has_nothing_serious()
    browser.write("[name=first_name]", "Zoe")
    browser.write("[name=email]", email)
    browser.write("[name=password]", "a-long-pass-word")
    browser.click("[name=news]")
    browser.picture("sign-up")
    browser.click("main form button")
    browser.says("Thank you")


def test_from_the_sign_up_to_the_end_of_the_series(browser: Browser):
    browser.open("/")
    browser.has_nothing_serious()
    sign_up(browser, ZOE)
    hello = wait_for(browser, 1, "welcome")
    assert "Zoe" in hello["subject"] and "List-Unsubscribe" in hello["headers"]
    browser.open("/outbox/")
    browser.click(".list li a", hello["subject"])
    browser.one("main iframe")
    browser.has_nothing_serious()
    browser.picture("outbox")

    browser.open("/shop/swifts/")
    browser.write("#answer [name=first_name]", "Zoe")
    browser.write("#answer [name=email]", ZOE)
    browser.has_nothing_serious()
    browser.click("#answer button")
    browser.says("We will write to you about it.")

    later(browser, "a day")
    about = wait_for(browser, 1, "interested-in-a-book")
    assert "Swifts" in about["subject"] + about["text"]
    later(browser, "a day")
    later(browser, "a day")
    offer = wait_for(browser, 2, "interested-in-a-book")
    code = re.search(r"PAGE10-\w+", offer["text"])[0]

    browser.open("/shop/swifts/")
    browser.write("#buy [name=first_name]", "Zoe")
    browser.write("#buy [name=email]", ZOE)
    browser.write("#buy [name=code]", code)
    browser.click("#buy button")
    browser.says("Thank you")
    browser.has_nothing_serious()

    later(browser, "a week")
    wait_for(browser, 3, "welcome")  # of the same week: so the line has run
    assert len(mails(browser, "interested-in-a-book")) == 2
    log_in(browser)
    browser.comes_to_say(f"/admin/drip/people/?q={ZOE}", "reached the goal", "main")


def test_leaving_by_the_link_in_a_mail(browser: Browser):
    sign_up(browser, "ann@example.com")
    hello = wait_for(browser, 1, "welcome", to="ann@example.com")
    browser.open(hello["headers"]["List-Unsubscribe"].strip("<>"))
    browser.has_nothing_serious()
    browser.picture("leave")
    browser.click("main button.main")
    browser.says("any more")
    browser.has_nothing_serious()
