"""A visitor of the demo with Oscar buys a book, and gets the same mails as in the other one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="make test-oscar installs it")

from tests.browser.conftest import ROOT, answers, browser, chromium, driver  # noqa: F401 - fixtures
from tests.browser.surfing import Browser, until
from tests.browser.test_visitor import later, mails, wait_for
from tests.demo.test_demo import free_port

pytestmark = pytest.mark.browser
ZOE, GUEST, PASSWORD = "zoe@example.com", "guest@example.com", "a-long-pass-word"


@pytest.fixture(scope="session")
def environ(tmp_path_factory) -> dict[str, str]:
    """That of a demo on a port and a database of its own."""
    port, hidden = free_port(), ("DATABASE_URL", "MAKELEVEL", "DJANGO_SETTINGS_MODULE", "BASE_URL")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | {
        "PORT": str(port),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "DEMO_DIR": str(tmp_path_factory.mktemp("demo")),
    }


@pytest.fixture(scope="session")
def site(chromium: str, environ: dict[str, str]) -> Iterator[str]:  # noqa: F811
    said = Path(environ["DEMO_DIR"]) / "said"
    command = [sys.executable, "-m", "example_site.demo", "oscar"]
    with said.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=file, stderr=file)
    try:
        address = environ["BASE_URL"]
        until(lambda: process.poll() is not None or answers(address), "the demo's start", 400)
        assert process.poll() is None, said.read_text()
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def add_swifts(browser: Browser) -> None:  # noqa: F811
    browser.open("/shop/")
    browser.click("article a", "Swifts")
    browser.says("Swifts", "h1")
    browser.click("#add_to_basket_form button")
    browser.one(".alert-success")


def give_address(browser: Browser) -> None:  # noqa: F811
    words = {"first_name": "Zoe", "last_name": "Quill", "line1": "1 Harbour Street"}
    for name, text in (words | {"line4": "Bookham", "postcode": "10115"}).items():
        browser.write(f"[name={name}]", text)
    browser.click("#new_shipping_address button[type=submit], form button[type=submit]", "Continue")


def place_order(browser: Browser) -> str:  # noqa: F811
    browser.click("#view_preview")
    browser.goes_to("/checkout/preview/")
    browser.says("thank-you and perhaps a few tips")
    browser.click("#place-order")
    browser.goes_to("/thank-you/")
    return re.search(r"\b1\d{5}\b", browser.says("Order"))[0]


def test_from_a_wish_by_a_code_to_the_order_and_its_mails(browser: Browser):  # noqa: F811
    browser.open("/signup/")
    browser.write("[name=email]", ZOE)
    browser.write("[name=password1]", PASSWORD)
    browser.write("[name=password2]", PASSWORD)
    browser.click("[name=news]")
    browser.click("[name=wishes]")
    browser.click("[name=registration_submit]")
    browser.one("#logout_link")
    hello = wait_for(browser, 1, "welcome")
    assert "List-Unsubscribe" in hello["headers"]

    browser.open("/shop/")
    browser.click("article a", "Swifts")
    browser.click("#add_to_wishlist_form button")
    browser.one(".btn-wishlist")
    later(browser, "a day")
    assert "Swifts" in wait_for(browser, 1, "interested-in-a-book")["subject"]
    later(browser, "a day")
    later(browser, "a day")
    offer = wait_for(browser, 2, "interested-in-a-book")
    code = re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}", offer["text"])[0]

    add_swifts(browser)
    browser.open("/store/basket/")
    browser.click("#voucher_form_link a")
    browser.write("#id_code", code)
    browser.click("#voucher_form button[type=submit]")
    browser.says(code)
    browser.says("10.80")  # ten percent off 12.00
    browser.open("/store/checkout/")
    give_address(browser)
    number = place_order(browser)

    confirmed = wait_for(browser, 1, "order-confirmation")
    assert number in confirmed["subject"] and "1 × Swifts" in confirmed["text"]
    assert "€10.80" in confirmed["text"]
    wait_for(browser, 1, "first-order")
    later(browser, "a week")
    wait_for(browser, 2, "welcome")  # so the line has run, and the order was the other's goal
    assert len(mails(browser, "interested-in-a-book")) == 2


def test_a_guest_buys_too(browser: Browser):  # noqa: F811
    add_swifts(browser)
    browser.open("/store/checkout/")
    browser.write("[name=username]", GUEST)
    browser.click("form button[type=submit]", "Continue")
    give_address(browser)
    number = place_order(browser)
    confirmed = wait_for(browser, 1, "order-confirmation", to=GUEST)
    assert number in confirmed["subject"] and "Dear Zoe" in confirmed["text"]
