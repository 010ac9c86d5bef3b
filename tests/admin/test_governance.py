"""Who approves what, what is kept of it, and the gate of a mail of its own."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from wagtail.models import GroupApprovalTask, ModelLogEntry, Workflow, WorkflowTask

from tests import factories as make
from tests.flow import flows
from wagtail_drip.flow.compiling import NotReady
from wagtail_drip.models import Campaign, SharedContent, Step

from .support import CAMPAIGNS, STEPS, client_of, texts, url

pytestmark = pytest.mark.django_db
BODY = [{"type": "text", "value": "<p>Hello</p>", "id": "b1"}]
EMPTY = {"body-count": "0", "name": "Hello", "subject": ""}


@pytest.fixture
def workflow() -> Workflow:
    workflow = Workflow.objects.create(name="Four eyes")
    task = GroupApprovalTask.objects.create(name="Look at it")
    WorkflowTask.objects.create(workflow=workflow, task=task)
    return workflow


def drafted(*steps: Step) -> Campaign:
    campaign = Campaign(name="Spring", trigger="user_signed_up", live=False)
    campaign.transactional_reason = "you asked for it"
    campaign.flow = json.dumps([flows.send(one.pk, id=f"s{one.pk}") for one in steps])
    campaign.save()
    campaign.save_revision()
    return campaign


def draft(name: str, **fields) -> Step:
    step = make.step(name, live=False, **{"body": BODY, **fields})
    step.save_revision()
    return step


def said_in_history(editor, row, name: str) -> str:
    return editor.get(reverse(name, args=[row.pk])).content.decode()


HISTORY = f"{CAMPAIGNS}:history"


def test_one_approval_publishes_a_campaign_with_its_draft_mails(workflow):
    steps = [draft("One"), draft("Two"), draft("Elsewhere")]
    campaign = drafted(*steps[:2])
    state = workflow.start(campaign, make.user())
    state.current_task_state.approve(user=make.user(is_superuser=True))
    assert Campaign.objects.get().live
    assert list(Step.objects.order_by("pk").values_list("live", flat=True)) == [True, True, False]


def test_an_approval_with_a_mail_that_can_not_go_changes_nothing(editor, workflow):
    campaign = drafted(draft("One"), draft("Two", subject=""))
    state = workflow.start(campaign, make.user())
    task = state.current_task_state
    name = "wagtailsnippets_wagtail_drip_campaign:workflow_action"
    editor.post(reverse(name, args=[campaign.pk, "approve", task.pk]), {"next": url("list")})
    said = texts(editor.get(url("list")))
    assert "“Spring” is not published, and still waits for approval:" in said
    assert "“Two”: The mail has no subject." in said
    task.refresh_from_db()
    assert task.status == task.STATUS_IN_PROGRESS and not Step.objects.filter(live=True)
    assert "Not published: “Two”: The mail has no subject." in said_in_history(
        editor, campaign, HISTORY
    )


@pytest.fixture
def reviewers(workflow) -> Group:
    group = Group.objects.create(name="Reviewers")
    GroupApprovalTask.objects.get(name="Look at it").groups.add(group)
    return group


def test_who_writes_mails_changes_none_that_is_being_approved(workflow, reviewers):
    step, live = draft("One"), make.step("Live", body=BODY)
    campaign = drafted(step, live)
    writer, reviewer = (client_of(name, "change_step") for name in ("writer", "reviewer"))
    get_user_model().objects.get(username="reviewer").groups.add(reviewers)
    state = workflow.start(campaign, make.user())

    def save(client, step: Step, name: str) -> str:
        client.post(url("edit", step), {"name": name, "subject": "x", "body-count": "0"})
        return Step.objects.get(pk=step.pk).get_latest_revision_as_object().name

    page = writer.get(url("edit", step)).content.decode()
    assert "will be published with “Spring”, which is awaiting moderation" in page
    assert "is awaiting moderation" not in reviewer.get(url("edit", step)).content.decode()
    assert save(writer, step, "Slipped in") == "One"
    assert save(writer, live, "Elsewhere") == "Elsewhere"  # it isn't published along
    assert save(reviewer, step, "Better") == "Better"
    state.current_task_state.reject(user=make.user(is_superuser=True))
    assert save(writer, step, "After all") == "After all"


def test_a_mail_of_another_flow_is_free_during_an_approval(workflow, reviewers):
    workflow.start(drafted(draft("One")), make.user())
    assert draft("Two").get_lock() is None


def test_a_campaign_stands_still_itself_while_it_is_approved(workflow, reviewers):
    campaign = drafted(draft("One"))
    workflow.start(campaign, make.user())
    lock = Campaign.objects.get().get_lock()
    assert lock.for_user(make.user()) and not lock.for_user(make.user(is_superuser=True))


def test_all_mails_are_previewed_at_once_as_their_drafts_have_them():
    live = make.step("Live", body=BODY)
    live.subject = "Changed since"
    live.save_revision()
    campaign = drafted(draft("One"), live, draft("Two"))
    html = campaign.make_preview_request(preview_mode="mails").content.decode()
    assert html.count("<iframe") == 3 and html.count(" sandbox>") == html.count("<iframe")
    assert html.index("One</bdi> · draft") < html.index("Live</bdi> · live, changed since")
    assert "<bdi>Changed since</bdi>" in html and "&lt;p" in html


def test_what_goes_by_another_channel_is_previewed_as_it_does():
    words = [{"type": "sms", "value": {"text": "The kettle is on"}, "id": "w1"}]
    text = make.step("Come", channel="sms", message=json.dumps(words))
    html = drafted(text).make_preview_request(preview_mode="mails").content.decode()
    assert "The kettle is on" in html and "Subject:" not in html


def test_a_reviewer_is_shown_all_mails_first(workflow, admin_user):
    campaign = drafted(draft("One"))
    assert campaign.default_preview_mode == ""
    workflow.start(campaign, admin_user)
    client = client_of("boss", is_superuser=True)
    address = reverse(f"{CAMPAIGNS}:workflow_preview", args=[campaign.pk, task_of(campaign).pk])
    assert "One</bdi> · draft" in client.get(address).content.decode()


def task_of(campaign: Campaign):
    return Campaign.objects.get(pk=campaign.pk).current_workflow_task


@pytest.mark.parametrize("mode", ["", "mails"])
def test_a_preview_opened_by_its_address_shows_what_was_saved_last(editor, mode):
    step = make.step("One", body=BODY)
    step.subject = "Saved last"
    step.save_revision()
    campaign = drafted(step)
    address = reverse(f"{CAMPAIGNS}:preview_on_edit", args=[campaign.pk])
    assert "“One”" in editor.get(f"{address}?mode={mode}").content.decode()
    address = reverse(f"{STEPS}:preview_on_edit", args=[step.pk])
    assert "<title>Saved last</title>" in editor.get(f"{address}?mode=html").content.decode()


def test_a_mail_that_can_not_be_sent_is_not_published_whichever_way(editor, caplog):
    step = draft("Hello", subject="{{ frist_name }}")
    data = {"name": "Hello", "subject": "{{ frist_name }}", "body-count": "0"}
    response = editor.post(url("edit", step), {**data, "action-publish": "1"})
    said = texts(editor.get(response.url))
    assert "“Hello” is saved as a draft." in said
    assert "there is no merge field {{ frist_name }}" in said and "no body" in said
    with pytest.raises(NotReady):
        step.save_revision().publish()
    step.refresh_from_db()
    assert not step.live

    step.go_live_at = timezone.now() + timedelta(days=1)
    revision = step.save_revision()
    revision.approved_go_live_at = timezone.now()
    revision.content["go_live_at"] = revision.approved_go_live_at.isoformat()
    revision.save()
    call_command("publish_scheduled")
    step.refresh_from_db()
    revision.refresh_from_db()
    assert not step.live and revision.approved_go_live_at is None
    history = said_in_history(editor, step, "wagtailsnippets_wagtail_drip_step:history")
    assert "Not published: Subject: there is no merge field" in history


def test_a_mail_s_own_approval_that_is_refused_stays_open(editor, workflow):
    step = draft("Hello", subject="")
    task = workflow.start(step, make.user()).current_task_state
    name = "wagtailsnippets_wagtail_drip_step:workflow_action"
    editor.post(reverse(name, args=[step.pk, "approve", task.pk]), {"next": url("edit", step)})
    task.refresh_from_db()
    assert task.status == task.STATUS_IN_PROGRESS
    assert "still waits for approval" in texts(editor.get(url("edit", step)))


def test_shared_content_passes_the_gate_too():
    body = [{"type": "text", "value": "<p>{{ nobody }}</p>", "id": "x"}]
    content = SharedContent(name="Foot", body=json.dumps(body), locale=make.locale(), live=False)
    content.save()
    with pytest.raises(NotReady, match="no merge field"):
        content.save_revision().publish()


def test_a_note_is_dated_signed_and_in_the_history(editor):
    campaign = make.campaign()
    address = url("overview", campaign)
    assert texts(editor.post(address, {"text": "Prices <b>checked</b>"}, follow=True))
    page = editor.get(address).content.decode()
    assert "Prices &lt;b&gt;checked&lt;/b&gt;" in page and "<bdi>editor</bdi>" in page
    assert "Note: Prices &lt;b&gt;checked" in said_in_history(editor, campaign, HISTORY)


def test_who_may_not_change_a_campaign_reads_its_notes_and_writes_none(editor):
    campaign = make.campaign()
    editor.post(url("overview", campaign), {"text": "Prices checked"})
    reader = client_of("reader", "view_campaign")
    page = reader.get(url("overview", campaign)).content.decode()
    assert "Prices checked" in page and "Write it down" not in page
    reader.post(url("overview", campaign), {"text": "Mine"})
    assert ModelLogEntry.objects.filter(action="wagtail_drip.note").count() == 1


def test_the_history_has_every_pause_resume_test_and_publishing(editor, settings):
    settings.WAGTAIL_DRIP_SENDING = "on"
    step = draft("Hello")
    campaign = drafted(step)
    step.save_revision().publish()
    campaign.save_revision().publish()
    campaign.refresh_from_db()
    campaign.pause(make.NOW)
    campaign.resume(make.NOW)
    test = reverse("wagtailsnippets_wagtail_drip_step:test", args=[step.pk])
    data = {"to": "me@example.com", "campaign": campaign.pk, "who": "sample"}
    editor.post(test, data)
    history = said_in_history(editor, campaign, HISTORY)
    for entry in (
        "Published",
        "Campaign paused",
        "Campaign resumed",
        "Test sent to 1 address: “Hello”",
    ):
        assert entry in history


def test_two_revisions_are_compared_in_words(editor):
    campaign = drafted(draft("One"))
    first = campaign.latest_revision
    campaign.name = "Summer"
    campaign.flow = json.dumps([flows.send(draft("Two").pk, id="other")])
    second = campaign.save_revision()
    name = "wagtailsnippets_wagtail_drip_campaign:revisions_compare"
    page = editor.get(reverse(name, args=[campaign.pk, first.pk, second.pk])).content.decode()
    assert "Summer" in page and "One" in page and "Two" in page
