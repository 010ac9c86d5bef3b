"""The checks panel of a mail, and the warning before a page goes that mails lead to."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse
from wagtail.models import Page

from tests import factories as make
from tests.flow import flows
from wagtail_drip.admin.used_pages import warning
from wagtail_drip.models import Step

from .support import texts, url

pytestmark = pytest.mark.django_db
BODY = [{"type": "text", "value": "<p>Hello</p>", "id": "b1"}]


@pytest.fixture
def page() -> Page:
    return Page.objects.get(depth=2).add_child(instance=Page(title="Sale", slug="sale"))


@pytest.fixture
def campaign(page):
    campaign = make.campaign(name="Spring")
    step = Step.objects.get()
    link = f'<p><a linktype="page" id="{page.pk}">Go</a></p>'
    step.body = json.dumps([{"type": "text", "value": link, "id": "b1"}])
    step.save()
    return campaign


def test_errors_and_warnings_are_told_apart(editor):
    step = make.step("Hello", subject="{{ frist_name|x }}", body=BODY)
    page = editor.get(url("edit", step)).content.decode()
    assert page.index("Can't be sent") < page.index("Did you mean {{ first_name }}?")
    assert page.index("May be better") < page.index("There is no preheader")


def test_two_mails_of_a_series_that_look_alike(editor):
    one, two = (make.step(name, subject="Same", body=BODY) for name in ("One", "Two"))
    campaign = make.campaign(name="Series")
    campaign.flow = json.dumps([flows.send(one.pk, id="a"), flows.send(two.pk, id="b")])
    campaign.save()
    page = editor.get(url("edit", one)).content.decode()
    assert "“Two” in “Series” has the same subject." in page
    assert "“Two” in “Series” says the same." in page


def warned(response) -> bool:
    said = texts(response)
    return "Mails of 1 live campaign lead to “Sale”" in said and "“Spring”" in said


def test_a_page_that_mails_lead_to_warns_before_it_is_deleted(editor, campaign, page):
    make.delivery(make.enrollment(campaign))
    response = editor.get(reverse("wagtailadmin_pages:delete", args=[page.pk]))
    assert warned(response) and "Next send:" in texts(response)


def test_unpublishing_it_is_asked_once_more(editor, campaign, page):
    address = reverse("wagtailadmin_pages:unpublish", args=[page.pk])
    assert warned(editor.post(address, follow=True))
    page.refresh_from_db()
    assert page.live
    editor.post(address)
    page.refresh_from_db()
    assert not page.live


def test_a_page_that_no_live_mail_leads_to_warns_of_nothing(campaign, page):
    assert warning(page)
    Step.objects.update(live=False)
    assert warning(page) == ""
