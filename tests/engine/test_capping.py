"""Nobody gets more than they may, whichever campaigns and workers there are."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta

import pytest
from django.db import connection

from tests import factories as make
from tests.queries import queries
from wagtail_drip.engine import capping, claiming, handling, settling
from wagtail_drip.engine.enrolling import enroll_new
from wagtail_drip.engine.settling import Change
from wagtail_drip.flow.capping import SOON
from wagtail_drip.models import Cap, Delivery, Enrollment, Segment, SendingTimes, Tag

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def news(db):
    return make.topic()


def segment(slug: str, *conditions) -> Segment:
    stream = [{"type": c["slug"], "value": c["args"]} for c in conditions]
    return Segment.objects.create(name=slug.title(), slug=slug, conditions=json.dumps(stream))


def cap(most: int, days: int = 7, **fields) -> Cap:
    return Cap.objects.create(most=most, days=days, site=make.site(), **fields)


def campaign(slug: str, topic, **fields):
    return make.campaign(slug, topic=topic, **fields)


def due(campaign, contact, **fields) -> Delivery:
    """A mail to the contact, who chose the campaign's topic."""
    if campaign.topic and not contact.consents.filter(topic=campaign.topic).exists():
        make.consent(contact, campaign.topic)
    return make.delivery(make.enrollment(campaign, contact), **fields)


def sent(campaign, contact, at, state="sent") -> Delivery:
    enrollment = make.enrollment(campaign, contact, state="completed", entry_key=f"{at}{state}")
    return make.delivery(enrollment, state=state, settled_at=at)


def claim(now, token="t", limit=100) -> set[int]:
    """Claim and let all of it be sent at once."""
    taken = set(claiming.claim(token, now, limit).taken)
    settling.settle(token, dict.fromkeys(taken, Change("sent")), now)
    return taken


def fresh(row):
    row.refresh_from_db()
    return row


def test_the_third_of_two_a_week_is_due_when_the_first_is_a_week_ago(now, news):
    cap(2)
    contact, other = make.contact(time_zone="Europe/Berlin"), campaign("other", news)
    sent(other, contact, now - DAY), sent(other, contact, now - 3 * DAY)
    row = due(campaign("welcome", news), contact)
    assert claim(now) == set()
    assert (fresh(row).state, row.due_at) == ("waiting", now + 4 * DAY)
    assert row.reason == "At most 2 a week: next on March 6, 2026 10 a.m." and row.attempts == 0
    assert claim(row.due_at - timedelta(seconds=1)) == set()
    assert claim(row.due_at) == {row.pk}


def test_what_may_have_gone_counts_and_what_failed_does_not(now, news):
    cap(1)
    other, doubtful, failed = campaign("other", news), make.contact(), make.contact()
    sent(other, doubtful, now - DAY, "uncertain"), sent(other, failed, now - DAY, "failed")
    welcome = campaign("welcome", news)
    rows = [due(welcome, one) for one in (doubtful, failed)]
    assert claim(now) == {rows[1].pk}


def test_transactional_mails_neither_count_nor_wait(now, news):
    cap(1)
    contact, receipt = make.contact(), make.campaign("receipt")
    sent(receipt, contact, now - DAY)
    row, receipt_due = due(campaign("welcome", news), contact, priority=1), due(receipt, contact)
    assert claim(now) == {row.pk}
    assert claim(now) == {receipt_due.pk}


def test_a_cap_that_skips_lets_people_go_on(now, news):
    cap(1, outcome="skip")
    step = make.step()
    nodes = {"n1": make.send(step, "n2"), "n2": make.wait("n3"), "n3": make.send(step)}
    welcome, contact = campaign("welcome", news, nodes=nodes), make.contact()
    sent(campaign("other", news), contact, now - DAY)
    row = due(welcome, contact)
    assert claim(now) == set()
    assert (fresh(row).state, row.reason, row.settled_at) == ("skipped", "cap", now)
    enrollment = Enrollment.objects.get(pk=row.enrollment_id)
    assert (enrollment.state, enrollment.due_at, enrollment.arrived_at) == ("active", now, now)


def test_a_skipped_repetition_moves_nobody(now, news):
    """Sent again by hand, its person has gone on since."""
    cap(1, outcome="skip")
    contact = make.contact()
    sent(campaign("other", news), contact, now - DAY)
    row = due(campaign("welcome", news), contact)
    Enrollment.objects.filter(pk=row.enrollment_id).update(node="n7", due_at=now + 9 * DAY)
    claim(now)
    assert fresh(row).reason == "cap"
    assert Enrollment.objects.get(pk=row.enrollment_id).due_at == now + 9 * DAY


def test_what_people_wish_holds_too_and_the_smaller_number_wins(now, news):
    cap(3)
    modest, plain = make.contact(most_per_week=1), make.contact(most_per_week=9)
    other = campaign("other", news)
    for contact in (modest, plain):
        sent(other, contact, now - DAY)
    welcome = campaign("welcome", news)
    rows = [due(welcome, contact) for contact in (modest, plain)]
    assert claim(now) == {rows[1].pk}
    assert fresh(rows[0]).reason.startswith("At most 1 a week")


def test_what_people_wish_needs_no_cap(now, news):
    contact = make.contact(most_per_week=1)
    first, second = (due(campaign(slug, news), contact) for slug in ("a", "b"))
    assert claim(now) == {first.pk} and claim(now) == set()
    assert fresh(second).due_at == now + 7 * DAY


def test_quiet_hours_are_kept_when_it_becomes_possible(now, news):
    cap(1, 1)
    SendingTimes.objects.create(site=make.site(), quiet_from=time(8), quiet_to=time(12))
    contact = make.contact()
    sent(campaign("other", news), contact, now + timedelta(hours=-1))
    row, noon = due(campaign("welcome", news), contact), now + timedelta(hours=3)
    claim(noon)
    assert fresh(row).due_at == noon + DAY


def test_priority_decides_who_goes_first(now, news):
    cap(1)
    contact = make.contact()
    low, high = (due(campaign(f"c{p}", news), contact, priority=p) for p in (0, 5))
    assert claim(now) == {high.pk} and claim(now) == set()
    assert fresh(low).due_at == now + 7 * DAY


def test_priority_counts_where_campaigns_have_rates_too(now, news):
    cap(1)
    contact = make.contact()
    due(campaign("free", news), contact)
    limited = due(campaign("limited", news, rate=60), contact, priority=5)
    assert claim(now) == {limited.pk}


def test_new_customers_get_fewer_and_an_event_changes_it(now, news):
    """A segment over events: whoever has ordered is of it at once, and not of the other."""
    ordered = make.condition("event_happened", event="order_placed", since="days", days=30, times=1)
    cap(1, segment=segment("new-customers", ordered)), cap(2)
    contact, other = make.contact(), campaign("other", news)
    sent(other, contact, now - DAY)
    first = due(campaign("a", news), contact)
    make.event(contact, "order_placed", at=now)
    assert claim(now) == set() and fresh(first).reason.startswith("At most 1 a week")
    later = now + 30 * DAY + timedelta(minutes=1)
    sent(other, contact, later - DAY)
    Delivery.objects.filter(pk=first.pk).update(due_at=later)
    assert claim(later) == {first.pk}


@pytest.mark.parametrize("how", ["event", "tag"])
def test_what_a_cap_put_off_goes_when_its_person_is_out_of_the_segment(now, news, how):
    """An event may change how many there are; so may an editor's tag, and neither waits a week."""
    vip = Tag.objects.create(name="VIP")
    ordered = make.condition("event_happened", event="order_placed", since="ever")
    tagged = make.condition("has_tag", tag="vip")
    stream = [{"type": c["slug"], "value": c["args"], "id": c["slug"]} for c in (ordered, tagged)]
    nobody = make.condition("group", match="none", conditions=stream)
    cap(1, segment=segment("new-customers", nobody)), cap(2)
    contact, other = make.contact(), make.contact()
    for one in (contact, other):
        sent(campaign(f"other{one.pk}", news), one, now - DAY)
    welcome = campaign("welcome", news)
    row, others = due(welcome, contact), due(welcome, other)
    assert claim(now) == set()
    if how == "event":
        make.event(contact, "order_placed", at=now)
        enroll_new(now)
    else:
        handling.tag([contact], [vip], at=now)
    assert claim(now) == {row.pk} and fresh(others).due_at == now + 6 * DAY


def test_a_segment_that_can_not_be_asked_holds_for_everybody(now, news):
    cap(1, segment=segment("broken", make.condition("gone")))
    tired, rested = make.contact(), make.contact()
    sent(campaign("other", news), tired, now - DAY)
    welcome = campaign("welcome", news)
    rows = [due(welcome, contact) for contact in (tired, rested)]
    assert claim(now) == {rows[1].pk}


def test_another_sites_caps_are_its_own(now, news):
    site = make.site()
    elsewhere = type(site).objects.create(hostname="b.example", root_page=site.root_page)
    Cap.objects.create(most=1, days=7, site=elsewhere)
    contact = make.contact()
    sent(campaign("other", news), contact, now - DAY)
    row = due(campaign("welcome", news), contact)
    assert claim(now) == {row.pk}


def test_what_is_just_going_out_is_waited_for(now, news):
    cap(1, outcome="skip")
    contact = make.contact()
    first, second = (due(campaign(slug, news), contact) for slug in ("a", "b"))
    assert set(claiming.claim("a", now, 100).taken) == {first.pk}
    assert not claiming.claim("b", now, 100).taken
    assert (fresh(second).state, second.due_at) == ("waiting", now + SOON)
    settling.settle("a", {first.pk: Change("failed", "no such mailbox")}, now)
    assert claim(now + SOON) == {second.pk}


def statements(now, amount: int, topic) -> list[str]:
    for slug in ("x", "y", "z"):
        rows = make.deliveries(make.campaign(f"{slug}{amount}", topic=topic), amount)
        for row in rows:
            make.consent(row.contact, topic)
        sent(make.campaign(f"{slug}{amount}b", topic=topic), rows[0].contact, now - DAY)
    return queries(claiming.claim, "t", now, 3 * amount)


def test_the_number_of_statements_does_not_depend_on_people(now, news):
    cap(1, segment=segment("all"))
    cap(2, 1, segment=segment("ordered", make.condition("event_happened", event="order_placed")))
    few = statements(now, 10, news)
    Delivery.objects.update(state="failed")
    assert len(statements(now, 170, news)) == len(few)
    assert Delivery.objects.filter(state="waiting", reason__startswith="At most").count() == 3


def test_where_nothing_limits_nothing_is_asked(now, news):
    make.deliveries(make.campaign("receipt"), 3)
    for row in make.deliveries(campaign("welcome", news), 3):
        make.consent(row.contact, news)
    asked = " ".join(queries(claiming.claim, "t", now, 100))
    assert "wagtail_drip_cap" not in asked


# While somebody is inside another campaign


def onboarding(topic, **fields):
    return campaign("onboarding", topic, holds_others=True, **fields)


def test_others_wait_while_somebody_is_inside(now, news):
    first, contact, other = onboarding(news), make.contact(), make.contact()
    inside = make.enrollment(first, contact, due_at=now + DAY)
    newsletter = campaign("newsletter", news)
    row, free = due(newsletter, contact), due(newsletter, other)
    assert claim(now) == {free.pk}
    assert (fresh(row).state, row.reason) == ("waiting", "Waits while they are in “Onboarding”.")
    assert row.due_at == now + timedelta(hours=1)
    Enrollment.objects.filter(pk=inside.pk).update(state="completed")
    assert claim(row.due_at) == {row.pk}


def test_it_is_looked_at_again_when_they_go_on_and_not_every_minute(now, news):
    first, newsletter = onboarding(news), campaign("newsletter", news)
    soon, sooner = (now + timedelta(minutes=minutes) for minutes in (40, 2))
    rows = []
    for at in (soon, sooner):
        contact = make.contact()
        make.enrollment(first, contact, due_at=at)
        rows.append(due(newsletter, contact))
    claim(now)
    assert [fresh(row).due_at for row in rows] == [soon, now + timedelta(minutes=15)]


def test_its_own_mails_go_and_so_do_transactional_and_more_important_ones(now, news):
    contact, first = make.contact(), onboarding(news)
    rows = [
        due(one, contact)
        for one in (first, make.campaign("receipt"), campaign("urgent", news, priority=1))
    ]
    assert claim(now) | claim(now) | claim(now) == {row.pk for row in rows}


def test_of_two_that_hold_others_one_goes_on(now, news):
    contact = make.contact()
    first, second = onboarding(news), campaign("course", news, holds_others=True)
    later = due(second, contact)
    make.enrollment(first, contact, entered_at=now - DAY, due_at=now + DAY)
    assert claim(now) == set() and "Onboarding" in fresh(later).reason
    Delivery.objects.filter(pk=later.pk).update(due_at=now)
    type(second).objects.filter(pk=second.pk).update(priority=1)
    assert claim(now) == {later.pk}


@pytest.mark.parametrize(
    "fields", [{"paused_at": "now"}, {"live": False}, {"topic": None, "transactional_reason": "x"}]
)
def test_paused_stopped_and_transactional_ones_hold_nobody(now, news, fields):
    contact, first = make.contact(), onboarding(news)
    make.enrollment(first, contact, due_at=now + DAY)
    fields = fields | ({"paused_at": now} if "paused_at" in fields else {})
    type(first).objects.filter(pk=first.pk).update(**fields)
    row = due(campaign("newsletter", news), contact)
    assert claim(now) == {row.pk}


def test_holding_takes_one_statement_for_any_number(now, news):
    first = onboarding(news)

    def run(amount: int) -> int:
        rows = make.deliveries(campaign(f"n{amount}", news), amount)
        for row in rows:
            make.consent(row.contact, news)
        for row in rows[::2]:
            make.enrollment(first, row.contact, due_at=now + DAY)
        found = len(queries(claiming.claim, "t", now, amount))
        Delivery.objects.filter(state="sending").update(state="failed")
        return found

    assert run(10) == run(500)
    assert Delivery.objects.filter(state="waiting").count() == 255


@pytest.mark.parametrize("wish", [False, True])
@pytest.mark.django_db(transaction=True)
def test_campaigns_and_workers_at_once_never_send_one_too_many(now, share_rows, wish):
    """Eight mails of eight campaigns to each of 30 people, who may get two, and four claimers."""
    topic = make.topic()
    people = make.contacts(30, most_per_week=2 if wish else None)
    if not wish:
        cap(2)
    for contact in people:
        make.consent(contact, topic)
    for number in range(8):
        each = campaign(f"c{number}", topic)
        for contact in people:
            due(each, contact)
    share_rows()
    start = threading.Barrier(4)

    def work(name: str) -> None:
        start.wait()
        try:
            for number in range(40):
                token = f"{name}{number}"
                taken = claiming.claim(token, now, 7).taken
                settling.settle(token, dict.fromkeys(list(taken)[::2], Change("sent")), now)
        finally:
            connection.close()

    def count() -> Counter[int]:
        gone = Delivery.objects.filter(state__in=("sending", "sent"))
        try:
            return Counter(gone.values_list("contact_id", flat=True))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))
        got = pool.submit(count).result()
    assert got == dict.fromkeys([contact.pk for contact in people], 2)


def test_another_cap_is_asked_at_once(now, news, monkeypatch):
    """A cap that is lifted leaves nothing waiting for it; what a server put off keeps its time."""
    one, contact = cap(1), make.contact()
    sent(campaign("other", news), contact, now - DAY)
    row, tried = due(campaign("a", news), contact), due(campaign("b", news), contact)
    claim(now), claim(now)
    Delivery.objects.filter(pk=tried.pk).update(attempts=1, due_at=now + DAY, reason="421 busy")
    monkeypatch.setattr(capping.timezone, "now", lambda: now)
    one.delete()
    assert (fresh(row).due_at, row.reason) == (now, "")
    assert fresh(tried).due_at == now + DAY and claim(now) == {row.pk}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="writers take turns there")
@pytest.mark.django_db(transaction=True)
def test_two_decisions_on_one_person_follow_one_another(now, site_rows, monkeypatch):
    """The other host's clock is behind, so it has another mail to the same person in view."""
    topic, contact = make.topic(), make.contact()
    cap(1)
    due(campaign("a", topic), contact, priority=5)
    due(campaign("b", topic), contact, due_at=now - timedelta(hours=1))
    decided, over, decide = threading.Event(), threading.Event(), claiming.cap

    def slowly(*args):
        found = decide(*args)
        if threading.current_thread() is slow:
            decided.set()
            over.wait(3)
        return found

    def work() -> None:
        claiming.claim("a", now, 10)
        connection.close()

    slow = threading.Thread(target=work)
    monkeypatch.setattr(claiming, "cap", slowly)
    slow.start()
    assert decided.wait(10)
    claiming.claim("b", now - timedelta(minutes=30), 10)
    over.set()
    slow.join(10)
    assert [row.campaign.slug for row in Delivery.objects.filter(state="sending")] == ["a"]
