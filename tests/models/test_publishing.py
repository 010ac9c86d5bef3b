from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from wagtail.models import GroupApprovalTask, Locale, Revision, Site, Workflow, WorkflowTask

from tests import factories as make
from wagtail_drip.flow.compiling import NotReady
from wagtail_drip.models import Attribute, Campaign, Enrollment, Step, Version, publishing
from wagtail_drip.streams import with_ids

pytestmark = pytest.mark.django_db
BODY = [{"type": "text", "value": "<p>Hello</p>", "id": "b1"}]
HOUR = timedelta(hours=1)


def step(name="Hello", **fields) -> Step:
    return make.step(name, **{"body": BODY, **fields})


def send(step: Step | None, id: str = "") -> dict:
    pk = step.pk if step else None
    return {"type": "send", "value": {"step": pk}, "id": id or str(uuid4())}


def wait(amount=1, unit="days") -> dict:
    return {"type": "wait", "value": {"amount": amount, "unit": unit}, "id": str(uuid4())}


def draft(flow: list, **fields) -> Campaign:
    fields = {"trigger": "user_signed_up", "transactional_reason": "A receipt", **fields}
    campaign = Campaign(name=fields.pop("name", "Welcome"), live=False, **fields)
    campaign.flow = json.dumps(with_ids(flow))
    campaign.save()
    return campaign


def publish(campaign: Campaign, **options) -> Campaign:
    campaign.save_revision(clean=False).publish(**options)
    return Campaign.objects.get(pk=campaign.pk)


def change(campaign: Campaign, flow: list, **fields) -> Revision:
    """A newer draft with this flow."""
    campaign = Campaign.objects.get(pk=campaign.pk)
    campaign.flow = json.dumps(with_ids(flow))
    for name, value in fields.items():
        setattr(campaign, name, value)
    return campaign.save_revision(clean=False)


@pytest.fixture
def hello() -> Step:
    return step()


@pytest.fixture
def live(hello) -> Campaign:
    return publish(draft([send(hello, "s1")]))


# What publishing does


def test_publishing_writes_a_version_and_starts(hello):
    editor = make.user()
    campaign = draft([wait(), send(hello, "s1")])
    revision = campaign.save_revision()
    before = timezone.now()
    revision.publish(user=editor, skip_permission_checks=True)
    campaign.refresh_from_db()
    version = campaign.current_version
    assert campaign.status == "live"
    assert before <= campaign.started_at <= timezone.now()
    assert (version.number, version.revision, version.created_by) == (1, revision, editor)
    assert version.program["nodes"]["s1"]["step"] == str(hello.translation_key)
    assert [row.step_key for row in version.steps.all()] == [hello.translation_key]


def test_the_same_flow_under_another_name_makes_no_version(live, hello):
    change(live, [send(hello, "s1")], name="Hi there").publish()
    live.refresh_from_db()
    assert live.name == "Hi there"
    assert live.versions.count() == 1


def test_a_changed_flow_makes_the_next_version_and_starts_nothing_anew(live, hello):
    change(live, [wait(), send(hello, "s1")]).publish()
    again = Campaign.objects.get(pk=live.pk)
    assert again.current_version.number == 2
    assert again.started_at == live.started_at


def test_people_inside_keep_their_version(live, hello):
    inside = make.enrollment(live)
    change(live, [wait(), send(hello, "s1")]).publish()
    inside.refresh_from_db()
    assert inside.version.number == 1


def test_going_live_again_starts_anew_and_is_not_paused(live):
    Campaign.objects.update(started_at=make.NOW, paused_at=make.NOW)
    live = Campaign.objects.get()
    live.unpublish()
    again = publish(Campaign.objects.get())
    assert again.started_at > make.NOW
    assert again.status == "live"


def test_a_revision_brings_nothing_back(live, hello):
    """Revisions hold every field; what became of the campaign belongs to the row."""
    old = change(live, [wait(), send(hello, "s1")])
    Campaign.objects.update(paused_at=make.NOW, started_at=make.NOW)
    old.publish()
    live.refresh_from_db()
    assert (live.paused_at, live.started_at) == (make.NOW, make.NOW)
    assert live.current_version.number == 2


def test_publishing_through_a_stale_instance_keeps_what_is_in_the_row(live, hello):
    stale = Campaign.objects.get(pk=live.pk)
    revision = change(live, [send(hello, "s1")])
    Campaign.objects.update(paused_at=make.NOW)
    stale.publish(revision)
    live.refresh_from_db()
    assert live.paused_at == make.NOW


def test_a_go_live_date_ahead_only_schedules(hello):
    campaign = draft([send(hello)], go_live_at=timezone.now() + HOUR)
    campaign = publish(campaign)
    assert not campaign.live
    assert campaign.current_version is None
    assert campaign.started_at is None


def test_versions_of_one_flow_have_one_digest_each_time(live, hello):
    first = live.current_version.program_digest
    change(live, [wait(), send(hello, "s1")]).publish()
    change(live, [send(hello, "s1")]).publish()
    digests = live.versions.order_by("number").values_list("program_digest", flat=True)
    assert digests[2] == digests[0] == first != digests[1]


# The gate


def test_a_refused_publishing_changes_nothing_and_names_the_block(hello):
    campaign = draft([send(hello), wait(0), send(None)])
    with pytest.raises(NotReady) as refused:
        publish(campaign)
    assert refused.value.messages == [
        "Step 2, Wait: it has to wait at least 1",
        "Step 3, Send: no mail is chosen",
    ]
    campaign.refresh_from_db()
    assert not campaign.live
    assert not Version.objects.exists()
    assert campaign.refused_at is None


def problems(campaign: Campaign) -> str:
    return "\n".join(str(problem) for problem in campaign.gate())


def test_a_fine_campaign_passes(hello):
    assert draft([send(hello)]).gate() == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"trigger": ""}, "isn't chosen what starts"),
        ({"trigger": "moon_rose"}, "no event “moon_rose”"),
        ({"transactional_reason": " "}, "Choose a mailing topic"),
        ({"holds_others": True}, "others can't wait for one"),
        ({"time_zone": "Europe/Atlantis"}, "no time zone “Europe/Atlantis”"),
    ],
)
def test_what_the_start_lacks(hello, fields, says):
    assert says in problems(draft([send(hello)], **fields))


def stream(slug, **args) -> str:
    return json.dumps([{"type": slug, "value": args, "id": "c1"}])


def test_conditions_of_audience_and_goals_are_checked(hello):
    campaign = draft([send(hello)])
    campaign.audience = stream("event_happened", event="user_signed_up", since="entering")
    campaign.goals = stream("topic", topic="olds")
    found = problems(campaign)
    assert "Only for people who: “since they entered” can't be asked" in found
    assert "Goal: there is no mailing topic “olds”" in found


def test_an_unknown_condition_is_named(hello):
    campaign = draft([send(hello)], audience=stream("moon_phase"))
    campaign.refresh_from_db()
    assert "Only for people who: this site has no condition “moon_phase”" in problems(campaign)


def test_a_mail_must_be_published(hello):
    Step.objects.update(live=False)
    assert problems(draft([send(hello)])) == "Step 1, Send: “Hello” is not published"


def test_a_mail_must_be_able_to_go_out():
    empty = step("Empty", subject="")
    assert "Step 1, Send: “Empty”: The mail has no subject." in problems(draft([send(empty)]))


def test_a_mail_must_be_of_the_same_site(hello):
    Step.objects.update(site=Site.objects.create(hostname="b", root_page_id=1))
    assert "“Hello” belongs to another site" in problems(draft([send(hello)]))


def test_a_deleted_mail_is_named(hello):
    campaign = draft([send(hello)])
    hello.delete()
    campaign = Campaign.objects.get(pk=campaign.pk)
    assert problems(campaign) == "Step 1, Send: its mail was deleted"


def test_a_block_that_nobody_knows_any_more_is_kept_and_named(hello):
    campaign = draft([send(hello), {"type": "fax", "value": {"to": "1"}, "id": "f"}])
    campaign = Campaign.objects.get(pk=campaign.pk)
    campaign.save()
    stored = json.loads(Campaign.objects.get().save_revision().content["flow"])
    assert stored[1] == {"type": "fax", "value": {"to": "1"}, "id": "f"}
    assert problems(campaign) == "Step 2, fax: this site has no such block"


def test_the_gate_asks_as_often_for_many_blocks_as_for_few(hello):
    asked = {"type": "topic", "value": {"topic": "news"}}
    way = {"match": "all", "conditions": [asked], "yes": [send(hello)], "no": []}
    make.topic("news")
    few = draft([send(hello), {"type": "if_else", "value": way}])
    branches = [{"type": "if_else", "value": json.loads(json.dumps(way))} for _ in range(30)]
    for branch in branches:
        branch["value"]["yes"][0]["id"] = ""
    many = draft([send(hello), *branches], name="Many")
    assert many.gate() == few.gate() == []
    counts = []
    for campaign in (few, many):
        campaign = Campaign.objects.get(pk=campaign.pk)
        with CaptureQueriesContext(connection) as queries:
            campaign.gate()
        counts.append(len(queries))
    assert counts[0] == counts[1]


# Where nobody watches


def schedule(revision: Revision) -> None:
    Revision.objects.filter(pk=revision.pk).update(
        approved_go_live_at=timezone.now() - timedelta(minutes=1)
    )


def test_a_refused_schedule_keeps_the_live_version_and_the_others_go_on(live, hello):
    other = draft([send(hello)], name="Other")
    schedule(change(live, [send(None)]))
    schedule(other.save_revision())
    call_command("publish_scheduled")
    live.refresh_from_db()
    other.refresh_from_db()
    assert live.live
    assert live.current_version.number == 1
    assert live.refused_reason == "Step 1, Send: no mail is chosen"
    assert live.refused_at is not None
    assert other.live
    assert not Revision.objects.filter(approved_go_live_at__isnull=False).exists()


def test_a_schedule_that_passes_publishes(live, hello):
    schedule(change(live, [wait(), send(hello)]))
    call_command("publish_scheduled")
    live.refresh_from_db()
    assert live.current_version.number == 2


def test_publishing_forgets_the_last_refusal(live, hello):
    Campaign.objects.update(refused_at=make.NOW, refused_reason="Because")
    change(live, [send(hello, "s1")]).publish()
    live.refresh_from_db()
    assert (live.refused_at, live.refused_reason) == (None, "")


def test_a_check_that_breaks_refuses_and_stops_nothing(live, hello, monkeypatch, caplog):
    schedule(change(live, [wait(), send(hello)]))
    monkeypatch.setattr(publishing, "gate", lambda campaign: 1 / 0)
    call_command("publish_scheduled")
    live.refresh_from_db()
    assert "could not be checked: division by zero" in live.refused_reason
    assert "can't be checked" in caplog.text


@pytest.fixture
def approve():
    """Sends a campaign's latest revision through a workflow with one approval."""
    workflow = Workflow.objects.create(name="Two eyes")
    task = GroupApprovalTask.objects.create(name="Look at it")
    task.groups.add(Group.objects.create(name="Lookers"))
    WorkflowTask.objects.create(workflow=workflow, task=task, sort_order=1)

    def run(campaign: Campaign) -> None:
        user = make.user(is_superuser=True)
        state = workflow.start(Campaign.objects.get(pk=campaign.pk), user)
        state.current_task_state.approve(user=user)

    return run


def test_a_workflow_s_approval_publishes(hello, approve):
    campaign = draft([send(hello)])
    campaign.save_revision()
    approve(campaign)
    campaign.refresh_from_db()
    assert campaign.live
    assert campaign.current_version.number == 1


def test_of_an_approval_that_the_gate_refuses_the_task_stays(live, approve):
    change(live, [send(None)])
    with pytest.raises(NotReady, match="no mail is chosen"):
        approve(live)
    live.refresh_from_db()
    assert live.current_version.number == 1
    assert not live.workflow_states.filter(status="approved").exists()


# Pausing, outline, preview


def test_pausing_and_resuming_once_each(live):
    user, now = make.user(), datetime(2026, 3, 2, tzinfo=UTC)
    assert live.pause(now, user)
    assert not live.pause(now, user)
    live.refresh_from_db()
    assert (live.status, live.paused_at) == ("paused", now)
    assert live.resume(now, user)
    assert not live.resume(now, user)
    live.refresh_from_db()
    assert live.status == "live"


def test_a_draft_can_t_be_paused(hello):
    assert not draft([send(hello)]).pause(make.NOW)


def test_the_outline_nests_as_the_flow_does(hello, django_assert_num_queries):
    asked = {"type": "event_happened", "value": {"event": "user_signed_up", "since": "ever"}}
    way = {"match": "none", "conditions": [asked], "yes": [send(hello)], "no": []}
    leave = {"type": "leave", "value": {"reason": "bought it"}}
    campaign = draft([wait(2), {"type": "if_else", "value": way}, leave, send(None)])
    campaign = Campaign.objects.get(pk=campaign.pk)
    with django_assert_num_queries(1):
        lines = campaign.outline()
    assert [line.text for line in lines] == [
        "Wait 2 days",
        "If it is not so that they signed up",
        "Leave the campaign: bought it",
        "Send “no mail”",
    ]
    assert [(way, [line.text for line in inner]) for way, inner in lines[1].ways] == [
        ("yes", ["Send “Hello”"]),
        ("no", []),
    ]


def test_the_campaign_s_preview_reads_its_flow(live):
    live.goals = stream("event_happened", event="user_signed_up", since="entering")
    html = live.make_preview_request(preview_mode="").content.decode()
    assert "Send “Hello”" in html
    assert "they signed up since they entered" in html


def test_a_mail_s_preview_has_html_and_text(hello):
    html, text = (hello.make_preview_request(preview_mode=mode) for mode in ("html", "text"))
    assert "<p" in html.content.decode()
    assert "<pre>" in text.content.decode()
    assert "Hello" in text.content.decode()


# What a row gets when nobody fills it in


def test_a_campaign_gets_its_site_and_a_free_ascii_slug():
    names = ["Für Überzeugte!", "Für Überzeugte", "书"]
    rows = [Campaign.objects.create(name=name) for name in names]
    assert [row.slug for row in rows] == ["fur-uberzeugte", "fur-uberzeugte-2", "shu"]
    assert rows[0].site == Site.objects.get()


def test_a_given_slug_stays_and_a_long_name_fits():
    assert Campaign.objects.create(name="A", slug="My-Slug").slug == "my-slug"
    assert len(Campaign.objects.create(name="x" * 200).slug) <= 100


def test_a_step_gets_its_site():
    assert Step.objects.create(name="A").site == Site.objects.get()


def test_a_translation_is_a_draft(hello):
    copy = hello.copy_for_translation(Locale.objects.create(language_code="de"))
    copy.save()
    copy.refresh_from_db()
    assert not copy.live
    assert copy.first_published_at is None
    assert copy.translation_key == hello.translation_key


# Steps in use


@pytest.mark.parametrize(("subject", "goes"), [("Hi", True), ("{{ nobody }}", False)])
def test_a_draft_that_is_saved_as_live_passes_the_gate(subject, goes):
    """As wagtail-localize does, before it publishes."""
    body = [{"type": "text", "value": "<p>Hello</p>"}]
    step = Step.objects.get(pk=make.step(live=False, subject=subject, body=body).pk)
    step.live = True
    step.save()
    assert Step.objects.get(pk=step.pk).live is goes


def test_what_is_live_stays_so_when_it_is_saved():
    step = Step.objects.get(pk=make.step(subject="{{ nobody }}").pk)
    step.save()
    assert Step.objects.get(pk=step.pk).live


def test_a_step_of_a_live_campaign_can_t_be_deleted(live, hello):
    with pytest.raises(ProtectedError, match="“Hello” can't be deleted: it is used in “Welcome”"):
        hello.delete()
    with pytest.raises(ProtectedError), transaction.atomic():
        Step.objects.filter(pk=hello.pk).delete()
    assert hello.used_in() == [live]


def test_a_step_that_somebody_still_has_before_them_can_t_be_deleted(live, hello):
    inside = make.enrollment(live)
    live.unpublish()
    assert hello.used_in() == [live]
    Enrollment.objects.filter(pk=inside.pk).update(state="completed")
    assert hello.used_in() == []
    hello.delete()


def test_a_step_of_an_old_version_only_may_go(live, hello):
    change(live, [send(step("Other"))]).publish()
    assert hello.used_in() == []


# Where a flow leads


def enter(campaign: Campaign) -> dict:
    return {"type": "enroll", "value": {"campaign": campaign.pk}, "id": str(uuid4())}


def told(campaign: Campaign) -> list[str]:
    return [str(problem) for problem in campaign.gate()]


def test_a_flow_leads_only_into_live_campaigns():
    other = draft([send(step())], name="Other")
    first = draft([send(step()), enter(other)])
    assert told(first) == ["Step 2, Enter another campaign: “Other” is not live: nobody can enter"]
    publish(other)
    assert told(first) == []
    Campaign.objects.filter(pk=other.pk).delete()
    assert told(first) == ["Step 2, Enter another campaign: its campaign was deleted"]


def test_campaigns_that_lead_round_and_round_are_refused():
    third = publish(draft([send(step())], name="Third"))
    second = publish(draft([send(step()), enter(third)], name="Second"))
    first = publish(draft([send(step()), enter(second)], name="First"))
    newer = change(third, [send(step()), enter(first)])
    text = "people would go round and round: Third → First → Second → Third"
    with pytest.raises(NotReady, match=text):
        newer.publish()


def test_a_campaign_that_leads_into_itself_is_refused():
    alone = draft([send(step())], name="Alone")
    newer = change(alone, [send(step()), enter(alone)])
    assert "Alone → Alone" in told(newer.as_object())[0]


def test_a_mail_that_the_sites_language_lacks_is_refused():
    german = Locale.objects.create(language_code="de")
    translated = step("Hallo", locale=german)
    found = told(draft([send(translated)]))
    assert found == [
        "Step 1, Send: “Hallo” is in German and is not published in the site's language"
    ]
    step("Hello", translation_key=translated.translation_key, locale=make.site().root_page.locale)
    assert told(draft([send(translated)])) == []


def test_an_attribute_must_be_there_and_may_have_that_value():
    def setting(key, value):
        block = {"type": "set_attribute", "value": {"key": key, "value": value}, "id": "a"}
        return told(draft([send(step()), block]))

    assert "there is no attribute “size”" in setting("size", "42")[0]
    Attribute.objects.create(label="Size", key="size", type="number")
    assert setting("size", "42") == []
    assert "it must be a number" in setting("size", "large")[0]


def test_a_flow_of_an_earlier_format_that_does_the_same_is_no_new_version():
    campaign = publish(draft([wait(), send(step())]))
    old = campaign.current_version
    for node in old.program["nodes"].values():
        if node["kind"] == "wait":
            del node["spec"]["type"]
    old.program["format"], old.program_digest = 1, "of then"
    old.save()
    publish(campaign)
    assert Campaign.objects.get().current_version == old
