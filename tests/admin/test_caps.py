"""Frequency caps in the admin."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests import factories as make
from wagtail_drip.models import Cap, Segment

from .support import client_of, form, latest, texts, url

pytestmark = pytest.mark.django_db
RIGHTS = ("add_cap", "change_cap", "view_cap", "delete_cap")


def at(view: str, *args) -> str:
    return reverse(Cap.snippet_viewset.get_url_name(view), args=args)


@pytest.fixture
def pacer(db):
    return client_of("pacer", *RIGHTS)


def test_a_cap_is_made_and_listed_in_words(pacer):
    regulars = Segment.objects.create(name="<b>Regulars</b>", slug="regulars", conditions="[]")
    fields = {"most": "2", "days": "7", "segment": regulars.pk, "outcome": "skip"}
    assert pacer.post(at("add"), fields).status_code == 302
    one = Cap.objects.get()
    assert (one.most, one.days, one.outcome, one.site) == (2, 7, "skip", make.site())
    listed = pacer.get(at("list")).content.decode()
    assert "At most 2 a week" in listed and "left out" in listed and "<b>Regulars" not in listed
    assert pacer.get(at("edit", one.pk)).status_code == 200


@pytest.mark.parametrize("field", [{"most": "0"}, {"days": "0"}, {"days": "366"}, {"most": "x"}])
def test_numbers_out_of_bounds_are_refused(pacer, field):
    fields = {"most": "2", "days": "7", "segment": "", "outcome": "delay", **field}
    response = pacer.post(at("add"), fields)
    assert response.status_code == 200 and not Cap.objects.exists()


def test_it_takes_a_permission():
    make.site()
    outsider = client_of("outsider", "change_campaign")
    for address in (at("list"), at("add")):
        assert outsider.get(address).status_code in (302, 403)
    assert outsider.post(at("add"), {"most": "1"}).status_code in (302, 403)


def test_a_segment_with_a_cap_is_not_deleted(editor):
    regulars = Segment.objects.create(name="Regulars", slug="regulars", conditions="[]")
    Cap.objects.create(most=1, segment=regulars)
    address = reverse(Segment.snippet_viewset.get_url_name("delete"), args=[regulars.pk])
    response = editor.post(address, follow=True)
    assert "a frequency cap is for these people" in texts(response)
    assert Segment.objects.exists()


def test_a_campaign_lets_others_wait(editor):
    make.topic()
    editor.post(url("add"), form(holds_others="on", rate="60"))
    assert (latest().holds_others, latest().rate) == (True, 60)


def test_transactional_campaigns_say_that_they_are_outside(editor):
    receipt, news = make.campaign("receipt"), make.campaign("news", topic=make.topic())
    assert "no frequency cap" in editor.get(url("edit", receipt)).content.decode()
    assert "no frequency cap" in editor.get(url("overview", receipt)).content.decode()
    assert "no frequency cap" not in editor.get(url("overview", news)).content.decode()
