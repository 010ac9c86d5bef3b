from __future__ import annotations

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.utils import timezone

from tests import factories as make
from tests.queries import queries
from wagtail_drip.models import Review

from .support import client_of, url

pytestmark = pytest.mark.django_db


def text(client, path: str, **params) -> str:
    response = client.get(path, params)
    assert response.status_code == 200
    return " ".join(BeautifulSoup(response.content, "html.parser").get_text(" ").split())


def due(campaign, days: int, **fields) -> Review:
    day = timezone.localdate() + timedelta(days=days)
    return Review.objects.create(campaign=campaign, due=day, **fields)


def falling(campaign) -> Review:
    numbers = {"delivered": 200, "clicked": 6, "delivered_before": 200, "clicked_before": 20}
    return Review.objects.create(
        campaign=campaign, falling=True, measured_on=timezone.localdate(), **numbers
    )


def test_the_home_page_and_the_list_name_what_is_due_old_or_falling(editor):
    owner = make.user(username="ines")
    due(make.campaign("due", name="Due one"), 0, owner=owner)
    due(make.campaign("later", name="Later one"), 3, owner=owner)
    due(make.campaign("gone", name="Gone one", live=False), -3, owner=owner)
    falling(make.campaign("falling", name="Falling one"))
    old = timezone.now() - timedelta(days=400)
    make.campaign("old", name="<b>Old one</b>", last_published_at=old)
    home = text(editor, "/admin/")
    assert "Due one : To be reviewed by" in home and "by ines." in home
    assert "Falling one : Its clicks by people fell: 3.0 % of mails delivered in the last" in home
    assert "<b>Old one</b> : It was last published on" in home
    assert "Later one" not in home and "Gone one" not in home
    listed = text(editor, url("list"), review="due")
    assert "Due one" in listed and "Old one" in listed and "Falling one" not in listed
    listed = text(editor, url("list"), review="falling")
    assert "Falling one" in listed and "Due one" not in listed


@pytest.mark.parametrize("path", ["/admin/", "list"])
def test_it_costs_the_same_for_2_and_20_campaigns(editor, path):
    path = path if path == "/admin/" else url("list")
    for number in range(2):
        due(make.campaign(f"c{number}"), 0, owner=make.user())
    text(editor, path)
    few = queries(text, editor, path)
    for number in range(2, 20):
        due(make.campaign(f"c{number}"), 0, owner=make.user())
    assert queries(text, editor, path) == few


def test_a_review_is_written_down_with_the_next_date_and_owner(editor):
    campaign = make.campaign()
    owner = make.user("ines@example.com", username="ines", is_superuser=True)
    stranger = make.user()
    assert "its clicks are measured once a day" in text(editor, url("review", campaign))
    ahead = timezone.localdate() + timedelta(days=90)
    for wrong in ({"due": str(timezone.localdate())}, {"owner": stranger.pk}, {"due": "9999-99-1"}):
        assert editor.post(url("review", campaign), wrong).status_code == 200
        assert not Review.objects.exists()
    answer = editor.post(url("review", campaign), {"due": str(ahead), "owner": owner.pk})
    assert answer.status_code == 302
    row = Review.objects.get()
    assert (row.due, row.owner) == (ahead, owner) and row.reviewed_at
    assert "last reviewed on" in text(editor, url("review", campaign))
    # Nothing of it hangs on what is published: a revision brings back no older date.
    assert campaign.save_revision().as_object().review.due == ahead


def test_who_may_only_look_is_asked_nothing(outsider):
    campaign = make.campaign()
    falling(campaign)
    reader = client_of("reader", "view_campaign")
    seen = text(reader, url("review", campaign))
    assert "Its clicks by people fell" in seen and "It was reviewed" not in seen
    assert reader.post(url("review", campaign), {"due": ""}).status_code in (302, 403)
    assert Review.objects.get().reviewed_at is None
    assert outsider.get(url("review", campaign)).status_code in (302, 403)
