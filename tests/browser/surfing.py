"""A browser that waits for what it is told to use, and looks at pages as axe does."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".browser/node_modules/axe-core/axe.min.js"
PATIENCE = 60.0  # seconds; a busy machine needs them, and a quick one none
MOMENT = 5.0  # seconds after which something that did not open is pressed again
# Wagtail's own: with a filter set, its button's name lacks the number that it shows; this other
# button's gray is too light, and the red of a button that deletes is so on dark pages; the text
# editor of a field, unlike that of a block, has no name, and under a dialog none has a role; what
# it says at the top of a page after a deed comes in half transparent.
NOT_OURS = [
    [".w-slim-header-action-button"], [".w-minimap__collapse-all"], [".button.serious"],
    [".w-field .public-DraftEditor-content:not([aria-label])"],
    [".public-DraftEditor-content[contenteditable=false]"], [".messages"],
]  # fmt: skip
LOOK = """
const [exclude, colors, done] = arguments;
const options = {resultTypes: ['violations']};
if (colors) options.runOnly = ['color-contrast', 'link-in-text-block'];
axe.run({exclude}, options).then((found) => done(
  found.violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map(
    (v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 200)).join(' | ')}`)));
"""
# Not innerWidth: a phone zooms out until all is in its window.
SIZES = "const d = document.documentElement; return [d.scrollWidth, d.clientWidth]"
Found = TypeVar("Found")


def until(look: Callable[[], Found], what: str, patience: float = PATIENCE) -> Found:
    """The first true answer; while the page is being drawn, errors are no answer."""
    end, error = time.monotonic() + patience, None
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except WebDriverException as problem:
            error = problem
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {patience:.0f} s") from error


@lru_cache
def _axe() -> str:
    return AXE.read_text()


class Browser:
    def __init__(self, driver: Any, address: str) -> None:
        self.driver, self.address = driver, address

    def open(self, path: str) -> None:
        self.driver.get(path if path.startswith("http") else self.address + path)

    def all(self, selector: str, text: str = "") -> list[WebElement]:
        """The visible ones that say `text`."""
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return [e for e in found if e.is_displayed() and text in e.text]

    def one(self, selector: str, text: str = "", number: int = 0) -> WebElement:
        """The first of them, or the last with `number=-1`; waits until there is one."""

        def look() -> WebElement | None:
            found = self.all(selector, text)
            return found[number] if found else None

        return until(look, f"{selector} “{text}” on {self.driver.current_url}")

    def click(self, selector: str, text: str = "", number: int = 0) -> None:
        def press() -> bool:
            element = self.one(selector, text, number)
            self.driver.execute_script(
                "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element
            )
            element.click()
            return True

        until(press, f"clicking {selector} “{text}”")

    def unfold(self, selector: str, shown: str, number: int = 0) -> None:
        """Press what opens a menu until the menu shows `shown`.

        While the page is still drawing itself, the first press may go to nothing, and a second
        one on an open menu would close it.
        """

        pressed = float("-inf")

        def look() -> bool:
            nonlocal pressed
            if self.all(shown):
                return True
            if time.monotonic() - pressed > MOMENT:
                self.click(selector, number=number)
                pressed = time.monotonic()
            return False

        until(look, f"{shown} by pressing {selector}")

    def comes_to_say(self, path: str, text: str, selector: str = "body") -> None:
        """Opens the page again and again until it says so: others work on what it shows."""

        def look() -> bool:
            self.open(path)
            return any(text in e.text for e in self.all(selector))

        until(look, f"“{text}” in {selector} of {path}")

    def write(self, selector: str, text: str, number: int = 0) -> None:
        def type_() -> bool:
            element = self.one(selector, number=number)
            if element.tag_name in ("input", "textarea"):
                element.clear()
            element.send_keys(text)
            return True

        until(type_, f"writing into {selector}")

    def says(self, text: str, selector: str = "body") -> str:
        """Waits until the page says so; all that it says there."""
        return until(
            lambda: next((e.text for e in self.all(selector, text)), ""),
            f"“{text}” in {selector} of {self.driver.current_url}",
        )

    def goes_to(self, part: str) -> None:
        until(lambda: part in self.driver.current_url, f"going to …{part}…")

    def source(self) -> str:
        """The page as it was sent: scripts take menus out of it until they are opened."""
        return self.driver.execute_async_script(
            "const done = arguments[0];"
            "fetch(location.href).then((r) => r.text()).then(done, (e) => done(String(e)))"
        )

    def look(self, *, width: int, scheme: str = "light", height: int = 900) -> None:
        """Through a window so wide, on a device whose colors are light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def show(self, html: str) -> None:
        """A document of no site: nothing keeps scripts from looking at it."""
        self.driver.get("about:blank")
        self.driver.execute_script("document.write(arguments[0]); document.close()", html)

    def has_nothing_serious(self) -> None:
        assert not (found := self.problems()), "\n".join(found)

    def problems(self, *, colors: bool = False) -> list[str]:
        """What is serious or critical here to axe, and whether the page is too wide.

        With `colors` nothing but them is asked: the same page was looked at in other ones.
        """
        if not AXE.exists():
            assert not os.environ.get("CI"), "axe-core is not here: make browser installs it"
            return []
        if not self.driver.execute_script("return 'axe' in window"):
            self.driver.execute_script(_axe())
        found = self.driver.execute_async_script(LOOK, NOT_OURS, colors)
        wide, window = self.driver.execute_script(SIZES)
        found += [f"{wide} pixels wide in a window of {window}"] if wide > window else []
        return [f"{self.driver.current_url}: {text}" for text in found]

    def picture(self, name: str) -> None:
        """Keep a screenshot, where the environment's PICTURES names a folder."""
        if folder := os.environ.get("PICTURES"):
            shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
            with Image.open(BytesIO(base64.b64decode(shot["data"]))) as image:
                small = image.convert("RGB").quantize(64, dither=Image.Dither.NONE)
                small.save(Path(folder) / f"{name}.png", optimize=True)
