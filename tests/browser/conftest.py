"""The demo on a port of its own, and Chromium to use it with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
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
    collect_ignore += ["test_visitor.py", "test_editor.py"]
else:
    from tests.demo.test_demo import free_port

    from .surfing import Browser, until


@pytest.fixture(scope="session")
def site(tmp_path_factory: Any) -> Iterator[str]:
    """The address of a running demo."""
    if not (CHROMIUM and DRIVER):
        leave_out("needs Chromium and its driver: apt install chromium chromium-driver")
    folder = tmp_path_factory.mktemp("demo")
    port = free_port()
    hidden = ("DATABASE_URL", "BASE_URL", "DJANGO_SETTINGS_MODULE", "MAKELEVEL")
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    environ |= {"PORT": str(port), "DEMO_DIR": str(folder)}
    command = [sys.executable, "-m", "example_site.demo"]
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=said, stderr=said)
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or answers(address), "the demo's start", 90)
        assert process.poll() is None, (folder / "said").read_text()
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def leave_out(why: str) -> None:
    """Here a test may be left out; what CI leaves out nobody would miss."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(why)


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(f"{address}/signup/", timeout=5).status == 200
    except OSError:
        return False


@pytest.fixture(scope="session")
def driver(site: str) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars",
        "--window-size=1280,1000", "--lang=en",
    ):  # fmt: skip
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
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
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    return Browser(driver, site)
