"""What is written once and stands in many mails."""

from __future__ import annotations

import json

import pytest
from django.core import mail as django_mail
from django.db import transaction
from django.db.models import ProtectedError
from django.urls import reverse
from wagtail.models import Locale

from tests import factories as make
from tests.admin.support import client_of
from tests.content.support import make_all, make_one, person, source
from tests.queries import queries
from wagtail_drip.content.checking import problems
from wagtail_drip.content.personalizing import Hold
from wagtail_drip.engine import sending
from wagtail_drip.engine.files.references import from_reference, to_reference
from wagtail_drip.models import SharedContent

pytestmark = pytest.mark.django_db


def row(kind, value):
    return {"type": kind, "value": value, "id": f"id-{kind}"}


def shared(text="Open from nine", **fields):
    body = json.dumps([row("text", f"<p>{text}</p>")])
    fields.setdefault("site", make.site())
    fields.setdefault("locale", make.locale())
    return SharedContent.objects.create(name="Opening hours", body=body, **fields)


def showing(content):
    return source(("text", "<p>Hello</p>"), ("shared", content.pk))


def publish(content, text):
    content.body = json.dumps([row("text", f"<p>{text}</p>")])
    content.save_revision().publish()


def test_what_is_published_shows_in_the_next_mail(now):
    content = shared()
    step = make.step(body=[row("shared", content.pk)])
    campaign = make.campaign(nodes={"n1": make.send(step)})
    make.deliveries(campaign, 1)
    sending.send_due(now)
    publish(SharedContent.objects.get(), "Open from ten, {{ first_name|you }}")
    draft = SharedContent.objects.get()
    draft.body = json.dumps([row("text", "<p>Draft</p>")])
    draft.save_revision()
    make.deliveries(campaign, 1)
    sending.send_due(now)
    first, second = [message.body for message in django_mail.outbox]
    assert "Open from nine" in first and "Open from ten, you" in second


def test_mails_wait_for_what_is_not_published():
    content = shared(live=False)
    message = showing(content)
    assert problems(message) == [
        "Block 2 (Shared content): The shared content “Opening hours” is not published."
    ]
    made = make_one(message)
    assert made == Hold("The shared content “Opening hours” is not published.")


def test_mails_wait_for_what_is_gone():
    content = shared()
    SharedContent.objects.all()._raw_delete("default")
    made = make_one(showing(content))
    assert made == Hold("No shared content is chosen, or it no longer exists.")


def test_it_is_shown_in_the_language_of_the_mail():
    content = shared()
    persian = Locale.objects.create(language_code="fa")
    copy = content.copy_for_translation(persian)
    assert not copy.live
    copy.body = json.dumps([row("text", "<p>سلام</p>")])
    copy.save()
    message = source(("shared", content.pk), language="fa")
    assert "Open from nine" in make_one(message).text
    copy.save_revision().publish()
    assert "سلام" in make_one(source(("shared", content.pk), language="fa")).text
    assert "Open from nine" in make_one(showing(content)).text


def test_it_is_read_once_for_all_readers():
    content, counts = shared(), []
    for amount in (10, 500):
        people = [person(n) for n in range(amount)]
        counts.append(len(queries(make_all, showing(content), people)))
    assert counts[0] == counts[1] <= 3


def test_it_cannot_be_deleted_while_a_mail_shows_it():
    content = shared()
    step = make.step("Welcome", body=[row("show_if", {"content": [row("shared", content.pk)]})])
    for delete in (content.delete, SharedContent.objects.all().delete):
        with pytest.raises(ProtectedError, match="used in “Welcome”"), transaction.atomic():
            delete()
    step.delete()
    content.delete()


def test_it_cannot_hold_itself():
    content = shared()
    for body in (
        [row("shared", content.pk)],
        [row("show_if", {"content": [row("shared", content.pk)]})],
    ):
        SharedContent.objects.filter(pk=content.pk).update(body=json.dumps(body))
        found = problems(showing(content))
        assert any("no such block as “shared”" in problem for problem in found)
        assert isinstance(make_one(showing(content)), Hold)


def test_checks_name_what_is_wrong_inside():
    content = shared("{{ frist_name|you }}")
    assert problems(showing(content))[0].startswith("Block 2.1 (Text): there is no merge field")


def test_a_file_names_it_by_its_name():
    content = shared()
    reference = to_reference(SharedContent, content.pk, make.site())
    assert reference == "Opening hours"
    assert from_reference(SharedContent, reference, make.site()) == content.pk


def url(view, *args):
    return reverse(SharedContent.snippet_viewset.get_url_name(view), args=args)


def test_editors_write_it_see_it_and_are_told_why_it_stays():
    codes = [f"{verb}_sharedcontent" for verb in ("add", "change", "publish", "delete")]
    editor = client_of("editor", *codes)
    assert "is written once" in editor.get(url("list")).content.decode()
    data = {
        "name": "Hours",
        "body-count": "1",
        "body-0-deleted": "",
        "body-0-order": "0",
        "body-0-type": "heading",
        "body-0-id": "a",
        "body-0-value-text": "Open from nine",
        "body-0-value-size": "small",
    }
    editor.post(url("add"), {**data, "action-publish": "1"})
    content = SharedContent.objects.get()
    assert content.live and content.body[0].value["text"] == "Open from nine"
    page = editor.get(url("edit", content.pk)).content.decode()
    assert "Open from nine" in page
    preview = url("preview_on_edit", content.pk)
    assert editor.post(preview, data).json()["is_valid"]
    assert "Open from nine" in editor.get(preview).content.decode()
    make.step("Welcome", body=[row("shared", content.pk)])
    response = editor.post(url("delete", content.pk), follow=True)
    told = " ".join(str(message) for message in response.context["messages"])
    assert "it is used in “Welcome”" in told and SharedContent.objects.exists()
    assert editor.get(url("usage", content.pk)).status_code == 200
