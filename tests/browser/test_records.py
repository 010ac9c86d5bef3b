"""The lists and pages of records: nothing sticks out or lies over something else.

On a screen and a phone, in an admin that runs from left to right and one from right to left, with
long addresses, long answers and names in many scripts (rows.py).
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from .rows import PERSIAN
from .surfing import MOMENT, Browser
from .test_editor import log_in

pytestmark = pytest.mark.browser
RECORDS = {"contacts": "contact", "events": "event", "people": "enrollment",
           "deliveries": "delivery"}  # fmt: skip
# What sticks out of the window though nothing around it scrolls, and texts that overlap.
ASTRAY = """
const shown = (e) => e.getClientRects().length && getComputedStyle(e).visibility === 'visible';
const scrolls = (e) => {
  for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
    if (getComputedStyle(p).overflowX !== 'visible' && !p.matches('main')) return true;
  return false;
};
const name = (e) => `${e.tagName} ${e.className} “${e.textContent.trim().slice(0, 40)}”`;
const all = [...document.querySelectorAll('main *')].filter(shown);
const out = all.filter((e) => {
  const box = e.getBoundingClientRect();
  return (box.right > innerWidth + 1 || box.left < -1) && !e.closest('.w-sr-only') && !scrolls(e);
}).map((e) => `sticks out: ${name(e)}`);
const cells = all.filter((e) => e.matches('td, th, dt, dd'));
const cut = (e) => getComputedStyle(e).overflowY === 'hidden'; // its text ends with its box
const leaves = cells.flatMap((e) => {
  const range = document.createRange();
  range.selectNodeContents(e);
  const clipped = [...e.querySelectorAll('*')].some(cut);
  const box = (clipped ? e : range).getBoundingClientRect();
  return box.width && box.height ? [[e, box]] : [];
});
leaves.forEach(([a, x], i) => leaves.slice(i + 1).forEach(([b, y]) => {
  const wide = Math.min(x.right, y.right) - Math.max(x.left, y.left);
  const high = Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top);
  if (wide > 1 && high > 1 && !a.contains(b) && !b.contains(a))
    out.push(`overlap: ${name(a)} and ${name(b)}`);
}));
return [...new Set(out)].slice(0, 10);
"""


def settled(browser: Browser) -> list[str]:
    """What is astray once the page has taken the window's size; it is given a moment for it."""
    end = time.monotonic() + MOMENT
    while (astray := browser.driver.execute_script(ASTRAY)) and time.monotonic() < end:
        time.sleep(0.1)
    return astray


@pytest.mark.parametrize(("user", "direction"), [("admin", "ltr"), (PERSIAN, "rtl")])
def test_nothing_sticks_out_or_overlaps(
    browser: Browser, seeded: dict[str, Any], user: str, direction: str
):
    log_in(browser, user)
    found = []
    for record, model in RECORDS.items():
        for path in ("", f"inspect/{seeded['rows'][model]}/"):
            browser.open(f"/admin/drip/{record}/{path}")
            assert browser.driver.execute_script("return document.dir") == direction
            for width in (1280, 375):
                browser.look(width=width)
                place = f"{record}/{path} {width}"
                found += [f"{place}: {e}" for e in settled(browser)]
                wide, window = browser.driver.execute_script(
                    "return [document.documentElement.scrollWidth, innerWidth]"
                )
                assert window == width
                found += [f"{place}: {wide} pixels wide"] if wide > width else []
    assert found == []
