"""The demo on a port of its own, and Chromium to use it with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
collect_ignore: list[str] = []

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError:
    collect_ignore += [name.name for name in Path(__file__).parent.glob("test_*.py")]
    collect_ignore.remove("test_without_a_browser.py")
else:
    from tests.demo.test_demo import free_port

    from .surfing import Browser, until


@pytest.fixture(scope="session")
def environ(tmp_path_factory: Any) -> dict[str, str]:
    """That of a demo on a port and a database of its own."""
    port, hidden = free_port(), ("DATABASE_URL", "MAKELEVEL")
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    return environ | {
        "PORT": str(port),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "DEMO_DIR": str(tmp_path_factory.mktemp("demo")),
        "DJANGO_SETTINGS_MODULE": "example_site.settings.base",
        "DEBUG": "1",
        "DRIP_TIME_TRAVEL": "1",
    }


@pytest.fixture(scope="session")
def manage(site: str, environ: dict[str, str]) -> Callable[..., str]:
    """`manage("drip_status")` runs a command in the demo's environment; what it prints."""

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
        assert not done.returncode, done.stdout + done.stderr
        return done.stdout

    return manage


@pytest.fixture(scope="session")
def seeded(site: str, environ: dict[str, str]) -> dict[str, Any]:
    """The demo with one of each record (rows.py); what that prints."""
    command = [sys.executable, "-m", "tests.browser.rows"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert not done.returncode, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def site(chromium: str, environ: dict[str, str]) -> Iterator[str]:
    """The address of a running demo."""
    folder = Path(environ["DEMO_DIR"])
    command = [sys.executable, "-m", "example_site.demo"]
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=said, stderr=said)
    try:
        address = environ["BASE_URL"]
        until(lambda: process.poll() is not None or answers(address), "the demo's start", 300)
        assert process.poll() is None, (folder / "said").read_text()
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def chromium() -> str:
    if not (CHROMIUM and DRIVER):
        leave_out("needs Chromium and its driver: apt install chromium chromium-driver")
    return CHROMIUM or ""


def leave_out(why: str) -> None:
    """Here a test may be left out; what CI leaves out nobody would miss."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(why)


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(f"{address}/signup/", timeout=5).status == 200
    except OSError:
        return False


@pytest.fixture(scope="session")
def driver(chromium: str) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars",
        "--window-size=1280,1000", "--lang=en",
    ):  # fmt: skip
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(120)  # axe takes its time where others are busy, too
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(driver: Any, site: str) -> Browser:
    """Of somebody whom the site doesn't know."""
    driver.get(f"{site}/signup/")
    driver.delete_all_cookies()
    driver.execute_script("localStorage.clear()")
    browser = Browser(driver, site)
    browser.look(width=1280, scheme="light")
    return browser
