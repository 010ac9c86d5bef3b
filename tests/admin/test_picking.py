"""Picking a ready series on the page of a contact."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

from tests import factories as make
from wagtail_drip.admin.contacts import act_url
from wagtail_drip.models import Delivery, Enrollment

from .support import client_of, texts

pytestmark = pytest.mark.django_db
MAY = ("view_contact", "see_personal_data", "change_enrollment")


@pytest.fixture
def seller(db):
    return client_of("seller", *MAY)


def series(slug: str, **fields):
    fields = {"by_hand": True, "by_hand_for": "After a call", **fields}
    nodes = {
        "n1": make.send(make.step(f"{slug} one"), "n2"),
        "n2": make.wait("n3", amount=3),
        "n3": make.send(make.step(f"{slug} two")),
    }
    return make.campaign(slug, nodes=nodes, **fields)


def choices(client, person) -> list[str]:
    page = BeautifulSoup(client.get(act_url("enroll", person.pk)).content, "html.parser")
    return [" ".join(label.text.split()) for label in page.select('label:has(input[type="radio"])')]


def test_salespeople_pick_from_what_is_marked_and_editors_from_all(seller, editor):
    series("prices", name="Price list", by_hand_for="<b>They asked</b> for prices")
    make.campaign("news")
    series("draft", live=False)
    person = make.contact()
    assert choices(seller, person) == ["Price list <b>They asked</b> for prices"]
    assert choices(editor, person)[1:] == ["News not marked for it"]


def test_where_nothing_is_marked_it_says_what_to_do(seller):
    make.campaign("news")
    page = seller.get(act_url("enroll", make.contact().pk)).content.decode()
    assert "No live campaign “may be picked by hand”." in page


def test_the_plan_is_shown_before_it_is_done(seller):
    general, specific = make.campaign("general"), series("prices", name="Price list")
    specific.takes_over.set([general])
    specific.save()
    other = series("other")
    person = make.contact("ann@example.com")
    make.enrollment(general, person)
    address, picked = act_url("enroll", person.pk), {"campaign": specific.pk}
    answer = seller.post(address, picked)
    page = BeautifulSoup(answer.content, "html.parser")
    text = " ".join(page.text.split())
    assert "They leave “General”: this campaign takes over from it." in text
    assert "Day 0" in text and "“prices one” is sent" in text
    assert "Day 3" in text and "“prices two” is sent" in text
    assert [row.campaign for row in Enrollment.objects.all()] == [general]
    assert not Delivery.objects.exists()
    confirmed = {"confirmed": page.select_one("input[name=confirmed]")["value"]}
    # Something else was chosen after all: that one's plan comes first.
    answer = seller.post(address, {"campaign": other.pk, **confirmed})
    assert "“other one” is sent" in answer.content.decode()
    answer = seller.post(address, {**picked, **confirmed}, follow=True)
    assert "1 of 1" in texts(answer)
    inside = Enrollment.objects.filter(state="active")
    assert [row.campaign for row in inside] == [specific]
    assert "a more specific campaign took over" in answer.content.decode()


def test_who_may_not_enter_is_told_why(seller):
    campaign = series("prices", topic=make.topic("news"), transactional_reason="")
    page = seller.post(act_url("enroll", make.contact().pk), {"campaign": campaign.pk})
    text = page.content.decode()
    assert "They do not enter" in text and "They have not chosen “News”." in text


def test_what_is_not_marked_is_not_theirs_to_pick(seller):
    campaign = make.campaign("news")
    page = seller.post(
        act_url("enroll", make.contact().pk), {"campaign": campaign.pk, "confirmed": campaign.pk}
    )
    assert page.context["form"].errors and not Enrollment.objects.exists()
