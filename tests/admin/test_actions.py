from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from tests import factories as make
from wagtail_drip.engine import ticking
from wagtail_drip.models import Campaign, Enrollment

from .support import texts, url

pytestmark = pytest.mark.django_db


def test_pausing_asks_first_with_how_many_are_inside(editor):
    campaign = make.campaign()
    make.enrollments(campaign, 3)
    response = editor.get(url("pause", campaign))
    assert response.context["header_title"] == "Pause: Welcome"
    assert not response.context["breadcrumbs_items"]  # they would take the title's place
    assert "3 people are inside now." in response.content.decode()
    assert Campaign.objects.get().status == "live"


def test_pausing_and_resuming_are_logged_with_who_did_it(editor):
    campaign = make.campaign()
    editor.post(url("pause", campaign))
    assert Campaign.objects.get().status == "paused"
    editor.post(url("resume", campaign), {"how": "continue", "limit": "2"})
    assert Campaign.objects.get().status == "live"
    told = ModelLogEntry.objects.filter(action__startswith="wagtail_drip.")
    assert {(entry.action, entry.user.username) for entry in told} == {
        ("wagtail_drip.pause", "editor"),
        ("wagtail_drip.resume", "editor"),
    }


def test_resuming_says_what_each_way_would_do_before_it_is_clicked(editor):
    now = timezone.now()
    campaign = make.campaign(paused_at=now - timedelta(days=2))
    for days in (0.5, 1.5):
        row = make.enrollment(campaign, entered_at=now - timedelta(days=2))
        make.delivery(row, due_at=now - timedelta(days=days))
    page = editor.get(url("resume", campaign)).content.decode()
    assert "2 mails became due in the meantime." in page
    assert "a day: 1 mail<" in page and "an hour: 2 mails<" in page
    editor.post(url("resume", campaign), {"how": "skip", "limit": "2"})
    assert set(make.Delivery.objects.values_list("state", "reason")) == {
        ("skipped", "stale"),
        ("waiting", ""),
    }
    assert Campaign.objects.get().status == "live"


@pytest.mark.parametrize(
    "data", [{}, {"how": "burst", "limit": "2"}, {"how": "skip", "limit": "9"}]
)
def test_how_it_goes_on_has_to_be_chosen(editor, data):
    campaign = make.campaign(paused_at=make.NOW)
    assert editor.post(url("resume", campaign), data).status_code == 200
    assert Campaign.objects.get().status == "paused"


def test_stopping_asks_first_with_how_many_would_leave(editor):
    campaign = make.campaign()
    make.enrollments(campaign, 2)
    page = editor.get(url("unpublish", campaign)).content.decode()
    assert "2 people are inside now and would leave." in page
    editor.post(url("unpublish", campaign))
    assert Campaign.objects.get().status == "stopped"


def test_stopping_lets_those_inside_leave_when_the_line_runs_next(editor):
    campaign = make.campaign()
    make.enrollment(campaign)
    editor.post(url("unpublish", campaign))
    ticking.tick(make.NOW)
    assert Enrollment.objects.get().reason == "stopped"


@pytest.mark.parametrize("view", ["pause", "resume", "unpublish"])
def test_changing_a_campaigns_state_needs_the_right_to_publish(author, view):
    campaign = make.campaign()
    author.post(url(view, campaign))
    author.get(url(view, campaign))
    assert Campaign.objects.get().status == "live"


@pytest.mark.parametrize(("paused", "offered"), [(False, "pause"), (True, "resume")])
def test_the_editor_and_the_list_offer_what_can_be_done_now(editor, paused, offered):
    campaign = make.campaign(paused_at=make.NOW if paused else None)
    campaign.save_revision(clean=False)
    links = {view: f'href="{url(view, campaign)}"' for view in ("pause", "resume")}
    for page in (url("edit", campaign), url("list")):
        content = editor.get(page).content.decode()
        assert [view for view, link in links.items() if link in content] == [offered]


def test_a_mail_that_people_may_still_get_is_not_deleted_and_says_where(editor):
    campaign = make.campaign(name="Welcome <b>all</b>")
    step = make.Step.objects.get()
    response = editor.post(url("delete", step))
    assert make.Step.objects.exists()
    told = texts(editor.get(response.url))
    assert "can&#x27;t be deleted" in told and "Welcome &lt;b&gt;all&lt;/b&gt;" in told
    assert url("edit", campaign) in told


def test_unpublishing_a_mail_that_is_used_says_who_waits_for_it(editor):
    campaign, unused = make.campaign(), make.step("Unused")
    make.delivery(make.enrollments(campaign, 2)[0])
    used = make.Step.objects.exclude(pk=unused.pk).get()
    told = {step: editor.get(url("unpublish", step)).content.decode() for step in (used, unused)}
    assert f'href="{url("edit", campaign)}">Welcome<' in told[used]
    assert (
        "2 people are inside a flow with this mail. "
        "1 person stands at it now and waits until it is published again."
    ) in told[used]
    assert "Whoever is due for it waits" not in told[unused]


def test_a_used_mail_is_not_deleted_in_bulk_either(editor):
    make.campaign()
    step = make.Step.objects.get()
    editor.post(f"/admin/bulk/wagtail_drip/step/delete/?id={step.pk}")
    assert make.Step.objects.exists()


def test_an_unused_mail_is_deleted(editor):
    editor.post(url("delete", make.step()))
    assert not make.Step.objects.exists()


def test_a_campaign_that_had_people_is_kept_without_an_error(editor):
    campaign = make.campaign()
    make.enrollment(campaign)
    response = editor.post(url("delete", campaign))
    assert "keeps the record" in texts(editor.get(response.url))
    assert Campaign.objects.exists() and Enrollment.objects.exists()


def test_a_topic_that_people_chose_is_kept_with_its_proof(editor):
    topic = make.topic()
    make.consent(make.contact(), topic)
    response = editor.post(reverse("wagtailsnippets_wagtail_drip_topic:delete", args=[topic.pk]))
    assert "keeps the proof" in texts(editor.get(response.url))
    assert make.Topic.objects.filter(pk=topic.pk).exists()
