"""A salesperson picks a ready series; interest shown moves the person to the more specific one."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from bs4 import BeautifulSoup
from django.core import mail

from tests import factories
from tests.admin.support import client_of
from wagtail_drip import api, registry
from wagtail_drip.admin.contacts import act_url
from wagtail_drip.engine.files.making import make
from wagtail_drip.engine.files.mapping import Recorded, guess
from wagtail_drip.engine.ticking import tick
from wagtail_drip.models import Enrollment

pytestmark = pytest.mark.django_db
NOW = factories.NOW


def live(slug: str, **answers: str):
    recipe = registry.recipes()[slug]
    answers = {**guess(recipe, Recorded()), "topic": "news", **answers}
    return make(recipe, answers, site=factories.site(), publish=True)


def sent(clock, days: float) -> list[str]:
    """The subjects of what goes out until then."""
    before, now = len(mail.outbox), NOW + timedelta(days=days)
    clock.move_to(now)
    while tick(now).any:
        pass
    return [one.subject for one in mail.outbox[before:]]


def test_picked_by_hand_and_moved_on_by_interest(topic, events, books):
    ann = factories.contact("ann@example.com", first_name="Ann")
    factories.consent(ann, topic)
    seller = client_of("seller", "view_contact", "see_personal_data", "change_enrollment")
    with time_machine.travel(NOW, tick=False) as clock:
        general = live("guide")
        specific = live("interested", general=general.slug)
        offered = seller.get(act_url("enroll", ann.pk)).content.decode()
        assert "After a talk in which they asked for more" in offered
        assert specific.name not in offered  # it is about a product: nobody can say of which
        picked = {"campaign": general.pk}
        plan = BeautifulSoup(seller.post(act_url("enroll", ann.pk), picked).content, "html.parser")
        picked["confirmed"] = plan.select_one("input[name=confirmed]")["value"]
        seller.post(act_url("enroll", ann.pk), picked)
        assert sent(clock, 0.01) == ["Here is your guide, Ann"]
        assert sent(clock, 2.1) == ["What most people ask after reading it"]
        api.record("interest_shown", email=ann.email, data={"book": books[0].pk})
        assert sent(clock, 3.2) == ["You asked about Swifts"]
        assert sent(clock, 6) == ["Still thinking about Swifts?"]
        assert sent(clock, 10) == ["Our last word on Swifts"]
        assert sent(clock, 40) == []
    left = Enrollment.objects.get(campaign=general)
    assert (left.state, left.reason) == ("left", "taken over")
    assert Enrollment.objects.get(campaign=specific).state == "completed"


def test_without_that_answer_each_goes_its_own_way(topic, events, books):
    """And the guide's own branch on interest is what answers to it."""
    ann = factories.contact("ann@example.com", first_name="Ann")
    factories.consent(ann, topic)
    with time_machine.travel(NOW, tick=False) as clock:
        general, specific = live("guide"), live("interested")
        assert not specific.takes_over.exists()
        api.record("guide_asked", email=ann.email)
        sent(clock, 0.01)
        sent(clock, 2.1)
        api.record("interest_shown", email=ann.email, data={"book": books[0].pk})
        assert "You looked more closely, Ann" in sent(clock, 6)
    assert Enrollment.objects.get(campaign=general).state == "active"
