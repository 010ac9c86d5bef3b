"""Publishing a changed flow over people inside asks what becomes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from wagtail.models import GroupApprovalTask, ModelLogEntry, Workflow, WorkflowTask

from tests import factories as make
from tests.queries import queries
from wagtail_drip.engine import ticking
from wagtail_drip.models import Campaign, Enrollment, Step, Version

from .support import client_of, form, latest, send, texts, url, wait

pytestmark = pytest.mark.django_db
BODY = [{"type": "text", "value": "<p>Hello</p>", "id": "b1"}]


@pytest.fixture
def mail() -> Step:
    return make.step("Hello", body=BODY)


@pytest.fixture
def live(editor, mail) -> Campaign:
    """A live campaign that waits a day, sends and waits; five people stand inside."""
    blocks = [wait(1) | {"id": "w1"}, send(mail) | {"id": "s1"}, wait(2) | {"id": "w2"}]
    editor.post(url("add"), form(*blocks, **{"action-publish": "1"}))
    campaign = Campaign.objects.get()
    Campaign.objects.update(started_at=make.NOW - timedelta(days=7))
    make.enrollments(campaign, 2, node="w1")
    make.enrollments(campaign, 3, node="w2")
    return campaign


def without_first_wait(mail, action="publish", **fields):
    blocks = [send(mail) | {"id": "s1"}, wait(2) | {"id": "w2"}]
    return form(*blocks, **{f"action-{action}": "1"}, **fields)


def versions() -> list[tuple[int, str]]:
    return list(Version.objects.order_by("number").values_list("number", "choice"))


def test_it_asks_with_who_stands_where_and_would_go_where(editor, live, mail):
    response = editor.post(url("edit", live), without_first_wait(mail))
    assert versions() == [(1, "keep")]
    page = editor.get(response.url)
    assert [(r.place, r.people, r.target) for r in page.context["rows"]] == [
        ("Wait 1 day", 2, "Send “Hello”"),
        ("Wait 2 days", 3, ""),
    ]
    assert "5 people are inside this campaign" in page.content.decode()
    assert versions() == [(1, "keep")]


@pytest.mark.parametrize(
    ("choice", "stand"),
    [
        ("keep", {("active", 1, "w1"), ("active", 1, "w2")}),
        ("move", {("active", 2, "w2")}),  # the mail went out at once
        ("leave", {("left", 1, "w1"), ("left", 1, "w2")}),
    ],
)
def test_the_choice_is_done_and_remembered(editor, live, mail, choice, stand):
    Enrollment.objects.update(due_at=make.NOW + timedelta(days=30))
    asked = editor.post(url("edit", live), without_first_wait(mail)).url
    response = editor.post(asked, {"choice": choice})
    assert "“Welcome” is published." in texts(editor.get(response.url))
    assert versions() == [(1, "keep"), (2, choice)]
    ticking.tick(make.NOW)
    assert set(Enrollment.objects.values_list("state", "version__number", "node")) == stand
    entry = ModelLogEntry.objects.get(action="wagtail_drip.version")
    assert entry.data == {"version": 2, "choice": choice, "people": 5}
    assert "Version 2 published: 5 people were inside" in entry.message


def test_nobody_inside_or_nothing_changed_asks_nothing(editor, live, mail):
    same = [wait(1) | {"id": "w1"}, send(mail) | {"id": "s1"}, wait(2) | {"id": "w2"}]
    editor.post(url("edit", live), form(*same, name="New name", **{"action-publish": "1"}))
    assert Campaign.objects.get().name == "New name" and versions() == [(1, "keep")]
    Enrollment.objects.update(state="completed")
    editor.post(url("edit", live), without_first_wait(mail))
    assert versions() == [(1, "keep"), (2, "keep")]


def test_a_choice_is_one_of_three(editor, live, mail):
    asked = editor.post(url("edit", live), without_first_wait(mail)).url
    assert editor.post(asked, {"choice": "burn"}).status_code == 200
    assert versions() == [(1, "keep")]


def test_a_refusal_comes_before_the_question(editor, live):
    response = editor.post(url("edit", live), form(send(None), **{"action-publish": "1"}))
    assert "no mail is chosen" in texts(editor.get(response.url))


def test_mails_published_along_wait_for_the_answer(editor, live):
    draft = make.step("Draft", live=False, body=BODY)
    draft.save_revision(clean=False)
    data = form(send(draft), **{"action-publish-with-mails": "1"})
    asked = editor.post(url("edit", live), data).url
    assert editor.get(asked).status_code == 200
    assert not Step.objects.get(pk=draft.pk).live
    editor.post(asked, {"choice": "move"})
    assert Step.objects.get(pk=draft.pk).live
    assert versions() == [(1, "keep"), (2, "move")]


def test_a_schedule_carries_the_choice(editor, live, mail):
    moment = timezone.now() + timedelta(days=1)
    data = without_first_wait(mail, go_live_at=moment.strftime("%Y-%m-%d %H:%M"))
    asked = editor.post(url("edit", live), data).url
    assert "Schedule with this choice" in editor.get(asked).content.decode()
    editor.post(asked, {"choice": "leave"})
    assert versions() == [(1, "keep")]
    page = editor.get(url("edit", live)).content.decode()
    assert "5 people are inside, and they leave the campaign." in page
    revision = live.revisions.exclude(approved_go_live_at=None).get()
    revision.content["go_live_at"] = None
    revision.publish(log_action="wagtail.publish.scheduled")
    assert versions() == [(1, "keep"), (2, "leave")]


@pytest.fixture
def workflow(db) -> Workflow:
    from django.contrib.contenttypes.models import ContentType
    from wagtail.models import WorkflowContentType

    workflow = Workflow.objects.create(name="Four eyes")
    task = GroupApprovalTask.objects.create(name="Look at it")
    WorkflowTask.objects.create(workflow=workflow, task=task)
    content_type = ContentType.objects.get_for_model(Campaign)
    WorkflowContentType.objects.create(workflow=workflow, content_type=content_type)
    return workflow


def test_a_workflow_carries_the_choice(author, live, mail, workflow):
    asked = author.post(url("edit", live), without_first_wait(mail, "submit", slug="welcome")).url
    author.post(asked, {"choice": "move"})
    state = live.current_workflow_state
    state.current_task_state.approve(user=make.user(is_superuser=True))
    assert versions() == [(1, "keep"), (2, "move")]


def test_a_choice_about_another_flow_is_void(editor, live, mail, workflow):
    asked = editor.post(url("edit", live), without_first_wait(mail, "submit", slug="welcome")).url
    editor.post(asked, {"choice": "move"})
    editor.post(url("edit", live), form(send(mail)))
    assert (latest().choice, latest().choice_over) == ("keep", None)


def test_reverted_to_or_published_again_by_code_it_keeps_people(editor, live, mail):
    asked = editor.post(url("edit", live), without_first_wait(mail)).url
    editor.post(asked, {"choice": "leave"})
    moved = live.revisions.latest("pk")
    first = live.revisions.earliest("pk")
    first.publish()
    moved.publish()
    assert versions() == [(1, "keep"), (2, "leave"), (3, "keep"), (4, "keep")]


def test_a_draft_that_changed_meanwhile_is_not_published(editor, live, mail):
    asked = editor.post(url("edit", live), without_first_wait(mail)).url
    editor.post(url("edit", live), form(send(mail)))
    response = editor.post(asked, {"choice": "move"})
    assert "in the meantime" in texts(editor.get(response.url))
    assert versions() == [(1, "keep")]


@pytest.mark.parametrize(
    ("rights", "goal", "allowed"),
    [
        (["change_campaign"], "publish", False),
        (["change_campaign", "publish_campaign"], "publish", True),
        (["change_campaign", "publish_campaign"], "publish-with-mails", False),
        (["publish_campaign"], "submit", False),
    ],
)
def test_answering_needs_the_right_to_do_it(editor, live, mail, rights, goal, allowed):
    asked = editor.post(url("edit", live), without_first_wait(mail)).url
    client = client_of("someone", *rights)
    client.post(asked.replace("/publish/", f"/{goal}/"), {"choice": "move"})
    assert (versions()[-1] == (2, "move")) is allowed


def test_as_many_queries_for_many_as_for_few(editor, live, mail):
    asked = editor.post(url("edit", live), without_first_wait(mail)).url
    editor.get(asked)
    few = len(queries(editor.get, asked))
    make.enrollments(live, 50, node="w1")
    make.enrollments(live, 5, node="s1")
    assert len(queries(editor.get, asked)) == few
