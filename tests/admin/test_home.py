from __future__ import annotations

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from tests import factories as make
from tests.queries import queries
from wagtail_drip.flow.triggers import ASKED_FOR_EXPORT, ASKED_FOR_TOPICS
from wagtail_drip.models import Campaign, Heartbeat, standing

from .support import client_of

pytestmark = pytest.mark.django_db


def home(client) -> str:
    return client.get("/admin/").content.decode()


def beat(ago: timedelta) -> None:
    Heartbeat.load()
    Heartbeat.objects.update(beat_at=timezone.now() - ago)


def figure(content: str, label: str) -> str:
    """The number that stands with this label."""
    found = content.split(f"<dt>{label}</dt>")[1].split("</dd>")[0]
    return "".join(c for c in found.split("<dd>")[1].split(">", 1)[1] if c.isdigit())


def test_without_a_sign_of_a_cluster_the_panel_says_what_to_do(editor):
    content = home(editor)
    assert "help-critical" in content
    assert "There has never been one." in content and "manage.py qcluster" in content


def test_looking_at_the_panel_writes_nothing(editor):
    home(editor)
    assert not Heartbeat.objects.exists()


@pytest.mark.parametrize(("minutes", "alarm"), [(1, False), (4, True)])
def test_a_cluster_that_fell_silent_raises_the_alarm(editor, minutes, alarm):
    beat(timedelta(minutes=minutes))
    assert ("No cluster is running" in home(editor)) is alarm


def test_the_panel_counts(editor):
    now = timezone.now()
    campaign = make.campaign()
    make.campaign("resting", paused_at=now)
    make.deliveries(campaign, 2, state="waiting", due_at=now - timedelta(minutes=1))
    make.deliveries(campaign, 1, state="waiting", due_at=now + timedelta(days=1))
    make.deliveries(campaign, 3, state="sent", settled_at=now)
    make.deliveries(campaign, 4, state="sent", settled_at=now - timedelta(days=2))
    make.deliveries(campaign, 5, state="uncertain", settled_at=now)
    content = home(editor)
    shown = [figure(content, label) for label in
             ("Live campaigns", "Mails due now", "Sent today", "Uncertain")]  # fmt: skip
    assert shown == ["1", "2", "3", "5"]


def test_the_panel_says_why_nothing_is_sent(editor, settings):
    settings.WAGTAIL_DRIP_SENDING = "off"
    assert "WAGTAIL_DRIP_SENDING is off" in home(editor)


def test_a_refused_publishing_shows_with_its_reason_as_text(editor):
    campaign = make.campaign()
    Campaign.objects.update(refused_at=make.NOW, refused_reason="Step 1: <b>no mail</b>")
    content = home(editor)
    assert "&lt;b&gt;no mail&lt;/b&gt;" in content
    assert f"/campaign/edit/{campaign.pk}/" in content


def test_the_panel_costs_the_same_for_2_and_20_campaigns(editor):
    make.campaign("c0", refused_at=make.NOW)
    make.campaign("c1", refused_at=make.NOW)
    home(editor)
    few = queries(home, editor)
    for number in range(2, 20):
        make.deliveries(make.campaign(f"c{number}", refused_at=make.NOW), 2)
    assert queries(home, editor) == few


def first_steps(client) -> list[tuple[str, bool]]:
    """(text, done) of the first steps that the panel shows."""
    items = BeautifulSoup(home(client), "html.parser").select(".drip-steps li")
    return [(item.get_text(" ", strip=True), "drip-steps__done" in item["class"]) for item in items]


def test_until_a_campaign_is_live_the_panel_says_what_to_do_next(editor):
    assert [done for _text, done in first_steps(editor)] == [False] * 4
    make.topic()
    beat(timedelta(0))
    assert [done for _text, done in first_steps(editor)] == [True, False, False, True]


def test_after_the_first_campaign_there_are_no_first_steps(editor):
    make.campaign()
    assert not first_steps(editor)


def test_first_steps_lead_only_where_one_may_go(editor):
    add = reverse(Campaign.snippet_viewset.get_url_name("add"))
    assert f'href="{add}"' in home(editor)
    assert f'href="{add}"' not in home(client_of("reader", "view_campaign"))


def test_only_those_who_may_see_campaigns_get_the_panel(outsider):
    assert "drip-panel" not in home(outsider)
    assert "drip-panel" in home(client_of("reader", "view_campaign"))


@pytest.mark.parametrize("trigger", [ASKED_FOR_TOPICS, ASKED_FOR_EXPORT])
def test_a_campaign_that_should_answer_and_does_not_is_an_alarm(editor, trigger):
    campaign = standing.standing(trigger, make.site())
    lost = standing.what_is_lost(campaign)
    assert escape(lost) not in home(editor)
    Campaign.objects.filter(pk=campaign.pk).update(paused_at=timezone.now())
    content = home(editor)
    assert escape(lost) in content and "(Paused)" in content
    Campaign.objects.filter(pk=campaign.pk).update(live=False, paused_at=None)
    assert "(Stopped)" in home(editor)
