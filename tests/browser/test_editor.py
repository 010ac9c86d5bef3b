"""What an editor does beside the tutorial (test_tutorial.py)."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from .surfing import Browser, until

pytestmark = pytest.mark.browser
PICK = ".w-combobox__option"


def log_in(browser: Browser, name: str = "editor") -> None:
    browser.driver.delete_all_cookies()
    browser.open("/admin/login/")
    browser.write("[name=username]", name)
    browser.write("[name=password]", name)
    browser.click("button[type=submit]")
    until(lambda: "/login/" not in browser.driver.current_url, f"{name} to be let in")


def test_a_mail_whose_words_were_typed_last_keeps_them(browser: Browser):
    log_in(browser)
    browser.open("/admin/snippets/wagtail_drip/campaign/")
    browser.click("header a", "Add campaign")
    browser.write("[name=name]", "Quick")
    browser.click("[role=tab]", "Flow")
    browser.unfold("[data-contentpath=flow] .c-sf-add-button", PICK, number=-1)
    browser.click(PICK, "Send")
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


def test_what_is_written_within_a_flow_goes_by_the_block_s_channel(browser: Browser):
    log_in(browser)
    browser.open("/admin/snippets/wagtail_drip/campaign/")
    browser.click("header a", "Add campaign")
    browser.write("[name=name]", "By phone")
    browser.click("[role=tab]", "Flow")
    browser.unfold("[data-contentpath=flow] .c-sf-add-button", PICK, number=-1)
    browser.click(PICK, "Text message")
    browser.click('[data-drip="write"]')
    browser.write('[data-drip="name"]', "Come round" + Keys.ENTER)
    browser.goes_to("/step/edit/")
    browser.write("[name=message-0-value-text]", "The kettle is on")
    browser.says("Text message", ".drip-channel")


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
