"""The plan says what the engine then does, and leaves nothing behind."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from unittest.mock import Mock
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, connection
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import factories as make
from wagtail_drip import models, signals
from wagtail_drip.engine import foretelling
from wagtail_drip.engine.foretelling import MOST_MOMENTS, foretell
from wagtail_drip.engine.foretold import Busy, Sample, WhatIf
from wagtail_drip.engine.ticking import pump
from wagtail_drip.models import Campaign, Enrollment
from wagtail_drip.models.consent import suppress, withdraw
from wagtail_drip.models.sending_times import SendingTimes

pytestmark = pytest.mark.django_db

NOW = make.NOW


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """How long a plan takes is the machine's affair."""
    monkeypatch.setattr(foretelling, "SECONDS", 3600)


EXAMPLES = 1000 if os.environ.get("DRIP_LONG") else 50  # make long


def told(plan) -> list[tuple]:
    """Days since the start, type, outcome and mail of each item."""
    return [
        ((item.at - NOW) / timedelta(days=1), item.type, item.outcome, item.step)
        for item in plan.items
    ]


def three_mails(**fields) -> Campaign:
    one, two, three = (make.step(name) for name in ("One", "Two", "Three"))
    nodes = {
        "a": make.send(one, "w"),
        "w": make.wait("b", amount=2),
        "b": make.send(two, "e"),
        "e": make.wait_event("bought", "x", "c", amount=3),
        "c": make.send(three),
        "x": make.leave("bought"),
    }
    return make.campaign(nodes=nodes, **fields)


def test_a_plan_tells_each_stop_with_its_day():
    plan = foretell(three_mails(), make.contact(), start=NOW)
    assert told(plan) == [
        (0, "entry", "entered", ""),
        (0, "send", "sent", "One"),
        (0, "wait", "waits", ""),
        (2, "send", "sent", "Two"),
        (2, "wait_event", "waits", ""),
        (2, "wait_event", "waits", ""),
        (5, "wait_event", "goes_on", ""),
        (5, "send", "sent", "Three"),
        (5, "end", "completed", ""),
    ]
    waits = plan.items[2].because
    assert waits.sentence(ZoneInfo("Europe/Berlin")) == "Waits until March 4, 2026 10 a.m."


def test_if_they_buy_on_day_four():
    bought = WhatIf("bought", NOW + timedelta(days=4))
    plan = foretell(three_mails(), Sample(), start=NOW, what_if=[bought])
    assert told(plan)[-4:] == [
        (4, "event", "happens", ""),
        (4, "wait_event", "goes_on", ""),
        (4, "leave", "goes_on", ""),
        (4, "end", "left", ""),
    ]
    assert plan.contact == ""


def everything() -> dict[str, list[tuple]]:
    """Each row of each table, as the database has it."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found[table] = sorted(cursor.fetchall(), key=repr)
    return found


def busy() -> Campaign:
    """A campaign that does all that a flow can do."""
    models.Attribute.objects.create(key="city", label="City")
    other = make.campaign("other", transactional_reason="They came here")
    nodes = {
        "t": make.do("u", do="tag", side="add", tag="VIP"),
        "u": make.do("a", do="tag", side="remove", tag="VIP"),
        "a": make.do("o", do="attribute", key="city", value="Bookham"),
        "o": make.do("s", do="enroll", campaign=other.pk),
        "s": make.send(make.step("Hello"), "e"),
        "e": make.wait_event("bought", "w", "w", amount=3),
        "w": make.wait("l", amount=2),
        "l": make.send(make.step("Bye")),
    }
    goals = [make.condition("event_happened", event="paid", since="entering")]
    return make.campaign(nodes=nodes, topic=make.topic(), goals=goals, live=False, paused_at=NOW)


PURCHASE = (WhatIf("bought", NOW + timedelta(days=1)), WhatIf("paid", NOW + timedelta(days=2)))


def test_nothing_is_left_behind(mailoutbox, django_capture_on_commit_callbacks):
    campaign, person = busy(), make.contact()
    make.consent(person, campaign.topic)
    before = everything()
    with django_capture_on_commit_callbacks() as callbacks:
        for who in (person, Sample(language="fa", time_zone="Asia/Tehran")):
            assert foretell(campaign, who, start=NOW).items[-1].outcome == "completed"
            plan = foretell(campaign, who, start=NOW, what_if=PURCHASE)
            assert plan.items[-1].outcome == "left"
    assert everything() == before and not mailoutbox and not callbacks


def test_nobody_is_told_of_it(monkeypatch):
    """Neither a site's receivers, nor a search index, nor the line, nor the journal."""
    campaign = busy()
    heard = []

    def hear(signal, **kwargs):
        heard.append(kwargs.get("instance") or signal)

    told = (pre_save, post_save, pre_delete, post_delete, m2m_changed, signals.work_waiting,
            signals.pre_transmit, signals.post_transmit)  # fmt: skip
    monkeypatch.setattr("wagtail_drip.engine.journal.Journal.__init__", pytest.fail)
    for signal in told:
        signal.connect(hear)
    try:
        foretell(campaign, Sample(), start=NOW, what_if=PURCHASE)
    finally:
        for signal in told:
            signal.disconnect(hear)
    assert not heard


def test_a_made_up_person_has_tags_topics_and_their_own_luck():
    topic, tag = make.topic(), models.Tag.objects.create(name="VIP")
    asked = make.group(make.condition("has_tag", tag=tag.slug))
    nodes = {
        "b": make.branch(asked, "s", "x"),
        "s": {"kind": "split", "ways": [[50, "x"], [50, "y"]]},
        "x": make.send(make.step("One")),
        "y": make.send(make.step("Two")),
    }
    campaign = make.campaign(nodes=nodes, topic=topic)
    assert foretell(campaign, Sample(topics=()), start=NOW).items[-1].outcome == "refused"
    plain = foretell(campaign, Sample(topics=[topic.pk]), start=NOW)
    assert plain.items[1].because.code == "holds_not"
    plans = [
        [told(foretell(campaign, Sample(tags=[tag.pk], number=n), start=NOW)) for _ in "ab"]
        for n in range(1, 9)
    ]
    assert all(one == again for one, again in plans)
    assert {"One", "Two"} == {item[3] for one, _again in plans for item in one if item[3]}


def test_what_waits_for_somebody_is_named_and_passed():
    draft = make.step("Draft", live=False)
    nodes = {"a": make.send(draft, "w"), "w": make.wait("b"), "b": make.send(make.step("Live"))}
    plan = foretell(make.campaign(nodes=nodes), Sample(), start=NOW)
    assert told(plan)[1:] == [
        (0, "send", "blocked", "Draft"),
        (0, "wait", "waits", ""),
        (1, "send", "sent", "Live"),
        (1, "end", "completed", ""),
    ]
    assert plan.items[1].because.sentence().startswith("The mail “Draft” is not published. From")


def test_a_campaign_that_is_not_saved_yet():
    step = make.step("Fresh")
    campaign = Campaign(name="New", trigger="user_signed_up", transactional_reason="They asked")
    campaign.flow = [{"type": "send", "value": {"step": step.pk}, "id": "s1"}]
    plan = foretell(campaign, Sample(), start=NOW, draft=True)
    assert [item.step for item in plan.items if item.step] == ["Fresh"]
    assert campaign.pk is None and not Campaign.objects.exists()


def test_it_ends_when_its_time_is_over():
    plan = foretell(three_mails(), Sample(), start=NOW, seconds=-1)
    assert [item.because.code for item in plan.items] == ["entered", "too_slow"]


@pytest.mark.parametrize("code", ["55P03", "57014", "40001"])
def test_a_database_that_has_no_time_is_told_so(monkeypatch, code):
    error = OperationalError("busy")
    error.sqlstate = code
    monkeypatch.setattr(foretelling, "advance", Mock(side_effect=error))
    with pytest.raises(Busy, match="Try again"):
        foretell(three_mails(), Sample(), start=NOW)
    assert not Enrollment.objects.exists()


def test_who_may_not_enter_is_told_why():
    topic = make.topic()
    campaign = three_mails(topic=topic)
    person = make.contact()
    [item] = foretell(campaign, person, start=NOW).items
    assert (item.type, item.outcome, item.because.code) == ("entry", "refused", "no_consent")
    make.consent(person, topic)
    suppress(person.email, reason="bounced", at=NOW)
    [item] = foretell(campaign, person, start=NOW).items
    assert item.because.code == "suppressed" and "suppressed" in item.because.sentence()


def test_who_was_in_it_enters_anew_and_is_told_so():
    campaign, person = three_mails(), make.contact()
    make.enrollment(campaign, person)
    plan = foretell(campaign, person, start=NOW + timedelta(days=30))
    assert [item.because.code for item in plan.items[:2]] == ["entered_before", "entered"]
    assert plan.items[-1].outcome == "completed"


def test_quiet_hours_and_a_skipped_mail_are_part_of_it():
    campaign = three_mails(topic=make.topic())
    SendingTimes.objects.create(site=campaign.site, quiet_from="18:00", quiet_to="10:00")
    person = make.contact()
    make.consent(person, campaign.topic)
    plan = foretell(campaign, person, start=NOW)
    assert [(item.outcome, item.because.code) for item in plan.items[1:3]] == [
        ("waits", "closed"), ("sent", "sent"),
    ]  # fmt: skip
    withdraw(person, campaign.topic, at=NOW, source="a test")
    assert foretell(campaign, person, start=NOW).items[-1].outcome == "refused"


def test_a_cap_is_part_of_it():
    topic = make.topic()
    nodes = {"a": make.send(make.step("One"), "b"), "b": make.send(make.step("Two"))}
    campaign = make.campaign(nodes=nodes, topic=topic)
    person = make.contact(most_per_week=1)
    make.consent(person, topic)
    plan = foretell(campaign, person, start=NOW)
    assert told(plan)[1:] == [
        (0, "send", "sent", "One"),
        (0, "send", "held", "Two"),
        (7, "send", "sent", "Two"),
        (7, "end", "completed", ""),
    ]


def test_a_goal_ends_the_plan():
    campaign = three_mails(goals=[make.condition("event_happened", event="paid", since="entering")])
    paid = WhatIf("paid", NOW + timedelta(days=1))
    plan = foretell(campaign, make.contact(), start=NOW, what_if=[paid])
    assert told(plan)[-2:] == [(1, "event", "happens", ""), (1, "end", "left", "")]
    assert plan.items[-1].because.sentence() == (
        "They leave: reached the goal: they paid since they entered: yes (1 time)."
    )


def test_a_goal_that_comes_by_itself_ends_a_wait_for_a_date():
    """Whoever waits for a date of their own is looked at each day."""
    nodes = {"d": make.wait_day("contact", "renewal", "s"), "s": make.send(make.step("Renewed"))}
    over = [make.condition("date", key="trial_ends", op="last", days=1)]
    person = make.contact(attributes={"renewal": "2026-03-19", "trial_ends": "2026-03-09"})
    plan = foretell(make.campaign(nodes=nodes, goals=over), person, start=NOW)
    assert told(plan)[1:] == [(0, "wait_day", "waits", ""), (7, "end", "left", "")]
    plan = foretell(make.campaign("without", nodes=nodes), person, start=NOW)
    assert told(plan)[-1][1:] == ("end", "completed", "")


def test_the_event_that_enrolls_brings_its_data():
    soon = make.send(make.step("Soon"))
    nodes = {"d": make.wait_day("event", "starts", "s", amount=-1), "s": soon}
    campaign = make.campaign(nodes=nodes)
    booked = WhatIf("user_signed_up", NOW, {"starts": "2026-03-12"})
    plan = foretell(campaign, Sample(), start=NOW, what_if=[booked])
    [mail] = [item for item in plan.items if item.type == "send"]
    assert mail.at == datetime(2026, 3, 11, 9, tzinfo=NOW.tzinfo)
    assert foretell(campaign, Sample(), start=NOW).items[-1].because.code == "left"


def test_a_draft_is_foretold_by_what_stands_on_the_instance():
    campaign = three_mails()
    step = make.step("Fresh")
    campaign.flow = [{"type": "send", "value": {"step": step.pk}, "id": "s1"}]
    plan = foretell(campaign, Sample(), start=NOW, draft=True)
    assert plan.version is None and [item.step for item in plan.items if item.step] == ["Fresh"]
    assert foretell(campaign, Sample(), start=NOW).version == 1


def test_what_can_not_be_told_to_its_end_says_so():
    nodes = {f"n{number}": make.wait(f"n{number + 1}", amount=3000) for number in range(9)}
    nodes["n9"] = make.send(make.step())
    plan = foretell(make.campaign(nodes=nodes), Sample(), start=NOW)
    assert (plan.items[-1].outcome, plan.items[-1].because.code) == ("cut", "too_far")
    nodes = {f"n{n}": make.wait(f"n{n + 1}", unit="hours") for n in range(MOST_MOMENTS + 9)}
    nodes[f"n{MOST_MOMENTS + 9}"] = make.send(make.step())
    plan = foretell(make.campaign("long", nodes=nodes), Sample(), start=NOW)
    assert plan.items[-1].because.code == "too_long"


def test_a_flow_that_fails_says_where():
    gone = make.group(make.condition("gone"))
    nodes = {"b": make.branch(gone, "s", "s"), "s": make.send(make.step())}
    plan = foretell(make.campaign(nodes=nodes), Sample(), start=NOW)
    assert [item.outcome for item in plan.items] == ["entered", "failed", "failed"]
    assert plan.items[1].node == "b"


def test_a_campaign_without_a_version_asks_for_its_draft():
    campaign = three_mails()
    campaign.current_version = None
    with pytest.raises(ValueError, match="draft"):
        foretell(campaign, Sample(), start=NOW)


# What is foretold is what happens

EVENTS = ("bought", "came")
hours = st.integers(1, 200)
DAYS = (NOW + timedelta(days=n) for n in range(-3, 25))
days = st.sampled_from([day.date().isoformat() for day in DAYS])
clock = st.sampled_from(["", "03:00", "08:30", "14:00", "23:15"])


@st.composite
def windows(draw):
    """Hours and days of the week, of which either may be left out."""
    start, end = draw(st.sampled_from([("", ""), ("09:00", "17:00"), ("22:00", "06:00")]))
    weekdays = draw(st.lists(st.integers(0, 6), unique=True, max_size=3))
    return {"days": sorted(weekdays), "start": start, "end": end}


@st.composite
def specs(draw):
    """A wait of a length, until a date, or until a window is open."""
    kind = draw(st.sampled_from(["duration", "duration", "date", "window"]))
    spec = {"type": kind}
    if kind == "duration":
        unit = draw(st.sampled_from(["minutes", "hours", "hours", "days"]))
        spec |= {"amount": draw(hours) if unit != "days" else draw(st.integers(1, 9)), "unit": unit}
    elif kind == "date":
        spec |= {"date": draw(days), "time": draw(clock) or "09:00"}
    if kind == "window" or draw(st.booleans()):
        spec["window"] = draw(windows())
    return spec


happened = st.builds(
    lambda event, since: make.condition("event_happened", event=event, since=since, days=2),
    st.sampled_from(EVENTS),
    st.sampled_from(["entering", "ever", "days"]),
)
tagged = st.just(make.condition("has_tag", tag="t"))
lives = st.builds(
    lambda op, city: make.condition("attribute", key="city", op=op, value=city),
    st.sampled_from(["equals", "not_equals", "set"]),
    st.sampled_from(["Kiel", "Bonn"]),
)
share = st.builds(lambda n: make.condition("random_share", percent=n, draw="d"), st.integers(1, 99))
dated = st.builds(
    lambda op, n: make.condition("date", key="renewal", op=op, days=n),
    st.sampled_from(["next", "last", "before", "after", "anniversary"]),
    st.integers(0, 9),
)
single = happened | tagged | lives | share | dated
matches = st.sampled_from(["all", "any", "none"])


def together(match, conditions):
    stream = [{"type": c["slug"], "value": c["args"], "id": uuid4().hex} for c in conditions]
    return make.condition("group", match=match, conditions=stream)


conditions = single | st.builds(together, matches, st.lists(single, min_size=1, max_size=2))
groups = st.builds(
    lambda match, asked: make.group(*asked, match=match),
    matches,
    st.lists(conditions, min_size=1, max_size=2),
)


@st.composite
def flows(draw, depth: int = 0, prefix: str = "n"):
    """Nodes by id, from the end backwards; the first one's id comes with them."""
    nodes, next_ = {}, ""
    kinds = ["send", "send", "wait", "wait", "day", "tag", "attribute", "event", "branch", "split"]
    for number in reversed(range(draw(st.integers(1, 4)))):
        id, kind = f"{prefix}{number}", draw(st.sampled_from(kinds))
        if kind in ("event", "branch", "split") and depth < 2:
            ways = []
            for way in "ab":
                inner, first = draw(flows(depth=depth + 1, prefix=f"{id}{way}"))
                last = [key for key, node in inner.items() if node.get("next") == ""]
                for key in last:
                    inner[key]["next"] = next_
                nodes |= inner
                ways.append(first)
            if kind == "event":
                nodes[id] = make.wait_event(
                    draw(st.sampled_from(EVENTS)), *ways, amount=draw(hours), unit="hours"
                )
            elif kind == "branch":
                nodes[id] = make.branch(draw(groups), *ways)
            else:
                nodes[id] = {"kind": "split", "ways": [[40, ways[0]], [60, ways[1]]]}
        elif kind == "tag":
            side = draw(st.sampled_from(["add", "remove"]))
            nodes[id] = make.do(next_, do="tag", side=side, tag="t")
        elif kind == "attribute":
            city = draw(st.sampled_from(["Kiel", "Bonn"]))
            nodes[id] = make.do(next_, do="attribute", key="city", value=city)
        elif kind == "day":
            spec = {"amount": draw(st.integers(-5, 5)), "time": draw(clock) or "09:00"}
            spec["yearly"] = draw(st.booleans())
            if draw(st.booleans()):
                spec["window"] = draw(windows())
            of, leave = draw(st.sampled_from(["contact", "event"])), draw(st.booleans())
            nodes[id] = make.wait_day(of, "renewal", next_, leave=leave, **spec)
        elif kind == "wait":
            nodes[id] = {"kind": "wait", "spec": draw(specs()), "next": next_}
        elif kind == "send" or number:
            nodes[id] = {"kind": "send", "step": "", "next": next_}
        else:
            nodes[id] = make.leave("Enough") if draw(st.booleans()) else make.wait(next_)
        next_ = id
    return nodes, next_


minutes = st.integers(0, 400 * 60)
happening = st.lists(
    st.tuples(st.sampled_from(EVENTS), minutes), max_size=3, unique_by=lambda event: event[1]
)
people = st.fixed_dictionaries(
    {
        "time_zone": st.sampled_from(["Asia/Tehran", "America/New_York", ""]),
        "most_per_week": st.sampled_from([None, None, 1, 3]),
        "attributes": st.fixed_dictionaries({}, optional={"renewal": days}),
    }
)
settings_of = st.fixed_dictionaries(
    {
        "quiet": st.booleans(),
        "holidays": st.lists(days, max_size=2),
        "caps": st.lists(
            st.fixed_dictionaries(
                {
                    "most": st.integers(1, 2),
                    "days": st.integers(1, 9),
                    "outcome": st.sampled_from(["delay", "skip"]),
                }
            ),
            max_size=2,
        ),
        "transactional": st.sampled_from([False, False, False, True]),
        "goals": st.lists(conditions, max_size=1),
        "data": st.fixed_dictionaries({}, optional={"renewal": days}),
    }
)


@settings(
    max_examples=EXAMPLES,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(flow=flows(), events=happening, who=people, site=settings_of)
def test_what_is_foretold_is_what_happens(flow, events, who, site):
    nodes, start = flow
    for number, node in enumerate(node for node in nodes.values() if node["kind"] == "send"):
        node["step"] = str(make.step(f"Mail {number}").translation_key)
    Campaign.objects.update(live=False)  # of the examples before
    SendingTimes.objects.all().delete()
    models.Cap.objects.all().delete()
    models.Attribute.objects.get_or_create(key="city", defaults={"label": "City"})
    topic = models.Topic.objects.filter(slug="news").first() or make.topic()
    campaign = make.campaign(
        f"flow-{uuid4().hex}",
        nodes=nodes,
        start=start,
        goals=site["goals"],
        topic=None if site["transactional"] else topic,
    )
    SendingTimes.objects.create(
        site=campaign.site,
        quiet_from="17:00" if site["quiet"] else None,
        quiet_to="09:30" if site["quiet"] else None,
        holidays="\n".join(site["holidays"]),
    )
    for cap in site["caps"]:
        models.Cap.objects.create(site=campaign.site, **cap)
    person = make.contact(**who)
    make.consent(person, topic)
    what_if = [WhatIf(name, NOW + timedelta(minutes=later + 1)) for name, later in events]
    entry = WhatIf(campaign.trigger, NOW, site["data"])
    plan = foretell(campaign, person, start=NOW, what_if=[entry, *what_if], seconds=60)

    make.event(person, at=NOW, data=site["data"])
    live_through(person, sorted(what_if, key=lambda one: one.at))
    sent = person.deliveries.filter(state="sent").order_by("settled_at", "pk")
    assert [(item.at, item.node) for item in plan.items if item.outcome == "sent"] == [
        (row.settled_at, row.node) for row in sent
    ]
    assert plan.items[-1].outcome == person.enrollments.get().state
    # The record says, of each place, what the plan said last; that a mail went its delivery says.
    foretold = {i.node: i.because for i in plan.items if i.node and i.outcome != "sent"}
    decided = models.Decision.objects.filter(enrollment__contact=person)
    decisions = {one.node: one.because for one in decided}
    # Why somebody left stands where they stood, in place of what was said of it before.
    if left := next((node for node, one in decisions.items() if one.code == "left"), None):
        foretold[left] = plan.items[-1].because
    assert foretold == decisions


def live_through(person, coming):
    """The line runs at each moment at which anything is due, until nothing is."""
    now = NOW
    for _ in range(900):
        pump(lambda now=now: now, 50)
        due = [one.at for one in coming[:1]]
        due += person.enrollments.filter(state="active").values_list("due_at", flat=True)
        due += person.deliveries.filter(state="waiting").values_list("due_at", flat=True)
        later = [moment for moment in due if moment and moment > now]
        if not later:
            return
        now = min(later)
        while coming and coming[0].at <= now:
            one = coming.pop(0)
            make.event(person, one.name, at=one.at)
