from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from tests import factories
from tests.factories import branch, condition, group, leave, send, wait
from tests.queries import queries
from wagtail_drip import registry
from wagtail_drip.engine import planning, walking
from wagtail_drip.engine.advancing import advance_due, clear_stopped, go_on
from wagtail_drip.flow import compiling
from wagtail_drip.models import Attribute, Contact, Delivery, Enrollment, Version
from wagtail_drip.models.consent import suppress

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
GERMAN = group(condition("language", language="de"))


def fresh(row: Enrollment) -> Enrollment:
    return Enrollment.objects.get(pk=row.pk)


def inside(nodes, **fields) -> Enrollment:
    """Somebody due at the start of a new campaign."""
    language = fields.pop("language", "en")
    person = factories.contact(language=language)
    return factories.enrollment(factories.campaign(nodes=nodes), person, **fields)


def test_a_send_lays_down_a_delivery_and_stops(now):
    step = factories.step()
    row = inside({"n1": send(step, "n2"), "n2": wait()})
    assert advance_due(now) == 1
    delivery = Delivery.objects.get()
    assert (delivery.enrollment, delivery.contact) == (row, row.contact)
    assert (delivery.step_key, delivery.node, delivery.visit) == (step.translation_key, "n1", 1)
    assert (delivery.state, delivery.due_at, delivery.channel) == ("waiting", now, "email")
    assert (fresh(row).node, fresh(row).due_at) == ("n1", None)


def test_after_a_delivery_the_wait_counts_from_its_end(now):
    row = inside({"n1": send(factories.step(), "n2"), "n2": wait(amount=2)})
    advance_due(now)
    Delivery.objects.update(state="sent", settled_at=now + DAY)
    assert go_on([row.pk], now + DAY) == 1
    advance_due(now + DAY)
    row = fresh(row)
    assert (row.node, row.arrived_at, row.due_at) == ("n2", now + DAY, now + 3 * DAY)
    assert Delivery.objects.count() == 1


def test_waits_chain_from_their_own_ends_however_late_we_look(now):
    flow = {"n1": wait("n2", amount=1), "n2": wait("n3", amount=2), "n3": wait(amount=4)}
    row = inside(flow)
    advance_due(now + 5 * DAY)
    assert (fresh(row).node, fresh(row).due_at) == ("n3", now + 7 * DAY)


def test_a_day_is_a_calendar_day_in_the_persons_zone(now):
    # On 29 March 2026 Berlin's clocks go forward: that day has 23 hours.
    start = datetime(2026, 3, 28, 9, tzinfo=UTC)
    campaign = factories.campaign(nodes={"n1": wait()}, time_zone="UTC")
    person = factories.contact(time_zone="Europe/Berlin")
    row = factories.enrollment(campaign, person, entered_at=start, due_at=start)
    advance_due(start)
    assert fresh(row).due_at == start + timedelta(hours=23)


def test_the_zone_falls_back_where_a_name_means_nothing(settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    assert walking.zone_of("Mars/Base", "Europe/Berlin").key == "Europe/Berlin"
    assert walking.zone_of("", "../etc").key == "Asia/Tokyo"


def test_a_branch_parts_people_by_their_own_answers(now):
    flow = {"n1": branch(GERMAN, "n2", "n3"), "n2": leave("speaks German"), "n3": wait()}
    german = inside(flow, language="de")
    other = factories.enrollment(german.campaign)
    advance_due(now)
    assert (fresh(german).state, fresh(german).reason) == ("left", "speaks German")
    assert (fresh(other).state, fresh(other).node) == ("active", "n3")


def test_the_flows_end_completes(now):
    row = inside({"n1": wait()}, entered_at=now - DAY)
    advance_due(now)
    row = fresh(row)
    assert (row.state, row.ended_at, row.due_at, row.node) == ("completed", now, None, "")


def test_a_leave_without_words_says_the_flow_did_it(now):
    row = inside({"n1": leave()})
    advance_due(now)
    assert (fresh(row).state, fresh(row).reason) == ("left", Enrollment.Reason.CONDITION)


def test_each_stands_where_they_should_however_many_there_are(now):
    campaign = factories.campaign(nodes={"n1": wait("n2", amount=20), "n2": wait(amount=1)})
    rows = [
        factories.enrollment(campaign, entered_at=now - hours * timedelta(hours=1))
        for hours in range(15)
    ]
    advance_due(now)
    for row in rows:
        assert (fresh(row).node, fresh(row).arrived_at) == ("n1", row.entered_at)
        assert fresh(row).due_at == row.entered_at + 20 * DAY


def test_people_go_by_the_version_they_entered_on(now):
    old, new = factories.step("Old"), factories.step("New")
    row = inside({"n1": send(old)})
    factories.version(row.campaign, {"n1": send(new)})
    advance_due(now)
    assert Delivery.objects.get().step_key == old.translation_key


def test_who_is_not_due_is_let_be(now):
    inside({"n1": wait()}, due_at=now + DAY)
    assert advance_due(now) == 0


def test_in_a_paused_campaign_deliveries_wait(now):
    campaign = factories.campaign(paused_at=now)
    factories.enrollment(campaign)
    advance_due(now)
    assert Delivery.objects.get().state == "waiting"


# Who goes no further


def test_a_stopped_campaign_lets_go_with_what_still_waits(now):
    campaign = factories.campaign(live=False)
    row = factories.enrollment(campaign)
    delivery = factories.delivery(row)
    Enrollment.objects.update(due_at=now)
    advance_due(now)
    delivery.refresh_from_db()
    assert (fresh(row).state, fresh(row).reason, fresh(row).due_at) == ("left", "stopped", None)
    assert (delivery.state, delivery.reason, delivery.settled_at) == ("skipped", "stopped", now)


@pytest.mark.parametrize("due_at", [None, datetime(2026, 12, 24, tzinfo=UTC)])
def test_when_a_campaign_stops_nobody_sleeps_on_inside(due_at, now):
    stopped, other = factories.campaign(live=False), factories.campaign("other")
    rows = [factories.enrollment(campaign, due_at=due_at) for campaign in (stopped, other)]
    Enrollment.objects.update(due_at=due_at)
    assert clear_stopped(now, limit=1) == 1
    assert clear_stopped(now) == 0
    assert [fresh(row).state for row in rows] == ["left", "active"]


def test_going_live_again_takes_nobody_along_from_before(now):
    campaign = factories.campaign(started_at=now - DAY)
    before = factories.enrollment(campaign, entered_at=now - 2 * DAY)
    since = factories.enrollment(campaign, entered_at=now - DAY)
    advance_due(now)
    assert (fresh(before).state, fresh(before).reason) == ("left", "stopped")
    assert fresh(since).state == "active"


def test_the_goal_ends_it_for_those_who_reached_it_since_entering(now):
    bought = condition("event_happened", event="order_placed", since="entering", days=None, same="")
    campaign = factories.campaign(goals=[bought])
    buyer, before, never = (factories.enrollment(campaign) for _ in range(3))
    factories.event(buyer.contact, "order_placed", at=buyer.entered_at)
    factories.event(before.contact, "order_placed", at=before.entered_at - DAY)
    advance_due(now)
    assert (fresh(buyer).state, fresh(buyer).reason) == ("left", "goal")
    assert fresh(before).state == fresh(never).state == "active"
    assert Delivery.objects.count() == 2


@pytest.mark.parametrize(("state", "reason"), [("granted", ""), ("withdrawn", "unsubscribed")])
def test_withdrawn_consent_ends_it(state, reason, now):
    topic = factories.topic()
    row = factories.enrollment(factories.campaign(topic=topic))
    factories.consent(row.contact, topic, state)
    advance_due(now)
    assert fresh(row).reason == reason


def test_a_suppressed_address_ends_it(now):
    row = factories.enrollment(factories.campaign())
    suppress(row.contact.email, reason="bounced", at=now)
    advance_due(now)
    assert fresh(row).reason == "suppressed"


def test_an_erased_contact_ends_it(now):
    row = factories.enrollment(factories.campaign(), factories.contact(erased_at=now))
    advance_due(now)
    assert fresh(row).reason == "erased"


# Deliveries


@pytest.mark.parametrize(
    ("step_sender", "campaign_sender", "domain"),
    [
        ("a@step.example", "b@campaign.example", "step.example"),
        ("", "b@campaign.example", "campaign.example"),
        ("", "", "site.example"),
    ],
)
def test_the_message_id_is_of_the_senders_domain(
    step_sender, campaign_sender, domain, now, settings
):
    settings.WAGTAIL_DRIP_FROM_EMAIL = "The Site <c@site.example>"
    nodes = {"n1": send(factories.step(sender_email=step_sender))}
    factories.enrollment(factories.campaign(nodes=nodes, sender_email=campaign_sender, priority=5))
    advance_due(now)
    delivery = Delivery.objects.get()
    assert delivery.message_id == f"<{delivery.token}@{domain}>"
    assert delivery.priority == 5


def test_a_message_id_is_ascii_whatever_the_sender():
    assert planning.message_id("t", "a@bücher.example") == "<t@xn--bcher-kva.example>"
    assert planning.message_id("t", "root") == "<t@localhost>"


def test_a_delivery_still_open_is_waited_for_and_not_repeated(now):
    row = factories.enrollment(factories.campaign())
    factories.delivery(row)
    Enrollment.objects.update(due_at=now)
    advance_due(now)
    assert fresh(row).due_at is None
    assert Delivery.objects.count() == 1


def test_a_send_they_already_had_is_passed_over(now):
    campaign = factories.campaign(nodes={"n0": wait("n1"), "n1": send(factories.step())})
    row = factories.enrollment(campaign, entered_at=now - DAY)
    factories.delivery(row, node="n1", state="sent", settled_at=now)
    advance_due(now)
    assert fresh(row).state == "completed"
    assert Delivery.objects.count() == 1


def test_a_delivery_laid_down_meanwhile_costs_the_others_nothing(now, monkeypatch):
    campaign = factories.campaign()
    overtaken, other = (factories.enrollment(campaign) for _ in range(2))
    steps = planning._steps

    def late(keys):
        factories.delivery(overtaken)
        return steps(keys)

    monkeypatch.setattr(planning, "_steps", late)
    advance_due(now)
    assert Delivery.objects.count() == 2
    assert (fresh(overtaken).due_at, fresh(other).due_at) == (now, None)


# Faults


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ({"n1": wait("n9")}, "n9"),
        ({"n1": {"kind": "wait", "spec": {"unit": "moons"}, "next": ""}}, ""),
        ({"n1": branch(group(condition("gone")), "", "")}, "gone"),
        ({"n1": {"kind": "dance"}}, "dance"),
        ({"n1": branch(GERMAN, "n1", "n1")}, "goes round"),
    ],
)
def test_a_flow_that_can_not_be_followed_fails_its_people_alone(nodes, reason, now):
    bad = inside(nodes, entered_at=now - 5 * DAY)
    good = factories.enrollment(factories.campaign("good"))
    assert advance_due(now) == 2
    assert (fresh(bad).state, fresh(bad).ended_at) == ("failed", now)
    assert fresh(bad).reason and reason in fresh(bad).reason
    assert fresh(good).state == "active" and Delivery.objects.count() == 1


def test_a_send_that_names_no_step_fails_its_people_alone(now):
    bad = inside({"n1": wait("n2"), "n2": wait()}, entered_at=now - 5 * DAY)
    good = factories.enrollment(factories.campaign("good"))
    program = bad.version.program | {"nodes": {"n1": {"kind": "send", "step": "x", "next": ""}}}
    Version.objects.filter(pk=bad.version_id).update(program=program)
    advance_due(now)
    assert (fresh(bad).state, fresh(good).state) == ("failed", "active")


def test_one_who_can_not_be_asked_fails_alone(now, monkeypatch):
    flow = {"n1": branch(GERMAN, "n2", "n2"), "n2": wait()}
    bad = inside(flow)
    good = factories.enrollment(bad.campaign)
    from wagtail_drip.engine import asking

    met = asking.matching.met

    def choosy(group, queryset, now):
        if queryset.filter(pk=bad.pk).exists():
            raise ValueError("a value that can't be compared")
        return met(group, queryset, now)

    def untold(*args, **kwargs):
        raise ValueError("what it sees can't be read")

    monkeypatch.setattr(asking.matching, "met_and_seen", untold)
    advance_due(now)
    assert fresh(good).node == fresh(bad).node == "n2"  # nobody is kept by what can't be told
    Enrollment.objects.update(node="n1", due_at=now)
    monkeypatch.setattr(asking.matching, "met", choosy)
    advance_due(now)
    assert (fresh(bad).state, fresh(good).state) == ("failed", "active")
    assert fresh(bad).reason == "a value that can't be compared"


def test_a_goal_that_can_not_be_asked_sends_nothing(now):
    row = factories.enrollment(factories.campaign(goals=[condition("gone")]))
    advance_due(now)
    assert fresh(row).state == "failed" and not Delivery.objects.exists()


# At scale


def test_as_many_queries_for_500_as_for_10(now):
    topic = factories.topic()
    nodes = {
        "n1": branch(GERMAN, "n2", "n3"),
        "n2": branch(GERMAN, "n3", "n4"),
        "n3": send(factories.step()),
        "n4": wait(),
    }
    goal = condition("event_happened", event="order_placed", since="ever", days=None, same="")
    campaign = factories.campaign(nodes=nodes, topic=topic, goals=[goal])

    def run(amount):
        rows = factories.enrollments(campaign, amount)
        for row in rows:
            factories.consent(row.contact, topic)
        half = [row.contact_id for row in rows[::2]]
        type(rows[0].contact).objects.filter(pk__in=half).update(language="de")
        return queries(advance_due, now)

    assert run(10) == run(500)
    assert Delivery.objects.count() == 510


def samples(step, other):
    """A value for each block that may stand in a flow. One that is new here and does not send
    needs one."""
    german = [{"type": "language", "value": {"language": "de"}, "id": "c"}]
    hello = [{"type": "send", "value": {"step": step.pk}, "id": "inner"}]
    half = [{"type": "item", "value": {"percent": 50, "flow": []}, "id": str(n)} for n in (1, 2)]
    duration, yearly = {"amount": 1, "unit": "days"}, {"yearly": True, "time": "09:00"}
    sends = {slug: {"step": step.pk} for slug in registry.flow_blocks()}
    return sends | {
        "wait": duration,
        "wait_hours": {"window": {"days": ["0"], "start": "10:00", "end": "17:00"}},
        "wait_date": {"date": "2030-01-01", "time": "09:00"},
        "wait_day": {"of": "contact", "key": "birthday", "side": "before", **duration, **yearly},
        "wait_event": {"event": "user_signed_up", "same": "", **duration, "happened": hello},
        "if_else": {"match": "all", "conditions": german, "yes": [], "no": []},
        "split": {"ways": half},
        "enroll": {"campaign": other.pk},
        "set_tag": {"side": "add", "tag": "vip"},
        "set_attribute": {"key": "city", "value": "Ulm"},
        "leave": {"reason": "enough"},
    }


def test_each_registered_block_asks_as_often_for_500_people_as_for_few(now):
    """People stand at all of them at once."""
    step, other = factories.step(), factories.campaign("other")
    Attribute.objects.create(key="city", label="City")
    values = samples(step, other)
    raw = [{"type": slug, "value": value, "id": f"at-{slug}"} for slug, value in values.items()]
    program = compiling.compile_flow(raw, {step.pk: str(step.translation_key)})
    campaign = factories.campaign(nodes=compiling.dump(program)["nodes"])

    def run(amount):
        rows = factories.enrollments(campaign, amount)
        for slug, some in zip(values, batched(rows, amount // len(values)), strict=False):
            ids = [row.pk for row in some]
            Enrollment.objects.filter(pk__in=ids).update(node=f"at-{slug}")
        born = {"birthday": "1990-05-05"}
        Contact.objects.filter(enrollments__in=rows).update(attributes=born, language="de")
        return queries(advance_due, now)

    run(2 * len(values))  # the tag is made
    assert run(2 * len(values)) == run(500)
    assert not Enrollment.objects.filter(state="failed").exists()


def batched(rows, size):
    return (rows[at : at + size] for at in range(0, len(rows), size))


def test_one_query_for_a_branch_that_people_come_to_by_two_ways(now):
    nodes = {
        "n1": branch(group(condition("language", language="de")), "n2", "n2"),
        "n2": branch(group(condition("language", language="fr")), "", ""),
    }
    campaign = factories.campaign(nodes=nodes)
    factories.enrollment(campaign)
    one_way = queries(advance_due, now)
    factories.enrollment(campaign)
    factories.enrollment(campaign, node="n2")
    # Their number: an INSERT names its columns by what is the same in all rows.
    assert len(queries(advance_due, now)) == len(one_way)


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="needs row locks")
@pytest.mark.django_db(transaction=True)
def test_processes_share_the_work_without_waiting(now):
    factories.enrollments(factories.campaign(), 4)
    taken = []

    def other():
        taken.append(advance_due(now))
        connection.close()

    with transaction.atomic():
        assert advance_due(now, limit=2) == 2
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
        assert taken == [2]
    assert Delivery.objects.count() == 4


def test_a_program_of_a_newer_release_is_left_to_its_workers(now):
    """In a rolling deploy the old workers still run when the new code has published."""
    ours = inside({"n1": wait()})
    theirs = factories.enrollment(factories.campaign("newer"))
    newer = theirs.version.program | {"format": 99}
    Version.objects.filter(pk=theirs.version_id).update(program=newer)
    assert advance_due(now) == 2 and advance_due(now) == 0
    assert fresh(theirs).state == "active" and not Delivery.objects.exists()
    assert (fresh(theirs).arrived_at, fresh(ours).due_at) == (theirs.arrived_at, now + DAY)
    Version.objects.filter(pk=theirs.version_id).update(program=theirs.version.program)
    assert advance_due(now + timedelta(minutes=1)) == 1
    assert Delivery.objects.get().enrollment == theirs
