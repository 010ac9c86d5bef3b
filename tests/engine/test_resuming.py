"""A pause ends without a burst."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from tests import factories as make
from tests.factories import send, wait
from tests.queries import queries
from wagtail_drip.engine import resuming, ticking
from wagtail_drip.engine.resuming import resume, resume_due
from wagtail_drip.models import Campaign, Delivery, Enrollment, Resumption, SendingTimes

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def paused(now) -> Campaign:
    """Paused four days ago; a mail, then a wait of two days."""
    nodes = {"s1": send(make.step(), "w1"), "w1": wait(amount=2)}
    return make.campaign(nodes=nodes, paused_at=now - 4 * DAY, started_at=now - 30 * DAY)


def waiting(campaign, due_at) -> Delivery:
    row = make.enrollment(campaign, entered_at=due_at)
    return make.delivery(row, due_at=due_at)


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def test_continuing_keeps_the_rhythm_of_the_pause(paused, now):
    mails = [waiting(paused, now - 4 * DAY + hours * HOUR) for hours in (0, 1, 90)]
    assert resume(paused, now)
    due = [fresh(mail).due_at for mail in mails]
    assert due == [now, now + HOUR, now + 90 * HOUR]
    assert fresh(paused).status == "live" and not Resumption.objects.exists()


def test_continuing_lets_a_wait_go_on_from_where_it_stood(paused, now):
    # It had a day left when the campaign was paused.
    row = make.enrollment(paused, node="w1", entered_at=now - 5 * DAY, due_at=now + 9 * DAY)
    resume(paused, now)
    ticking.tick(now)
    assert fresh(row).due_at == now + DAY


def test_who_came_to_wait_for_an_event_in_the_pause_hears_it_from_then_on(now):
    nodes = {"e": make.wait_event("bought", "w", amount=9), "w": wait()}
    campaign = make.campaign(nodes=nodes, started_at=now - 30 * DAY, paused_at=now - 4 * DAY)
    rows = [make.enrollment(campaign, entered_at=now - DAY, due_at=now - DAY) for _ in "ab"]
    ticking.tick(now - DAY)
    make.event(rows[1].contact, "bought", at=now - 2 * DAY)  # before they came
    resume(campaign, now)
    ticking.tick(now)
    make.event(rows[0].contact, "bought", at=now + HOUR)
    ticking.tick(now + HOUR)
    assert (fresh(rows[0]).node, fresh(rows[0]).due_at) == ("w", now + DAY + HOUR)
    # Their time-out keeps the rhythm of the pause.
    assert (fresh(rows[1]).node, fresh(rows[1]).due_at) == ("e", now + 12 * DAY)


@pytest.mark.parametrize("yearly", [False, True])
def test_a_date_of_theirs_is_not_put_off_by_the_pause_they_came_in(paused, now, yearly):
    nodes = {"d": make.wait_day("contact", "birthday", "w", yearly=yearly), "w": wait()}
    campaign = make.campaign("dated", nodes=nodes, paused_at=now - 4 * DAY)
    person = make.contact(attributes={"birthday": f"{now + 2 * DAY:%Y-%m-%d}"})
    row = make.enrollment(campaign, person, entered_at=now - DAY, due_at=now - DAY)
    ticking.tick(now - DAY)
    resume(campaign, now)
    for days in range(4):
        ticking.tick(now + days * DAY)
        assert (fresh(row).state, fresh(row).node) == ("active", "d" if days < 2 else "w")
        if days == 2:
            break


def test_what_the_pause_held_goes_on_in_its_rhythm(paused, now):
    row = make.enrollment(paused, node="w1", entered_at=now - 3 * DAY, due_at=now)
    resume(paused, now)
    assert (fresh(row).arrived_at, fresh(row).due_at) == (now + DAY, now + DAY)


def test_what_is_not_due_yet_by_its_own_hold_stays(paused, now):
    mail = waiting(paused, now + HOUR)
    resume(paused, now)
    assert fresh(mail).due_at == now + HOUR


def test_skipping_passes_over_what_is_stale_and_sends_the_rest_within_the_limit(paused, now):
    stale = waiting(paused, now - 3 * DAY)
    young = [waiting(paused, now - hours * HOUR) for hours in (24, 6, 0)]
    resume(paused, now, stale_after=DAY)
    assert (fresh(stale).state, fresh(stale).reason) == ("skipped", "stale")
    assert [fresh(mail).due_at for mail in young] == [now, now + 18 * HOUR, now + 24 * HOUR]
    # Whoever was passed over goes on in the rhythm of the pause, not all at once.
    person = fresh(stale.enrollment)
    assert (person.arrived_at, person.due_at) == (now + DAY, now + DAY)


WORKDAYS = {"days": [0, 1, 2, 3, 4], "start": "09:00", "end": "17:00"}


@pytest.mark.parametrize("stale_after", [None, 3 * DAY])
def test_a_mail_comes_back_into_the_hours_of_the_wait_before_it(stale_after, now):
    """In the hours of whom it is for, on no holiday; what came by another way keeps its rhythm."""
    held = {**wait("b"), "spec": {"type": "window", "window": WORKDAYS}}
    if_german = make.group(make.condition("language", language="de"))
    nodes = {"w": held, "b": make.branch(if_german, "s", ""), "s": send(make.step())}
    campaign = make.campaign(nodes=nodes, paused_at=now - 3 * DAY, topic=make.topic())
    SendingTimes.objects.create(site=campaign.site, holidays="2026-03-02")

    def mail(at, zone):
        person = make.contact(time_zone=zone)
        row = make.enrollment(campaign, person, node="s", entered_at=at, due_at=None)
        return make.delivery(row, due_at=at)

    friday, sunday = now - 3 * DAY, now - DAY
    tokyo = mail(friday, "Asia/Tokyo")  # it is 18:00 there
    berlin, utc = mail(friday, "Europe/Berlin"), mail(friday + 7 * HOUR, "UTC")
    weekend = mail(sunday, "UTC")
    resume(campaign, now, stale_after=stale_after)
    assert fresh(tokyo).due_at == now
    assert fresh(berlin).due_at == now + DAY - HOUR  # Tuesday, 09:00 in Berlin
    assert fresh(utc).due_at == now + DAY
    assert fresh(weekend).due_at == sunday + 3 * DAY


def test_who_was_held_before_something_that_is_done_goes_on_without_a_burst(now, mailoutbox):
    nodes = {"d": make.do("s", do="tag", side="add", tag="VIP"), "s": send(make.step())}
    campaign = make.campaign(nodes=nodes, started_at=now - 9 * DAY, paused_at=now - 4 * DAY)
    for at in (now - 3 * DAY, now - 2 * DAY, now - DAY, now - 6 * HOUR):
        make.enrollment(campaign, entered_at=at, due_at=at)
    ticking.tick(now - HOUR)  # they stay before it
    resume(campaign, now, stale_after=DAY)
    came = []
    for hours in (0, 18, 24, 48):
        ticking.tick(now + hours * HOUR)
        came.append(len(mailoutbox))
    assert came == [1, 2, 3, 4]


def test_skipping_lets_waits_be(paused, now):
    row = make.enrollment(paused, node="w1", entered_at=now - DAY, due_at=now + DAY)
    resume(paused, now, stale_after=DAY)
    assert (fresh(row).arrived_at, fresh(row).due_at) == (now - DAY, now + DAY)


def test_many_are_seen_to_in_batches_and_nobody_twice(paused, now):
    rows = make.enrollments(paused, 5, entered_at=now - 3 * DAY, node="w1")
    Resumption.objects.create(campaign=paused, paused_at=paused.paused_at, at=now)
    done = []
    while resume_due(now, 2):
        done.append(fresh(paused).status)
    assert done == ["paused", "paused", "live"]
    arrived = Enrollment.objects.filter(pk__in=[row.pk for row in rows])
    assert set(arrived.values_list("arrived_at", flat=True)) == {now + DAY}


def test_it_stays_paused_until_all_were_seen_to(paused, now, monkeypatch):
    monkeypatch.setattr(resuming, "resume_due", lambda now: 0)
    waiting(paused, now - DAY)
    assert resume(paused, now)
    assert not resume(paused, now)  # it is about to
    assert fresh(paused).status == "paused"
    monkeypatch.undo()
    ticking.tick(now)
    assert fresh(paused).status == "live"


def test_who_is_not_paused_can_not_resume(now):
    assert not resume(make.campaign(), now)


def test_the_next_pass_sends_only_what_is_due(paused, now, mailoutbox):
    for hours in range(10):
        waiting(paused, now - 4 * DAY + hours * HOUR)
    resume(paused, now)
    ticking.tick(now)
    assert len(mailoutbox) == 1
    ticking.tick(now + 3 * HOUR)
    assert len(mailoutbox) == 4


def test_what_became_due_is_counted_by_age(paused, now):
    for days in (0, 1, 2, 3):
        waiting(paused, now - days * DAY - HOUR)
    waiting(paused, now + DAY)
    found = resuming.backlog(paused, now, [DAY, 3 * DAY])
    assert (found.mails, found.older) == (4, {DAY: 3, 3 * DAY: 1})


@pytest.mark.parametrize("stale_after", [None, DAY])
def test_as_many_queries_for_500_as_for_10(paused, now, stale_after):
    def run(amount):
        rows = make.deliveries(paused, amount, due_at=now - 2 * DAY)
        Delivery.objects.filter(pk__in=[r.pk for r in rows[::2]]).update(due_at=F("due_at") + DAY)
        stale_before = now - stale_after if stale_after else None
        moments = {"paused_at": now - 4 * DAY, "at": now, "stale_before": stale_before}
        before = rows[0].enrollment_id - 1
        Campaign.objects.update(paused_at=paused.paused_at)
        Resumption.objects.create(campaign=paused, done=before, **moments)
        return queries(resume_due, now, 1000)

    assert run(10) == run(500)
