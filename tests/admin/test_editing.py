from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth import get_user_model
from django.urls import reverse
from wagtail.models import GroupApprovalTask, Workflow, WorkflowTask
from wagtail.users.models import UserProfile

from tests import factories as make
from wagtail_drip.admin import editing
from wagtail_drip.admin.places import step_url
from wagtail_drip.models import Campaign, Step

from .support import client_of, form, latest, send, texts, url, wait

pytestmark = pytest.mark.django_db
BODY = [{"type": "text", "value": "<p>Hello</p>", "id": "b1"}]
JSON = {"accept": "application/json"}


def draft_step(name: str = "Hello") -> Step:
    step = make.step(name, live=False, body=BODY)
    step.save_revision(clean=False)
    return step


def add(client, *blocks, action="", **fields):
    data = form(*blocks, **fields)
    return client.post(url("add"), {**data, **({f"action-{action}": "1"} if action else {})})


def test_the_editor_has_three_tabs_with_the_same_address_in_every_language(editor):
    page = editor.get(url("add"), headers={"accept-language": "de"}).content.decode()
    for tab in ("tab-start", "tab-flow", "tab-settings"):
        assert f'id="{tab}"' in page


def test_the_name_stands_first_on_the_start_tab(editor):
    page = editor.get(url("add")).content.decode()
    assert page.index('name="name"') < page.index('name="trigger"') < page.index('id="tab-flow"')


@pytest.mark.parametrize("sites", [1, 2])
def test_the_site_is_asked_for_only_where_there_are_several(editor, sites):
    from wagtail.models import Page, Site

    if sites == 2:
        Site.objects.create(hostname="two.example", root_page=Page.objects.first())
    page = editor.get(url("add")).content.decode()
    assert ('name="site"' in page) is (sites == 2)


@pytest.mark.parametrize("make_row", [make.campaign, draft_step])
def test_publishing_can_be_scheduled(editor, make_row):
    assert 'name="go_live_at"' in editor.get(url("edit", make_row())).content.decode()


def test_an_unknown_trigger_shows_itself(editor):
    campaign = make.campaign(trigger="gone_event")
    page = editor.get(url("edit", campaign)).content.decode()
    assert "unknown event “gone_event”" in page


def test_an_incomplete_flow_is_saved_as_a_draft(editor):
    add(editor, send(None), wait(0))
    campaign = latest()
    assert not campaign.live
    assert [block.block_type for block in campaign.flow] == ["send", "wait"]


def test_two_campaigns_of_one_name_get_different_short_names(editor):
    add(editor, slug="welcome")
    add(editor, slug="welcome")
    assert set(Campaign.objects.values_list("slug", flat=True)) == {"welcome", "welcome-2"}


def test_a_name_in_another_script_makes_no_error(editor):
    response = add(editor, name="مرحبا", slug="")
    assert response.status_code == 302
    assert Campaign.objects.get().slug


def test_publishing_what_cannot_work_keeps_the_draft_and_names_the_block(editor):
    response = add(
        editor,
        send(None),
        wait(
            0,
        )
        | {"id": "w1"},
        action="publish",
    )
    campaign = latest()
    assert not Campaign.objects.get().live and len(campaign.flow) == 2
    page = editor.get(response.url)
    assert "Step 1, Send: no mail is chosen" in texts(page)
    assert "#block-w1-section" in texts(page)


@pytest.mark.parametrize("language", ["en", "fa", "de"])
def test_what_is_wrong_with_a_mail_leads_to_it(editor, language):
    user = get_user_model().objects.get(username="editor")
    UserProfile.objects.create(user=user, preferred_language=language)
    step = draft_step()
    response = add(editor, send(step), action="publish")
    assert step_url(step.pk, latest().pk).replace("&", "&amp;") in texts(editor.get(response.url))


def test_publishing_an_edited_campaign_that_cannot_work_keeps_the_live_version(editor):
    add(editor, send(make.step(body=BODY)), action="publish")
    campaign = Campaign.objects.get()
    data = form(send(None), **{"action-publish": "1"})
    editor.post(url("edit", campaign), data)
    assert Campaign.objects.get().current_version == campaign.current_version
    assert [block.value["step"] for block in latest().flow] == [None]


def test_a_name_that_says_html_stays_text_in_the_refusal(editor):
    response = add(editor, send(None), action="publish", name="<b>Hi</b>", slug="hi")
    page = editor.get(response.url)
    assert "&lt;b&gt;Hi&lt;/b&gt;" in texts(page)


def test_a_campaign_and_its_draft_mails_are_published_by_one_post(editor):
    steps = [draft_step("One"), draft_step("Two")]
    add(editor, *(send(step) for step in steps), action="publish-with-mails")
    assert Campaign.objects.get().live
    assert all(Step.objects.values_list("live", flat=True))


def test_where_the_gate_refuses_no_mail_is_published_either(editor):
    step = draft_step()
    response = add(editor, send(step), send(None), action="publish-with-mails")
    assert "Step 2, Send: no mail is chosen" in texts(editor.get(response.url))
    assert not Campaign.objects.get().live and not Step.objects.get().live


def test_a_locked_mail_is_not_published_along(editor):
    step = draft_step()
    Step.objects.update(locked=True, locked_by=make.user())
    response = add(editor, send(step), action="publish-with-mails")
    assert "“Hello” is locked" in texts(editor.get(response.url))
    assert not Step.objects.get().live


@pytest.mark.parametrize("right", [True, False])
def test_publishing_mails_along_needs_the_right_to_publish_mails(right):
    rights = ["add_campaign", "change_campaign", "publish_campaign"]
    client = client_of("publisher", *rights, *(["publish_step"] if right else []))
    add(client, send(draft_step()), action="publish-with-mails")
    assert Step.objects.get().live is right


def test_an_approval_that_the_gate_refuses_to_publish_says_so(editor):
    add(editor, send(None))
    campaign = Campaign.objects.get()
    task = GroupApprovalTask.objects.create(name="Look at it")
    workflow = Workflow.objects.create(name="Four eyes")
    WorkflowTask.objects.create(workflow=workflow, task=task)
    state = workflow.start(campaign, make.user())
    arguments = [campaign.pk, "approve", state.current_task_state.pk]
    address = reverse("wagtailsnippets_wagtail_drip_campaign:workflow_action", args=arguments)
    editor.post(address, {"next": url("list")})
    campaign = Campaign.objects.get()
    assert not campaign.live and "no mail is chosen" in campaign.refused_reason
    assert campaign.current_workflow_state.current_task_state == state.current_task_state
    said = texts(editor.get(url("list")))
    assert "still waits for approval" in said and "Step 1, Send: no mail is chosen" in said


def test_going_back_to_an_older_version_passes_the_gate_too(editor):
    add(editor, send(None))
    campaign = Campaign.objects.get()
    older = campaign.latest_revision
    editor.post(url("edit", campaign), form(send(make.step(body=BODY))))
    address = reverse(
        "wagtailsnippets_wagtail_drip_campaign:revisions_revert", args=[campaign.pk, older.pk]
    )
    response = editor.post(address, form(send(None), **{"action-publish": "1"}))
    assert "Step 1, Send: no mail is chosen" in texts(editor.get(response.url))


def test_autosave_keeps_an_incomplete_flow(editor):
    add(editor, send(None))
    campaign = Campaign.objects.get()
    response = editor.post(url("edit", campaign), form(send(None), wait(0)), headers=JSON)
    assert response.json()["success"]
    assert len(latest().flow) == 2


@pytest.mark.parametrize(("drafts", "label"), [(0, ""), (1, "its draft mail"), (3, "its 3 draft")])
def test_the_menu_offers_to_publish_the_draft_mails_with_their_number(editor, drafts, label):
    add(editor, *(send(draft_step(f"Mail {n}")) for n in range(drafts)))
    page = BeautifulSoup(editor.get(url("edit", Campaign.objects.get())).content, "html.parser")
    button = page.find("button", {"name": "action-publish-with-mails"})
    assert button.has_attr("hidden") is not bool(drafts)
    assert label in button.text


def test_autosave_tells_the_menu_how_many_draft_mails_there_are_now(editor):
    add(editor)
    data = form(send(draft_step("One")), send(draft_step("Two")))
    response = editor.post(url("edit", Campaign.objects.get()), data, headers=JSON)
    assert response.json()["publish_all"] == "Publish campaign with its 2 draft mails"


def test_an_autosave_under_way_does_not_undo_what_was_saved_meanwhile(editor, monkeypatch):
    add(editor)
    campaign, step = Campaign.objects.get(), draft_step()
    setup = editing.CampaignEditView.setup
    seen = {"loaded_revision_id": str(campaign.latest_revision_id)}

    def slow(view, request, *args, **kwargs):
        setup(view, request, *args, **kwargs)
        if view.expects_json_response:
            editor.post(url("edit", campaign), form(send(step)))

    monkeypatch.setattr(editing.CampaignEditView, "setup", slow)
    response = editor.post(url("edit", campaign), form(send(None), **seen), headers=JSON)
    assert response.json()["error_code"] == "invalid_revision"
    assert [block.value["step"] for block in latest().flow] == [step]


def test_a_problem_inside_a_mail_leads_to_that_mail(editor):
    step = make.step("Empty", body=[])
    response = add(editor, send(step), action="publish")
    campaign = Campaign.objects.get()
    assert f"{url('edit', step)}?campaign={campaign.pk}" in texts(editor.get(response.url))


def test_the_mail_lists_its_merge_fields_to_copy(editor):
    page = editor.get(url("edit", draft_step())).content.decode()
    for token in ("{{ first_name| }}", "{{ site_name }}"):
        assert f'data-w-clipboard-value-param="{token}"' in page


@pytest.mark.parametrize(("field", "entered"), [("audience", False), ("goals", True)])
def test_an_audience_is_not_asked_what_happened_since_entering(field, entered):
    conditions = Campaign._meta.get_field(field).stream_block.child_blocks
    asked = conditions["event_happened"].child_blocks
    since = dict(asked["since"].field.choices)
    assert ("entering" in since, "same" in asked) == (entered, entered)


def test_saving_goes_on_to_the_mail_that_is_to_be_written(editor):
    step = draft_step()
    response = add(editor, send(step), **{"drip-open-mail": str(step.pk)})
    campaign = Campaign.objects.get()
    assert response.url == f"{url('edit', step)}?campaign={campaign.pk}"


def test_what_cannot_be_saved_keeps_the_new_mail_chosen(editor):
    step = draft_step("The new one")
    response = add(editor, send(step), name="", **{"drip-open-mail": str(step.pk)})
    assert response.status_code == 200 and not Campaign.objects.exists()
    assert "The new one" in response.content.decode()


def test_the_mail_leads_back_to_the_flow_it_was_opened_from(editor):
    campaign, step = make.campaign(), draft_step()
    page = editor.get(f"{url('edit', step)}?campaign={campaign.pk}").content.decode()
    assert f'href="{url("edit", campaign)}#tab-flow"' in page
    assert "Back to “Welcome”" in page


@pytest.mark.parametrize("back", ["999", "https://evil.example/", "-1", "1e3", "²"])
def test_the_mail_leads_back_nowhere_else(editor, back):
    response = editor.get(url("edit", draft_step()), {"campaign": back})
    assert response.status_code == 200
    assert "drip-back" not in response.content.decode()


def test_the_way_back_survives_saving_the_mail(editor):
    campaign, step = make.campaign(), draft_step()
    edit = f"{url('edit', step)}?campaign={campaign.pk}"
    response = editor.post(edit, {"name": "Hello", "body-count": "0"})
    assert response.url == edit


def test_going_back_saves_what_was_typed_last(editor):
    campaign, step = make.campaign(), draft_step()
    edit = f"{url('edit', step)}?campaign={campaign.pk}"
    data = {"name": "Hello", "subject": "Typed last", "body-count": "0", "drip-go": "campaign"}
    assert editor.post(edit, data).url == f"{url('edit', campaign)}#tab-flow"
    step.refresh_from_db()
    assert step.get_latest_revision_as_object().subject == "Typed last"


def test_writing_a_mail_makes_a_draft_that_a_chooser_takes(editor):
    response = editor.post(reverse("wagtail_drip_admin:write_mail"), {"name": " Hello "})
    step = Step.objects.get()
    assert response.json() == {"id": step.pk, "string": "Hello", "edit_url": url("edit", step)}
    assert not step.live and step.latest_revision


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_a_mail_without_a_good_name_is_not_made(editor, name):
    response = editor.post(reverse("wagtail_drip_admin:write_mail"), {"name": name})
    assert response.status_code == 400 and response.json()["error"]
    assert not Step.objects.exists()


def test_writing_a_mail_needs_the_right_to_add_mails(author):
    author.post(reverse("wagtail_drip_admin:write_mail"), {"name": "Hello"})
    assert not Step.objects.exists()
    assert "drip-write-mail" not in author.get(url("add")).content.decode()


def test_reading_makes_no_mail(editor):
    assert editor.get(reverse("wagtail_drip_admin:write_mail")).status_code == 405
