"""The checks panel of a mail."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup

from tests import factories as make
from tests.flow import flows

from .support import url

pytestmark = pytest.mark.django_db
BODY = [{"type": "text", "value": "<p>Hello</p>", "id": "b1"}]


def test_errors_and_warnings_are_told_apart(editor):
    step = make.step("Hello", subject="{{ frist_name|x }}", body=BODY)
    page = editor.get(url("checks", step)).content.decode()
    assert page.index("Can't be sent") < page.index("Did you mean {{ first_name }}?")
    assert page.index("May be better") < page.index("There is no preheader")


def test_two_mails_of_a_series_that_look_alike(editor):
    one, two = (make.step(name, subject="Same", body=BODY) for name in ("One", "Two"))
    campaign = make.campaign(name="Series")
    campaign.flow = json.dumps([flows.send(one.pk, id="a"), flows.send(two.pk, id="b")])
    campaign.save()
    page = editor.get(url("checks", one)).content.decode()
    assert "“Two” in “Series” has the same subject." in page
    assert "“Two” in “Series” says the same." in page


def test_drafts_are_compared_as_their_editors_see_them(editor):
    one, two = (make.step(name, subject="Same", body=BODY) for name in ("One", "Two"))
    campaign = make.campaign(name="Series")
    campaign.flow = json.dumps([flows.send(one.pk, id="a"), flows.send(two.pk, id="b")])
    campaign.save_revision()  # in the draft alone
    assert "“Two” in “Series”" in editor.get(url("checks", one)).content.decode()
    two.subject, two.body = "Another", json.dumps([{**BODY[0], "value": "<p>Bye</p>"}])
    two.save_revision()
    assert "“Two” in “Series”" not in editor.get(url("checks", one)).content.decode()
    two.live, two.subject = False, "Same"
    two.save_revision()
    page = editor.get(url("checks", one)).content.decode()
    assert "has the same subject" in page and "says the same" not in page


def test_a_sender_whom_others_will_not_believe(editor):
    step = make.step("One", body=BODY, sender_email="shop@GMail.com")
    said = "comes from shop@GMail.com, and gmail.com tells others to refuse such mail."
    assert said in editor.get(url("checks", step)).content.decode()
    other = make.step("Two", body=BODY)
    campaign = make.campaign(name="Series", sender_email="shop@web.de")
    campaign.flow = json.dumps([flows.send(other.pk, id="a")])
    campaign.save()
    assert "comes from shop@web.de" in editor.get(url("checks", other)).content.decode()
    other.sender_email = "shop@books.example"
    other.save()
    assert "comes from" not in editor.get(url("checks", other)).content.decode()


def test_the_checks_are_of_what_was_saved_last(editor):
    step = make.step("Hello", body=BODY)
    step.save_revision()
    data = {"name": "Hello", "subject": "{{ <b>nobody</b> }}", "body-count": "0"}
    assert editor.post(url("edit", step), data, headers={"accept": "application/json"}).json()
    told = editor.get(url("checks", step)).content.decode()
    assert "The mail has no body" in told
    assert "&lt;b&gt;nobody" in told and "<b>" not in told


def test_the_editor_names_where_its_panel_asks(editor):
    step = make.step("Hello", body=BODY)
    assert f'data-url="{url("checks", step)}"' in editor.get(url("edit", step)).content.decode()


def test_axe_looks_at_the_mail_in_the_panel_and_there_alone(editor):
    step = make.step("Hello", body=BODY)
    address = f"{url('preview_on_edit', step)}?mode=html"
    beside = editor.get(f"{address}&in_preview_panel=true")
    assert "<wagtail-userbar>" in beside.text and "userbar.js" in beside.text
    assert "Content-Length" not in beside or int(beside["Content-Length"]) == len(beside.content)
    assert "userbar" not in editor.get(address).text


def test_axe_asks_of_mails_what_mails_have(editor):
    page = editor.get(url("edit", make.step("Hello", body=BODY)))
    found = BeautifulSoup(page.content, "html.parser").select_one("#checker-axe-configuration")
    asked = json.loads(found.text)["options"]["runOnly"]
    assert {"alt-text-quality", "heading-order", "image-alt"} <= set(asked)
    assert "empty-meta-description" not in asked


def test_who_may_not_write_mails_reads_no_checks(author):
    answer = author.get(url("checks", make.step("Hello", body=BODY)))
    assert answer.status_code == 302 and "checks" not in answer.url
