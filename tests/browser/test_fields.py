"""The chip "Person's field": put in, saved, opened again, and shown; and the pages about a mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.common.keys import Keys

from .surfing import Browser, until
from .test_editor import PICK, log_in

pytestmark = pytest.mark.browser
EDITOR = ".public-DraftEditor-content"


def write_mail(browser: Browser) -> None:
    browser.open("/admin/snippets/wagtail_drip/step/add/")
    browser.write("[name=name]", "Fields")
    browser.write("[name=subject]", "For you, ")
    browser.click("[data-contentpath=body] .c-sf-add-button", number=-1)
    browser.click(PICK, "Text")


def pick(browser: Browser, field: str, fallback: str) -> None:
    browser.click(f".drip-dialog option[value='{field}']")
    browser.write(".drip-dialog [name=fallback]", fallback)
    browser.click(".drip-dialog button[value=insert]")
    until(lambda: not browser.all(".drip-dialog"), "the dialog to close")


def test_a_chip_is_put_in_saved_opened_again_and_shown(browser: Browser):
    log_in(browser)
    write_mail(browser)
    browser.write(EDITOR, "Dear ")
    browser.write(EDITOR, "/pers")
    browser.click(".Draftail-ComboBox__option, [role=option]", "Person's field")
    browser.one(".drip-dialog select")
    browser.picture("chip-dialog")
    browser.has_nothing_serious()
    pick(browser, "first_name", "friend")
    browser.one(".drip-chip")
    browser.click(".drip-field-button")
    pick(browser, "first_name", "friend")
    subject = "For you, {{ first_name|friend }}"
    assert browser.one("[name=subject]").get_attribute("value") == subject
    browser.write("[name=preheader]", "News" + Keys.HOME)
    browser.click(".drip-field-button", number=1)
    pick(browser, "first_name", "friend")
    preheader = browser.one("[name=preheader]").get_attribute("value")
    assert preheader == "{{ first_name|friend }}News"  # where the cursor was
    browser.picture("chip")
    browser.driver.execute_script(
        "document.querySelector('form[data-edit-form] [type=submit]').click()"
    )
    browser.goes_to("/step/edit/")
    browser.driver.get(browser.driver.current_url)
    assert browser.one(".drip-chip").get_attribute("data-label") == "First name | friend"
    pk = browser.driver.current_url.split("/step/edit/")[1].split("/")[0]
    browser.write(EDITOR, Keys.END + "!")
    shot(browser, "editor")
    assert "Dear Alex" in preview(browser, pk)
    for mode in ("phone", "inbox", "text", "dark"):
        browser.open(f"/admin/snippets/wagtail_drip/step/preview/{pk}/?mode={mode}")
        shot(browser, f"preview-{mode}")
    for page in ("test", "for"):
        browser.open(f"/admin/snippets/wagtail_drip/step/{page}/{pk}/")
        browser.one("form [type=submit]", "t")
        browser.has_nothing_serious()
        shot(browser, page)


def test_the_checks_come_by_themselves(browser: Browser):
    log_in(browser)
    write_mail(browser)
    browser.write(EDITOR, "Dear all")
    kept = "return document.querySelector('[name=body-0-value]').value"
    until(lambda: "Dear all" in browser.driver.execute_script(kept), "the text to be kept")
    browser.driver.execute_script(
        "document.querySelector('form[data-edit-form] [type=submit]').click()"
    )
    browser.one(".messages", "Fields")
    browser.unfold("[data-side-panel-toggle=checks]", "[data-side-panel=checks]")
    browser.says("There is no preheader", "[data-drip=checks]")
    browser.has_nothing_serious()


UNSAID = """
from tests import factories
html = '<p>What it shows</p><img src="/a.png"><img src="/b.png" alt="b_1.png">'
step = factories.step("Unsaid", body=[{"type": "raw", "value": html, "id": "b1"}])
print("the mail is", step.pk)
"""


def test_axe_looks_at_the_mail_beside_its_editor(browser: Browser, manage: Callable[..., str]):
    pk = manage("shell", "-c", UNSAID).rpartition("the mail is ")[2].strip()
    log_in(browser, "admin")
    browser.open(f"/admin/snippets/wagtail_drip/step/edit/{pk}/")
    browser.unfold("[data-side-panel-toggle=checks]", "[data-side-panel=checks]")
    browser.says("alt", "[data-checks-panel]")
    browser.says("inappropriate pattern", "[data-checks-panel]")
    words = browser.one("[data-content-word-count]")
    until(lambda: int(words.text or 0) > 2, "the words to be counted")
    browser.picture("axe")


def test_an_address_is_asked_for_where_a_contact_was_chosen(browser: Browser):
    log_in(browser)
    browser.open("/admin/snippets/wagtail_drip/step/")
    pk = (
        browser.one("a[href*='/step/edit/']").get_attribute("href").split("/edit/")[1].split("/")[0]
    )
    browser.open(f"/admin/snippets/wagtail_drip/step/for/{pk}/")
    browser.one("[name=who]")
    assert not browser.all("[name=contact]")
    browser.click("label", "A real contact")
    browser.one("[name=contact]")


SHOWN = """
const [path, done] = arguments;
const body = new FormData(document.querySelector('form[data-edit-form]'));
fetch(path, {method: 'POST', body}).then(() => fetch(path)).then((r) => r.text()).then(done);
"""


def preview(browser: Browser, pk: str) -> str:
    """What stands in the form, as the preview's panel shows it."""
    path = f"/admin/snippets/wagtail_drip/step/preview/{pk}/"
    return browser.driver.execute_async_script(SHOWN, path)


def shot(browser: Browser, name: str) -> None:
    for width, scheme in ((1280, "light"), (1280, "dark"), (375, "light")):
        browser.look(width=width, scheme=scheme)
        browser.picture(f"{name}-{width}-{scheme}")
    browser.look(width=1280)
