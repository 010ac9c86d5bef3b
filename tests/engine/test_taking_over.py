"""A more specific campaign takes over from more general ones."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from wagtail.models import Page, Site

from tests import factories as make
from tests.queries import queries
from wagtail_drip.engine.advancing import advance_due
from wagtail_drip.engine.enrolling import enroll, enroll_new
from wagtail_drip.engine.foretelling import foretell
from wagtail_drip.models import Campaign, Delivery, Enrollment

pytestmark = pytest.mark.django_db
GENERAL = {"trigger": "user_signed_up"}
LEFT = ("left", "taken over")


@pytest.fixture
def pair():
    general, specific = make.campaign("general"), make.campaign("specific", trigger="subscribed")
    take_over(specific, general)
    return general, specific


def take_over(campaign, *others) -> None:
    campaign.takes_over.set(others)
    campaign.save()


def state(campaign, person) -> tuple[str, str] | None:
    rows = Enrollment.objects.filter(campaign=campaign, contact=person)
    return rows.values_list("state", "reason").first()


def test_who_enters_leaves_the_more_general_ones(pair, now):
    general, specific = pair
    other = make.campaign("other")
    person, stranger = make.contacts(2)
    waiting = make.delivery(make.enrollment(general, person))
    make.enrollment(other, person)
    make.enrollment(general, stranger)
    make.event(person, "subscribed", data={"topic": ""})
    enroll_new(now)
    assert state(specific, person) == ("active", "") and state(general, person) == LEFT
    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason, waiting.settled_at) == ("skipped", "taken over", now)
    assert state(other, person) == state(general, stranger) == ("active", "")
    assert str(Enrollment.Reason.TAKEN_OVER.label) == "a more specific campaign took over"


def test_what_is_just_going_out_stays(pair, now):
    general, specific = pair
    sending = make.delivery(make.enrollment(general), state="sending")
    assert enroll(specific, [sending.contact], now=now) == 1
    assert state(general, sending.contact) == LEFT
    assert Delivery.objects.get(pk=sending.pk).state == "sending"


def test_who_may_not_enter_leaves_nothing(pair, now):
    general, specific = pair
    person = make.contact()
    make.enrollment(general, person)
    make.enrollment(specific, person, state="completed")
    assert enroll(specific, [person], now=now) == 0
    assert state(general, person) == ("active", "")


def test_nobody_enters_the_general_one_meanwhile(pair, now):
    general, specific = pair
    inside, through = make.contacts(2)
    make.enrollment(specific, inside)
    make.enrollment(specific, through, state="completed")
    for person in (inside, through):
        make.event(person)
    enroll_new(now)
    assert state(general, inside) is None and state(general, through) == ("active", "")
    assert enroll(general, [inside], now=now) == 0  # nor by hand


def test_of_two_that_start_at_once_the_specific_one_wins(now):
    for first, second in (("a", "b"), ("d", "c")):
        specific, general = make.campaign(first), make.campaign(second)
        take_over(specific, general)
    person = make.contact()
    make.event(person)
    enroll_new(now)
    inside = Enrollment.objects.filter(state="active").values_list("campaign__slug", flat=True)
    assert set(inside) == {"a", "d"}
    assert not Enrollment.objects.exclude(state="active").exists()


def test_a_flow_that_leads_to_the_specific_one_ends_there(now):
    specific = make.campaign("specific", trigger="subscribed")
    nodes = {
        "n1": make.do("n2", do="enroll", campaign=specific.pk),
        "n2": make.send(make.step("Too late")),
    }
    general, beside = make.campaign("general", nodes=nodes), make.campaign("beside")
    take_over(specific, general, beside)
    person, other = make.contacts(2)
    for campaign in (general, beside):
        make.enrollment(campaign, person)
    make.enrollment(beside, other)
    advance_due(now)
    assert state(general, person) == state(beside, person) == LEFT
    assert state(specific, person) == ("active", "")
    laid_down = Delivery.objects.filter(state="waiting")
    assert [row.contact for row in laid_down] == [other]


def test_it_costs_the_same_for_10_and_500(pair, now):
    general, specific = pair

    def go(amount: int) -> list[str]:
        people = [row.contact for row in make.enrollments(general, amount)]
        found = queries(enroll, specific, people, now=now)
        assert Enrollment.objects.filter(reason="taken over", contact__in=people).count() == amount
        return found

    assert go(10) == go(500)


def test_the_plan_by_hand_asks_as_enrolling_by_hand_does(pair, now):
    general, specific = pair
    nobody = make.condition("has_tag", tag="vip")
    picky = make.campaign("picky", audience=[nobody], trigger="subscribed")
    person = make.contact()

    def outcomes(campaign) -> list[str]:
        return [item.outcome for item in foretell(campaign, person, start=now, by_hand=True).items]

    assert outcomes(picky) == ["entered", "sent", "completed"]
    make.enrollment(specific, person)
    assert outcomes(general) == ["refused"]  # the specific one is under way
    assert outcomes(specific) == ["refused"]
    assert Enrollment.objects.count() == 1  # nothing of it stays


# The gate


def problems(campaign) -> list[str]:
    return [str(p) for p in campaign.gate() if p.field == "takes_over"]


def test_the_gate_refuses_a_circle_of_any_length():
    first, second, third = (make.campaign(slug) for slug in ("first", "second", "third"))
    take_over(first, second)
    take_over(second, third)
    assert not problems(first)
    third.takes_over.set([make.campaign("other"), first])
    [said] = problems(third)
    assert said.endswith("in a circle: “Third” → “First” → “Second” → “Third”.")
    second.takes_over.set([second])
    assert problems(second)[0].endswith("in a circle: “Second” → “Second”.")


def test_the_gate_refuses_what_cannot_be():
    root = Page.get_first_root_node()
    elsewhere = Site.objects.create(hostname="other.example", root_page=root)
    foreign, other, campaign = (
        make.campaign("foreign", site=elsewhere), make.campaign("other"), make.campaign("third"),
    )  # fmt: skip
    campaign.takes_over.set([foreign, other])
    campaign.not_while.set([other])
    assert problems(campaign) == [
        "“Foreign” belongs to another site.",
        "Who is in “Other” does not enter, so this campaign can't take over from it.",
    ]


def test_files_carry_it(tmp_path, capsys):
    general, specific = make.campaign("general"), make.campaign("specific", by_hand=True)
    Campaign.objects.filter(pk=specific.pk).update(by_hand_for="After a call")
    take_over(Campaign.objects.get(pk=specific.pk), general)
    call_command("drip_export", "specific")
    file = tmp_path / "specific.json"
    file.write_text(capsys.readouterr().out)
    Enrollment.objects.all().delete()
    Campaign.objects.filter(slug="specific").delete()
    call_command("drip_import", str(file))
    made = Campaign.objects.get(slug="specific").get_latest_revision_as_object()
    assert (made.by_hand, made.by_hand_for) == (True, "After a call")
    assert [one.slug for one in made.takes_over.all()] == ["general"]
