"""The tutorial (docs/tutorial/first-campaign.md), walked as it reads; tests/test_docs.py compares.

What is pressed and what must be read stands here in the words of the page, once.
"""

from __future__ import annotations

import pytest
from selenium.webdriver.support.ui import Select

from .surfing import Browser, until
from .test_editor import PICK, log_in
from .test_visitor import later, wait_for

pytestmark = pytest.mark.browser
NADIA = "nadia@example.com"
BLOCK = "[data-streamfield-child]"


def test_a_first_campaign(browser: Browser):
    browser.look(width=1100, height=760)
    log_in(browser, "editor")
    browser.click(".sidebar button", "Drip")
    browser.click(".sidebar a", "Campaigns")
    browser.says("Order confirmation")
    browser.has_nothing_serious()
    browser.picture("campaigns")

    browser.click("header a", "Add campaign")
    browser.write("[name=name]", "Three letters")
    Select(browser.one("[name=trigger]")).select_by_visible_text("Somebody signed up")
    browser.click("[role=tab]", "Flow")
    write_mail(browser, "Come in", "Come in, {{ first_name|friend }}", "Good that you are here.")
    browser.picture("mail")
    go_back(browser, "Come in")
    for name in ("How we read", "What do you read?"):
        add_block(browser, "flow", "Wait")
        write_mail(browser, name, name, "More of this tomorrow.")
        go_back(browser, name)
    browser.has_nothing_serious()
    browser.picture("flow")

    publish(browser)
    browser.says("It can't be published yet")
    browser.picture("refused")
    browser.click(".drip-problems a", "Choose a mailing topic")
    browser.click("#tab-settings button", "Choose mailing topic")
    browser.click(".modal a", "Letters from the shop")
    until(lambda: not browser.all(".modal"), "the chooser to close")
    publish(browser)
    browser.says("Campaign “Three letters” and 3 mails published.")
    assert "LIVE" in browser.says("Three letters", "table tr:has(a[href*='/edit/'])").upper()
    browser.has_nothing_serious()
    browser.picture("live")

    browser.driver.delete_all_cookies()
    browser.open("/signup/")
    browser.write("[name=first_name]", "Nadia")
    browser.write("[name=email]", NADIA)
    browser.write("[name=password]", "a quiet harbor")
    browser.click("[name=news]")
    browser.click("main form button", "Create my account")
    browser.says("Thank you")
    first = wait_for(browser, 1, "three-letters", NADIA)
    assert first["subject"] == "Come in, Nadia"
    later(browser, "a day")
    assert wait_for(browser, 2, "three-letters", NADIA)["subject"] == "How we read"
    browser.open("/outbox/")
    browser.click(".list a", "How we read")
    browser.one("main iframe")

    log_in(browser, "editor")
    browser.click(".sidebar button", "Drip")
    browser.click(".sidebar a", "People in campaigns")
    browser.says("Three letters", "tr")


def add_block(browser: Browser, field: str, label: str) -> None:
    """The last "plus" of a stream, and its entry of this name; then the block is there."""
    stream = f"[data-contentpath={field}]"
    before = len(browser.all(f"{stream} {BLOCK}"))
    browser.unfold(f"{stream} .c-sf-add-button", PICK, number=-1)
    browser.click(PICK, label)
    until(
        lambda: len(browser.all(f"{stream} {BLOCK}")) > before and not browser.all(PICK),
        f"a block “{label}” in {field}",
    )


def write_mail(browser: Browser, name: str, subject: str, text: str) -> None:
    """From a new send block to the mail."""
    add_block(browser, "flow", "Send")
    browser.click('[data-drip="write"]', "Write new mail", number=-1)
    browser.write('[data-drip="name"]', name)
    browser.click('[data-drip="create"]', "Write it")
    browser.goes_to("/step/edit/")
    browser.write("[name=subject]", subject)
    add_block(browser, "body", "Text")
    browser.write(".public-DraftEditor-content", text)
    browser.has_nothing_serious()


def go_back(browser: Browser, name: str) -> None:
    browser.click(".drip-back a", "Back to “Three letters”")
    browser.goes_to("/campaign/edit/")
    browser.says(f"“{name}”", "#tab-flow")


def publish(browser: Browser) -> None:
    """By the menu beside the button that saves."""
    browser.unfold("footer .w-dropdown__toggle", "footer .w-dropdown__content", number=-1)
    browser.click("button", "Publish campaign with its 3 draft mails")
