"""Every page of ours, found in the URL configuration, as axe sees it: light and dark.

The pages of people who get mail, and the bookshop's, on a phone. Nothing serious or critical may be
on any; what belongs to Wagtail's own frame is left out in surfing.py, each with its reason.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.attackers.routes import Route, routes, values

from .surfing import Browser
from .test_editor import log_in

pytestmark = pytest.mark.browser

# Addresses that answer with no page of their own.
PARTS = re.compile(
    r"results$|snippetchoosers|preview_on|:checks$"  # what a page loads: its list, a chooser …
    r"|workflow_action|collect_workflow|confirm_workflow|workflow_history_detail|workflow_preview"
    r"|:(un)?lock$|revisions_unschedule"  # asked only of what is locked, scheduled or in a workflow
    r"|(?:campaign|step|topic):delete$"  # what is in use can't be; test_snippets.py has the answer
    r"|suppression:edit|farewell:(add|edit|delete)"  # nobody may
    r"|count_|write_mail|:resolve|:choose$|:chosen|:act$|:refused"  # forms' own
    r"|go_import|export_people"
)
ADMIN = [route for route in routes("/admin/") if not PARTS.search(route.name)]
MORE = ["/admin/", "/admin/settings/wagtail_drip/sendingtimes/", "/admin/snippets/shop/order/",
        "/admin/snippets/shop/discountcode/", "/admin/drip/deliveries/?state=uncertain",
        "/admin/drip/people/?q=nobody", "/admin/snippets/wagtail_drip/"]  # fmt: skip
PUBLIC = ["/", "/shop/", "/shop/swifts/", "/login/", "/signup/", "/signup/thanks/", "/cart/",
          "/drip/sign-up/thanks/", "/drip/leave/x/", "/outbox/"]  # fmt: skip
IS_PAGE = """
const [entry] = performance.getEntriesByType('navigation');
return document.doctype && entry.responseStatus === 200 ? location.pathname : entry.responseStatus
"""


def both(browser: Browser, width: int) -> list[str]:
    """What is wrong with the page that is open, in either scheme."""
    found = browser.problems()
    browser.look(width=width, scheme="dark")
    found += [f"dark: {text}" for text in browser.problems(colors=True)]
    browser.look(width=width)
    return found


def kind(route: Route) -> str:
    """Where a route belongs: a model's name, or that of the pages beside the snippets."""
    return route.name.partition(":")[0].rpartition("_")[2]


@pytest.mark.parametrize("of", sorted({kind(route) for route in ADMIN}))
def test_the_admin_pages(browser: Browser, seeded: dict[str, Any], of: str):
    log_in(browser, "admin")
    found = []
    for route in ADMIN:
        if kind(route) != of:
            continue
        path = route.fill(values(route, seeded["rows"], seeded["revisions"]))
        browser.open(path)
        if browser.driver.execute_script(IS_PAGE) != path:
            found.append(f"{route.name} {path} is no page")
            continue
        found += both(browser, 1280)
    assert found == []


def test_what_is_no_model_s(browser: Browser, seeded: dict[str, Any]):
    log_in(browser, "admin")
    found = []
    for path in MORE:
        browser.open(path)
        found += both(browser, 1280)
    assert found == []


def test_the_public_pages_on_a_phone(browser: Browser, seeded: dict[str, Any]):
    browser.look(width=375)
    found = []
    for path in [*PUBLIC, *seeded["pages"].values()]:
        browser.open(path)
        found += both(browser, 375)
    assert found == []
