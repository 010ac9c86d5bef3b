"""A campaign with a draft mail on its way through a workflow, a lock and a schedule."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.support.ui import Select

from .surfing import Browser
from .test_editor import log_in
from .test_tutorial import add_block

pytestmark = pytest.mark.browser
LIST = "/admin/snippets/wagtail_drip/campaign/"
WORKFLOW = """
from django.contrib.contenttypes.models import ContentType
from wagtail.models import Workflow, WorkflowContentType
from wagtail_drip.models import Campaign
kind = ContentType.objects.get_for_model(Campaign)
WorkflowContentType.objects.get_or_create(workflow=Workflow.objects.get(), content_type=kind)
"""
IT_IS_TIME = """
from django.utils import timezone
from wagtail.models import Revision
asked = Revision.objects.get(approved_go_live_at__isnull=False)
asked.approved_go_live_at = timezone.now()
asked.content = {**asked.content, "go_live_at": asked.approved_go_live_at.isoformat()}
asked.save()
"""


def choose(browser: Browser, label: str) -> None:
    """From the menu beside the button that saves."""
    browser.unfold("footer .w-dropdown__toggle", "footer .w-dropdown__content", number=-1)
    browser.click("footer button", label)


def status(browser: Browser, edit: str) -> None:
    """Open the panel that tells what becomes of a campaign."""
    browser.open(edit)
    browser.unfold("[aria-label='Toggle status']", ".form-side [data-a11y-dialog-show]")


@pytest.fixture
def workflow(manage: Callable[..., str]) -> None:
    manage("shell", "-c", WORKFLOW)


def test_approval_lock_and_schedule(browser: Browser, workflow: None, manage: Callable[..., str]):
    log_in(browser, "editor")
    browser.open(f"{LIST}add/")
    browser.write("[name=name]", "By two")
    Select(browser.one("[name=trigger]")).select_by_visible_text("Somebody signed up")
    browser.click("[role=tab]", "Settings")
    browser.write("[name=transactional_reason]", "you signed up.")
    browser.click("[role=tab]", "Flow")
    add_block(browser, "flow", "Send")
    browser.click('[data-drip="write"]', "Write new mail", number=-1)
    browser.write('[data-drip="name"]', "To approve")
    browser.click('[data-drip="create"]', "Write it")
    browser.goes_to("/step/edit/")
    browser.write("[name=subject]", "Read by two")
    add_block(browser, "body", "Text")
    browser.write(".public-DraftEditor-content", "Both of us have read it.")
    browser.click(".drip-back a", "Back to “By two”")
    browser.goes_to("/campaign/edit/")
    edit = browser.driver.current_url.partition("#")[0].removeprefix(browser.address)
    choose(browser, "Submit to Moderators approval")
    browser.says("has been submitted for moderation")

    log_in(browser, "admin")  # one approval publishes the campaign with its draft mail
    browser.open(edit)
    choose(browser, "Approve and Publish")
    browser.says("By two", ".messages")
    browser.open(LIST)
    assert "LIVE" in browser.says("By two", "table tr:has(a[href*='/edit/'])").upper()

    status(browser, edit)
    browser.click(".form-side label", "Lock")
    browser.says("was locked by you")
    log_in(browser, "editor")
    browser.open(edit)
    browser.says("By two", "h2, h1, .w-field__textoutput")
    assert not browser.all("footer button", "Save draft")
    log_in(browser, "admin")
    browser.open(edit)
    browser.click(".messages button", "Unlock")
    browser.says("is now unlocked")

    status(browser, edit)
    browser.write("[name=name]", "By two, later")
    browser.click(".form-side [data-a11y-dialog-show]")
    browser.write("[name=go_live_at]", "2030-01-01 09:00")
    browser.click("[role=dialog] h2", "Set publishing schedule")  # away with the calendar
    browser.click("[role=dialog] button", "Save schedule")
    browser.says("Jan. 1, 2030", ".form-side")
    choose(browser, "Schedule to publish")
    browser.says("has been scheduled")
    manage("shell", "-c", IT_IS_TIME)
    manage("publish_scheduled")
    browser.open(LIST)
    assert "LIVE" in browser.says("By two, later", "table tr").upper()
