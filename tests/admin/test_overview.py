"""A campaign's own page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.utils import timezone, translation

from tests import factories as make
from tests.flow import flows
from tests.queries import queries
from wagtail_drip.admin import picture
from wagtail_drip.models import Campaign, Version
from wagtail_drip.streams import with_ids

from .support import client_of, url

pytestmark = pytest.mark.django_db


def published(step, *more) -> Campaign:
    """A live campaign whose version has its flow, as publishing writes it."""
    flow = with_ids([flows.wait(2, id="w1"), flows.send(step.pk, id="s1"), *more])
    campaign = make.campaign(
        f"c{step.pk}", nodes={"w1": make.wait("s1", amount=2), "s1": make.send(step)}
    )
    campaign.versions.update(flow=flow)
    return campaign


@pytest.fixture
def live() -> Campaign:
    campaign = published(make.step("Hello"))
    make.enrollments(campaign, 3, due_at=timezone.now() + timedelta(days=3))
    return campaign


def seen(client, campaign, query="") -> BeautifulSoup:
    response = client.get(url("overview", campaign) + query)
    assert response.status_code == 200
    return BeautifulSoup(response.content, "html.parser")


def test_the_picture_and_the_table_say_who_stands_where(editor, live):
    page = seen(editor, live)
    titles = [link.title.text for link in page.select("svg.drip-flow a")]
    assert titles[0].startswith("Wait 2 days, 3 people, next: ") and titles[1] == "Send “Hello”"
    cells = [cell.text.strip() for cell in page.select("#place-w1 td")]
    assert cells[:2] == ["Wait 2 days", "3"] and cells[3:] == ["–", "3"]
    assert page.select_one("svg.drip-flow a")["href"] == "#place-w1"


def test_an_earlier_version_shows_those_who_are_still_on_it(editor, live):
    make.version(live, {"s1": make.send(make.step("Other"))})
    Version.objects.filter(number=2).update(flow=[])
    page = seen(editor, live)
    assert [tab.text for tab in page.select(".drip-row a")] == [
        "Version 2",
        "Version 1 · 3 people",
    ]
    assert seen(editor, live, "?version=1").select_one("#place-w1")


def test_a_draft_draws_too(editor, live):
    draft = Campaign(name="Draft", live=False)
    draft.flow = with_ids([flows.if_else([flows.leave("now")], [flows.wait(3)])])
    draft.save()
    draft.save_revision(clean=False)
    page = seen(editor, draft)
    texts = [box.text.strip() for box in page.select("svg.drip-flow .drip-flow__text")]
    assert texts == ["If they signed up", "Leave the campaign: now", "Wait 3 days"]


def test_what_people_have_yet_to_follow_is_told(editor, live):
    make.version(live, {"s1": make.send(make.step("Other"))}, choice="move")
    assert "3 people have yet to follow" in seen(editor, live).text


def test_a_name_can_not_break_out_of_the_picture(editor):
    campaign = published(make.step('</title><script>x</script>"'))
    page = editor.get(url("overview", campaign)).content.decode()
    assert "<script>x" not in page


def test_numbers_stay_numbers_in_other_languages(editor, live, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    with translation.override("de"):
        svg = seen(editor, live).select_one("svg.drip-flow")
    assert float(svg["height"]) and float(svg["width"])


@pytest.mark.parametrize(("rights", "allowed"), [(["view_campaign"], True), ([], False)])
def test_who_may_not_see_campaigns_does_not_see_it(live, rights, allowed):
    client = client_of("someone", *rights)
    assert (client.get(url("overview", live)).status_code == 200) is allowed


def test_as_many_queries_for_many_blocks_and_people_as_for_few(editor, live):
    seen(editor, live)
    few = queries(editor.get, url("overview", live))
    big = published(make.step("Big"), *(flows.send(make.step().pk) for _ in range(20)))
    make.enrollments(big, 40, node="w1")
    assert len(queries(editor.get, url("overview", big))) == len(few)


@pytest.mark.parametrize(
    ("hours", "said"),
    [(-1, "now"), (2, "today 11 a.m."), (26, "tomorrow 11 a.m."), (74, "Thursday 11 a.m.")],
)
def test_a_moment_ahead_is_told_as_people_say_it(hours, said, now):
    assert picture.moment(now + timedelta(hours=hours), now) == said


def test_the_editor_and_its_preview_lead_to_the_picture(editor, live):
    live.save_revision(clean=False)
    assert url("overview", live) in editor.get(url("edit", live)).content.decode()
    Campaign.objects.update(flow=with_ids([flows.wait(4)]))
    drawn = Campaign.objects.get(pk=live.pk).make_preview_request(preview_mode="picture")
    assert "Wait 4 days" in BeautifulSoup(drawn.content, "html.parser").select_one("svg").text
