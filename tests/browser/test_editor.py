"""An editor's story: three mails from nothing, live by one action."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from .surfing import Browser, until

pytestmark = pytest.mark.browser
PICK = ".w-combobox__option"


def log_in(browser: Browser, name: str = "editor") -> None:
    browser.open("/admin/login/")
    browser.write("[name=username]", name)
    browser.write("[name=password]", name)
    browser.click("button[type=submit]")
    browser.says("Drip campaigns")


def add_block(browser: Browser, field: str, label: str) -> None:
    """The last "plus" of a stream, and its entry of this name."""
    browser.click(f"[data-contentpath={field}] .c-sf-add-button", number=-1)
    browser.click(PICK, label)


def write_mail(browser: Browser, name: str) -> None:
    """From a new send block to the mail, and back to the flow."""
    add_block(browser, "flow", "Send")
    browser.click('[data-drip="write"]', number=-1)
    browser.write('[data-drip="name"]', name)
    browser.click('[data-drip="create"]')
    browser.goes_to("/step/edit/")
    browser.write("[name=subject]", f"{name}, {{{{ first_name|friend }}}}")
    add_block(browser, "body", "Text")
    browser.write(".public-DraftEditor-content", f"This is {name}.")
    browser.says("Back to “Three letters”", ".drip-back")
    browser.picture(f"mail-{name}")
    browser.has_nothing_serious()
    browser.click(".drip-back a")
    browser.goes_to("/campaign/edit/")
    browser.says(f"“{name}”", "#tab-flow")


def test_three_mails_from_nothing_go_live_by_one_action(browser: Browser):
    log_in(browser)
    browser.has_nothing_serious()
    browser.open("/admin/snippets/wagtail_drip/campaign/")
    browser.picture("campaigns")
    browser.has_nothing_serious()
    browser.click("header a", "Add campaign")
    browser.write("[name=name]", "Three letters")
    Select(browser.one("[name=trigger]")).select_by_visible_text("Somebody signed up")
    browser.click("[role=tab]", "Flow")
    write_mail(browser, "One")
    for name in ("Two", "Three"):
        add_block(browser, "flow", "Wait")
        write_mail(browser, name)
    browser.has_nothing_serious()
    browser.picture("flow")

    publish_all(browser)
    refused = browser.says("It can't be published yet")
    assert "Choose a mailing topic" in refused
    browser.click(".drip-problems a", "Choose a mailing topic")
    browser.click("#tab-settings button", "Choose mailing topic")
    browser.click(".modal a", "Letters from the shop")
    until(lambda: not browser.all(".modal"), "the chooser to close")
    publish_all(browser)
    browser.says("Campaign “Three letters” and 3 mails published.")
    browser.picture("published")
    browser.has_nothing_serious()
    assert "LIVE" in browser.says("Three letters", "table tr:has(a[href*='/edit/'])").upper()


def publish_all(browser: Browser) -> None:
    browser.click("footer .w-dropdown__toggle", number=-1)
    browser.click("button", "with its 3 draft mails")


def test_a_mail_whose_words_were_typed_last_keeps_them(browser: Browser):
    log_in(browser)
    browser.open("/admin/snippets/wagtail_drip/campaign/")
    browser.click("header a", "Add campaign")
    browser.write("[name=name]", "Quick")
    browser.click("[role=tab]", "Flow")
    add_block(browser, "flow", "Send")
    browser.click('[data-drip="write"]')
    browser.write('[data-drip="name"]', "Hasty" + Keys.ENTER)
    browser.goes_to("/step/edit/")
    browser.write("[name=subject]", "Typed at once")
    browser.click(".drip-back a")
    browser.goes_to("/campaign/edit/")
    browser.click("#tab-flow [data-panel-toggle][aria-expanded=false]", number=-1)
    browser.click('[data-drip="open"]')
    browser.goes_to("/step/edit/")
    assert browser.one("[name=subject]").get_attribute("value") == "Typed at once"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (375, True)])
def test_our_lists_and_records_have_nothing_serious(browser: Browser, width: int, dark: bool):
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    log_in(browser, "admin")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for path in (
        "drip/contacts/", "drip/events/", "drip/people/", "drip/deliveries/",
        "snippets/wagtail_drip/step/", "snippets/wagtail_drip/topic/",
    ):  # fmt: skip
        browser.open(f"/admin/{path}")
        browser.one("h1, header")
        browser.has_nothing_serious()
        inside = "return document.documentElement.scrollWidth <= window.innerWidth"
        assert browser.driver.execute_script(inside), f"{path} is wider than the window"
