"""A mail's previews."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from django.test import RequestFactory
from wagtail.models import Locale

from tests import factories as make
from tests.content.support import person
from wagtail_drip.models import Step, previewing

pytestmark = pytest.mark.django_db
BODY = [{"type": "text", "value": "<p>Hi {{ first_name|you }}</p>", "id": "b1"}]


@pytest.fixture
def step() -> Step:
    return make.step("Hello", subject="<b>Hi</b>", preheader="For {{ first_name|you }}", body=BODY)


def shown(step, mode, reader=None) -> str:
    request = RequestFactory().get("/")
    setattr(request, previewing.READER, reader)
    return previewing.serve(step, request, mode).content.decode()


def test_a_mail_as_mail_programs_phones_and_dark_screens_have_it(step):
    html, dark, phone = (shown(step, mode) for mode in ("html", "dark", "phone"))
    assert "Hi Alex" in html and "@media all" in dark and "@media all" not in html
    frame = BeautifulSoup(phone, "html.parser").iframe
    assert "Hi Alex" in frame["srcdoc"] and "allow-scripts" not in frame["sandbox"]


def test_the_inbox_shows_sender_subject_and_preheader(step):
    step.sender_name = "Ann"
    page = BeautifulSoup(shown(step, "inbox", person(first_name="Bo")), "html.parser")
    rows = [row.get_text(" ", strip=True) for row in page.select(".row")]
    assert rows == ["Ann <b>Hi</b> – For Bo", "Ann <b>Hi</b> For Bo"]


def test_a_mail_without_a_preheader_says_what_inboxes_do(step):
    step.preheader = ""
    assert "There is no preheader" in shown(step, "inbox")


def test_text_is_text(step):
    step.subject = "<script>x</script>"
    page = BeautifulSoup(shown(step, "text"), "html.parser")
    assert "Hi Alex" in page.pre.get_text() and page.script is None


def test_each_language_as_it_was_saved_last(step, django_assert_num_queries):
    farsi = Locale.objects.create(language_code="fa")
    copy = step.copy_for_translation(farsi)
    copy.save()
    copy.subject = "سلام"
    copy.save_revision()
    with django_assert_num_queries(1):
        modes = [mode for mode, _label in step.preview_modes * 3]
    assert {"html", "html@fa", "inbox@fa"} <= set(modes)
    assert "سلام" in shown(step, "inbox@fa") and 'dir="rtl"' in shown(step, "html@fa")
    assert 'dir="rtl"' in shown(step, "text@fa") and "سلام" not in shown(step, "inbox")


def test_a_language_that_is_gone_is_the_mail_itself(step):
    assert "Hi Alex" in shown(step, "html@xx")
