"""Why each was decided is kept: one row a place, in as many statements for many as for few."""

from __future__ import annotations

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils.translation import override

from tests import factories as make
from tests.queries import queries
from wagtail_drip.engine import enrolling
from wagtail_drip.engine.advancing import advance_due
from wagtail_drip.engine.claiming import claim
from wagtail_drip.engine.disclosing import disclose
from wagtail_drip.engine.erasing import erase
from wagtail_drip.engine.merging import merge
from wagtail_drip.engine.pruning import prune
from wagtail_drip.flow.reasons import Reason, because
from wagtail_drip.models import Cap, Contact, Decision, Refusal
from wagtail_drip.models.consent import withdraw

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def kept(row) -> dict[str, str]:
    """The codes by place."""
    return {one.node: one.code for one in Decision.objects.filter(enrollment=row)}


def tagged_then_mailed(**fields):
    nodes = {
        "t": make.do("w", do="tag", side="add", tag="x"),
        "w": make.wait("s"),
        "s": make.send(make.step(), "e"),
        "e": make.leave("enough"),
    }
    return make.campaign(nodes=nodes, **fields)


def test_each_place_has_its_reason_with_version_and_moment(now):
    row = make.enrollment(tagged_then_mailed())
    advance_due(now)
    assert kept(row) == {"t": "done", "w": "waits"}
    wait = Decision.objects.get(node="w")
    assert (wait.version, wait.at, wait.visit) == (row.version, now, 1)
    said = wait.because.sentence(ZoneInfo("Asia/Tehran"))
    assert said == "Waits until March 3, 2026 12:30 p.m."
    advance_due(now + DAY)
    assert kept(row) == {"t": "done", "w": "waits"}  # its delivery tells of the send


def test_a_later_decision_at_the_same_place_replaces_the_earlier(now):
    campaign = make.campaign(nodes={"l": make.wait_event("bought", "", "", amount=2)})
    row = make.enrollment(campaign)
    advance_due(now), advance_due(now)
    assert kept(row) == {"l": "waits"}
    advance_due(now + 2 * DAY)
    assert kept(row) == {"l": "not_in_time"}
    assert Decision.objects.get().at == now + 2 * DAY


def test_what_has_not_changed_is_not_written_again(now):
    """A pause is looked at every quarter of an hour; since when it holds somebody, stays."""
    row = make.enrollment(tagged_then_mailed(paused_at=now))
    for number in range(3):
        advance_due(now + number * DAY)
    paused = Decision.objects.get()
    assert (paused.node, paused.code, paused.at) == ("t", "paused", now)
    row.campaign.resume(now + 3 * DAY)
    advance_due(now + 3 * DAY)
    assert (kept(row)["t"], Decision.objects.get(node="t").at) == ("done", now + 3 * DAY)


def ordered(times, **data):
    args = {"event": "user_signed_up", "since": "entering", "times": times, **data}
    return make.condition("event_happened", **args)


def told_of(group, now, **person):
    """What is told of a decision that asks this of somebody who signed up twice since."""
    campaign = make.campaign(nodes={"b": make.branch(group, "w", "w"), "w": make.wait()})
    row = make.enrollment(campaign, make.contact(**person), entered_at=now - DAY, arrived_at=now)
    for number in range(2):
        data = {"total": "12.50", "n": number}
        make.event(row.contact, at=now - number * timedelta(hours=1), data=data, inbox=False)
    advance_due(now)
    decision = Decision.objects.get(node="b")
    json.dumps(decision.seen)
    return decision.because.sentence(ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("conditions", "match", "said"),
    [
        (
            [ordered(1)],
            "all",
            "The condition holds: they signed up since they entered: yes (2 times).",
        ),
        (
            [ordered(20, of="total")],
            "none",
            (
                "The condition does not hold: none of these: they signed up, 20 of total or more"
                " since they entered: yes (25 of total)."
            ),
        ),
        (
            [make.condition("attribute", key="city", op="equals", value="Ulm")],
            "all",
            "The condition does not hold: their city is Ulm: no (“Bonn”).",
        ),
        (
            [
                make.condition("attribute", key="shoe", op="set", value=""),
                make.condition("language", language="en"),
            ],
            "any",
            (
                "The condition holds: any of these: their shoe is filled in: no (nothing);"
                " their language is English: yes (“en”)."
            ),
        ),
        (
            [
                make.condition("random_share", percent=100),
                make.condition(
                    "group",
                    match="none",
                    conditions=[
                        {"type": "language", "value": {"language": "de"}, "id": "x"},
                        {"type": "date", "value": {"key": "day", "op": "last", "days": 9}},
                    ],
                ),
            ],
            "all",
            (
                "The condition does not hold: all of these: they are among 100 % drawn by chance:"
                " yes;"
                " (none of these: their language is de: no (“en”);"
                " their day was within the last 9 days: yes (“2026-03-01”))."
            ),
        ),
        (
            [make.condition("overdue", event="user_signed_up", percent=150)],
            "all",
            (
                "The condition does not hold: they last signed up 150 % of their usual interval"
                " ago: no (March 2, 2026 10 a.m.)."
            ),
        ),
    ],
)
def test_what_each_condition_saw_is_told(conditions, match, said, now):
    group = make.group(*conditions, match=match)
    person = {"language": "en", "attributes": {"city": "Bonn", "day": "2026-03-01"}}
    assert told_of(group, now, **person) == said


def test_a_goal_says_which_and_what_was_seen(now):
    goals = [make.condition("language", language="de"), ordered(1)]
    said = (
        "reached the goal: any of these: their language is de: no (nothing);"
        " they signed up since they entered: yes (1 time)."
    )
    campaign = make.campaign(nodes={"w": make.wait("s"), "s": make.send(make.step())}, goals=goals)
    row = make.enrollment(campaign)
    advance_due(now)
    assert kept(row) == {"w": "waits"}
    make.event(row.contact, at=now + DAY, inbox=False)
    advance_due(now + DAY)
    assert Decision.objects.get().because.sentence() == "They leave: " + said
    mailed = make.enrollment(campaign, node="s", due_at=None)
    make.delivery(mailed)
    make.event(mailed.contact, at=now + DAY, inbox=False)
    claim("a", now + DAY, 10)  # at the mail, too
    decision = Decision.objects.get(enrollment=mailed)
    assert decision.because.sentence() == "Not sent: " + said


def test_who_leaves_with_the_audience_is_told_for_what(now):
    audience = [
        make.condition("language", language="de"),
        make.condition("language", language="en"),
    ]
    row = make.enrollment(make.campaign(audience=audience[:1], leave_audience=True))
    advance_due(now)
    said = "no longer one of its people: their language is de: no (nothing)."
    assert Decision.objects.get(enrollment=row).because.sentence() == "They leave: " + said
    both = make.campaign("both", audience=audience, leave_audience=True)
    delivery = make.deliveries(both, 1)[0]
    Contact.objects.filter(pk=delivery.contact_id).update(language="de")
    claim("a", now, 10)  # at the mail, too
    said = (
        "Not sent: no longer one of its people: all of these: their language is de: yes (“de”); "
        "their language is English: no (“de”)."
    )
    decision = Decision.objects.get(enrollment=delivery.enrollment_id)
    assert decision.because.sentence() == said


def test_a_fault_is_kept_too(now):
    row = make.enrollment(make.campaign(nodes={"b": make.branch(make.group(make.condition("no")))}))
    advance_due(now)
    assert kept(row) == {"b": "fault"}
    assert "unknown condition" in Decision.objects.get().because.sentence()


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("skip", "Not sent: At most 1 a week: the next is possible on March 8, 2026 10 a.m."),
        (
            "delay",
            "Held until March 8, 2026 10 a.m.: At most 1 a week: next on March 8, 2026 10 a.m.",
        ),
    ],
)
def test_a_cap_is_told_with_the_next_possible_moment(outcome, said, now):
    topic = make.topic()
    campaign = make.campaign(topic=topic)
    Cap.objects.create(site=campaign.site, most=1, days=7, outcome=outcome)
    person = make.contact()
    make.consent(person, topic)
    other = make.enrollment(make.campaign("other", topic=topic), person)
    make.delivery(other, state="sent", settled_at=now - DAY)
    row = make.enrollment(campaign, person, due_at=None)
    make.delivery(row, version=row.version)
    assert not claim("a", now, 10).taken
    decision = Decision.objects.get(enrollment=row)
    assert (decision.node, decision.version) == ("n1", row.version)
    assert decision.because.sentence(ZoneInfo("Europe/Berlin")) == said
    with override("de"):  # whatever the worker's language was: dates are the reader's
        assert "8. März 2026 10:00" in decision.because.sentence(ZoneInfo("Europe/Berlin"))


def test_quiet_and_unpublished_are_told(now):
    row = make.enrollment(make.campaign(nodes={"s": make.send(make.step("Hi", live=False))}))
    make.delivery(row)
    claim("a", now, 10)
    assert "“Hi” is not published" in Decision.objects.get().because.sentence()


def test_who_must_leave_is_told_at_the_mail(now):
    topic = make.topic()
    person = make.contact()
    make.consent(person, topic)
    row = make.enrollment(make.campaign(topic=topic), person, due_at=None)
    make.delivery(row)
    withdraw(person, topic, at=now, source="a test")
    claim("a", now, 10)
    assert Decision.objects.get().because.sentence() == "Not sent: unsubscribed."


def test_why_somebody_did_not_enter(now):
    topic = make.topic()
    campaign, person = make.campaign(topic=topic), make.contact()
    make.event(person, at=now)
    enrolling.enroll_new(now)
    refusal = Refusal.objects.get()
    assert (refusal.contact, refusal.campaign, refusal.code) == (person, campaign, "no_consent")
    make.consent(person, topic)
    for number in range(2):
        make.event(person, at=now + number * DAY)
        enrolling.enroll_new(now + number * DAY)
    assert person.enrollments.count() == 1
    refusal = Refusal.objects.get()
    assert (refusal.code, refusal.at) == ("entered_before", now + DAY)


def test_an_audience_leaves_no_row_for_everybody(now):
    only = make.condition("attribute", key="city", op="equals", value="Ulm")
    campaign = make.campaign(audience=[only])
    make.contacts(3)
    enrolling.enroll_audience(campaign, now=now)
    assert not Refusal.objects.exists()
    enrolling.enroll(campaign, make.contacts(1), now=now)
    assert not Refusal.objects.exists()  # by hand the audience isn't asked


def test_erased_people_leave_no_reason(now):
    row = make.enrollment(tagged_then_mailed())
    advance_due(now)
    Refusal.objects.create(contact=row.contact, campaign=row.campaign, at=now, code="suppressed")
    other = make.enrollment(row.campaign)
    advance_due(now)
    erase(row.contact, now=now)
    assert not Refusal.objects.exists() and not kept(row) and kept(other)


def test_a_copy_of_ones_data_has_them_and_a_merge_keeps_them(now):
    row = make.enrollment(tagged_then_mailed())
    advance_due(now)
    Refusal.objects.create(contact=row.contact, campaign=row.campaign, at=now, code="suppressed")
    kept_one = merge(make.contact(), row.contact, now=now)
    told = disclose(kept_one, now=now)
    assert [one["node"] for one in told["decisions"]] == ["t", "w"]
    assert told["decisions"][1]["text"].startswith("Waits until March 3, 2026")
    assert told["decisions"][1]["campaign"] == "welcome"
    assert [one["text"] for one in told["refused_entries"]] == ["Their address is suppressed."]
    assert "wagtail_drip.refusal" not in told["other"]
    json.dumps(told)


def test_they_go_after_400_days_or_as_set(now, settings):
    row = make.enrollment(tagged_then_mailed())
    advance_due(now)
    Refusal.objects.create(contact=row.contact, campaign=row.campaign, at=now, code="suppressed")
    assert prune(now + 400 * DAY)["decisions"] == 0
    assert prune(now + 401 * DAY, dry_run=True)["decisions"] == 3
    assert prune(now + 401 * DAY)["decisions"] == 3 and not kept(row)
    advance_due(now + DAY)
    settings.WAGTAIL_DRIP_RETENTION = {"decisions": None}
    assert "decisions" not in prune(now + 9999 * DAY)


def test_as_many_statements_for_500_as_for_10(now):
    german = make.group(make.condition("language", language="de"))
    nodes = {"b": make.branch(german, "w", "w"), "w": make.wait("s"), "s": make.send(make.step())}
    campaign = make.campaign(nodes=nodes)

    def run(amount):
        make.enrollments(campaign, amount)
        return queries(advance_due, now)

    assert run(10) == run(500)
    assert Decision.objects.count() == 2 * 510


@pytest.mark.parametrize("value", ["\0", "\ud800", "x" * 5000, float("nan"), object(), [1] * 99])
def test_what_no_database_keeps_is_kept_short_and_clean(value, now):
    row = make.enrollment(make.campaign())
    seen = because("fault", fault=value).as_json()["seen"]
    Decision.objects.create(enrollment=row, node="n", at=now, code="fault", seen=seen)
    assert len(json.dumps(Decision.objects.get().seen)) < 1000


def test_a_code_of_another_release_is_shown_as_it_is():
    assert Reason("news", {"a": 1}).sentence() == "news"
