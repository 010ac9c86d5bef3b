from __future__ import annotations

import pytest

from tests import factories as make
from wagtail_drip.flow import conditions
from wagtail_drip.models import Contact, Delivery, Enrollment, matching

pytestmark = pytest.mark.django_db


def asked(step, how):
    return make.group(make.condition("mail_reaction", step=step.pk, how=how))


@pytest.mark.parametrize(
    ("how", "fields", "expected"),
    [
        ("clicked", {"clicked_at": make.NOW}, True),
        ("clicked", {"opened_at": make.NOW}, False),
        ("opened", {"opened_at": make.NOW}, True),
        ("opened", {"clicked_at": make.NOW}, True),  # pictures may be switched off
        ("opened", {}, False),
        ("sent", {"state": "sent"}, True),
        ("sent", {"state": "skipped"}, False),
    ],
)
def test_what_they_did_with_a_mail(how, fields, expected):
    step, other = make.step("One"), make.step("Two")
    row = make.enrollment(make.campaign(nodes={"n1": make.send(step)}))
    make.delivery(row, **{"state": "sent", **fields})
    for mail, holds in ((step, expected), (other, False)):
        group = asked(mail, how)
        assert bool(matching.met(group, Enrollment.objects.all(), make.NOW)) == holds
        assert bool(matching.met(group, Contact.objects.all(), make.NOW)) == holds


def test_of_an_enrollment_it_asks_for_this_campaigns_own_mail():
    step, person = make.step(), make.contact()
    rows = [
        make.enrollment(make.campaign(slug, nodes={"n1": make.send(step)}), person)
        for slug in ("one", "two")
    ]
    make.delivery(rows[0], state="sent", clicked_at=make.NOW)
    assert Delivery.objects.count() == 1
    found = matching.met(asked(step, "clicked"), Enrollment.objects.all(), make.NOW)
    assert found == {rows[0].pk}


def test_it_is_said_and_checked():
    step = make.step("Hello")
    one = make.condition("mail_reaction", step=step.pk, how="clicked")
    assert conditions.sentence([one]) == "they clicked a link in “Hello”"
    gone = make.condition("mail_reaction", step=9**9, how="framed")
    assert conditions.problems([gone]) == [
        "its mail was deleted",
        "it doesn't say what they did with the mail",
    ]
