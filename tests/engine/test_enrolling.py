from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from tests import factories
from tests.queries import queries
from wagtail_drip.engine import enrolling, entering
from wagtail_drip.engine.enrolling import enroll, enroll_audience, enroll_new
from wagtail_drip.flow.compiling import UnknownFormat
from wagtail_drip.models import Campaign, Enrollment, Inbox
from wagtail_drip.models.consent import suppress

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def entered(now) -> int:
    """How many a pass over the inbox enrolls."""
    before = Enrollment.objects.count()
    while enroll_new(now):
        pass
    return Enrollment.objects.count() - before


def test_an_event_puts_its_person_at_the_start(now):
    campaign = factories.campaign()
    event = factories.event(factories.contact(), at=now - DAY, data={"book": 7})
    assert enroll_new(now) == 1
    row = Enrollment.objects.get()
    assert (row.campaign, row.version, row.event) == (campaign, campaign.current_version, event)
    assert (row.node, row.data, row.entry_key) == ("n1", {"book": 7}, "")
    assert (row.entered_at, row.arrived_at, row.due_at) == (now - DAY, now - DAY, now)
    assert not Inbox.objects.exists()


def test_an_event_nobody_waits_for_leaves_the_inbox(now):
    factories.campaign(trigger="order_placed")
    factories.event(factories.contact())
    assert enroll_new(now) == 1
    assert not Enrollment.objects.exists() and not Inbox.objects.exists()


def test_limit_takes_the_oldest(now):
    factories.campaign()
    for _ in range(3):
        factories.event(factories.contact())
    first = Inbox.objects.order_by("pk").first()
    assert enroll_new(now, limit=1) == 1
    assert not Inbox.objects.filter(pk=first.pk).exists() and Inbox.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "enters"),
    [
        ({}, 1),
        ({"paused_at": factories.NOW}, 1),  # people enter, nothing is sent
        ({"live": False}, 0),
        ({"live": False, "started_at": None}, 0),
        ({"started_at": factories.NOW + DAY}, 0),  # the event is from before it went live
    ],
)
def test_which_campaigns_people_enter(fields, enters, now):
    factories.campaign(**fields)
    factories.event(factories.contact())
    assert entered(now) == enters


@pytest.mark.parametrize(("state", "enters"), [("granted", 1), ("withdrawn", 0), (None, 0)])
def test_a_topic_needs_consent(state, enters, now):
    topic, person = factories.topic(), factories.contact()
    if state:
        factories.consent(person, topic, state)
    factories.campaign(topic=topic)
    factories.event(person)
    assert entered(now) == enters


@pytest.mark.parametrize(("scope", "enters"), [("marketing", 1), ("all", 0)])
def test_suppression_of_marketing_leaves_transactional_campaigns_alone(scope, enters, now):
    person = factories.contact()
    suppress(person.email, reason="manual", scope=scope, at=now)
    factories.campaign()
    factories.event(person)
    assert entered(now) == enters


def test_an_erased_contact_enters_nothing(now):
    factories.campaign()
    factories.event(factories.contact(erased_at=now))
    assert entered(now) == 0


def test_the_audience_is_asked(now):
    german = factories.condition("language", language="de")
    factories.campaign(audience=[german])
    for language in ("de", "en"):
        factories.event(factories.contact(language=language))
    assert entered(now) == 1
    assert Enrollment.objects.get().contact.language == "de"


def test_a_condition_nobody_knows_costs_its_campaign_alone(now):
    factories.campaign("broken", audience=[factories.condition("gone")])
    factories.campaign("sound")
    factories.event(factories.contact())
    assert entered(now) == 1
    assert Enrollment.objects.get().campaign.slug == "sound"


def test_one_event_that_can_not_enter_costs_the_others_nothing(now, monkeypatch):
    factories.campaign()
    bad, good = factories.contact(), factories.contact()
    make_row = entering._row

    def row(campaign, candidate, *args):
        if candidate.contact.pk == bad.pk:
            raise RuntimeError("poison")
        return make_row(campaign, candidate, *args)

    monkeypatch.setattr(entering, "_row", row)
    factories.event(bad)
    factories.event(good)
    assert entered(now) == 1
    assert Enrollment.objects.get().contact == good and not Inbox.objects.exists()


# Entry rules


def test_once_is_once_ever(now):
    factories.campaign()
    person = factories.contact()
    factories.event(person)
    factories.event(person)
    assert entered(now) == 1
    Enrollment.objects.update(state="completed", entry_key="1")  # under another rule, once
    factories.event(person)
    assert entered(now) == 0


def test_per_event_each_event_enters_once(now):
    factories.campaign(entry_rule="per_event")
    person = factories.contact()
    events = [factories.event(person, key="order 1"), factories.event(person)]
    assert entered(now) == 2
    Inbox.objects.bulk_create(Inbox(event=event) for event in events)
    assert entered(now) == 0


def test_again_after_counts_from_the_last_entry(now):
    factories.campaign(entry_rule="again_after", entry_days=3)
    person = factories.contact()
    for days in (6, 4, 3, 1, 0):
        factories.event(person, at=now - days * DAY)
    assert entered(now) == 3  # 6, 3 and 0 days ago
    assert set(Enrollment.objects.values_list("entry_key", flat=True)) == {"1", "2", "3"}


def test_again_after_finds_a_free_key(now):
    campaign = factories.campaign(entry_rule="again_after", entry_days=3)
    person = factories.contact()
    factories.enrollment(campaign, person, entered_at=now - 9 * DAY, entry_key="2")
    factories.event(person)
    assert entered(now) == 1


def test_who_entered_meanwhile_costs_the_others_nothing(now, monkeypatch):
    campaign = factories.campaign()
    people = [factories.contact() for _ in range(3)]
    pasts = entering._pasts

    def overtaken(*args):
        found = pasts(*args)
        if not Enrollment.objects.exists():
            factories.enrollment(campaign, people[1])
        return found

    monkeypatch.setattr(entering, "_pasts", overtaken)
    for person in people:
        factories.event(person)
    enroll_new(now)
    assert Enrollment.objects.count() == 3
    assert set(Enrollment.objects.values_list("contact", flat=True)) == {p.pk for p in people}


# By hand


def test_by_hand_the_audience_is_not_asked_and_consent_is(now):
    topic, willing, unwilling = factories.topic(), factories.contact(), factories.contact()
    factories.consent(willing, topic)
    german = factories.condition("language", language="de")
    campaign = factories.campaign(topic=topic, audience=[german])
    assert enroll(campaign, [willing, unwilling], now=now, data={"a": 1}) == 1
    row = Enrollment.objects.get()
    assert (row.contact, row.data, row.entered_at) == (willing, {"a": 1}, now)


def test_by_hand_nobody_is_in_twice_at_a_time(now):
    campaign = factories.campaign(entry_rule="per_event")
    person = factories.contact()
    assert enroll(campaign, [person], now=now) == 1
    assert enroll(campaign, [person, person], now=now) == 0
    Enrollment.objects.update(state="completed")
    assert enroll(campaign, [person, person], now=now) == 1


def test_nobody_enters_a_stopped_campaign_by_hand(now):
    campaign = factories.campaign(live=False)
    with pytest.raises(ValueError, match="not live"):
        enroll(campaign, [factories.contact()], now=now)


# At scale


def test_as_many_queries_for_500_as_for_10(now):
    topic = factories.topic()
    german = factories.condition("language", language="de")
    factories.campaign("one", topic=topic, audience=[german])
    factories.campaign("two", entry_rule="again_after")

    def run(amount):
        for person in factories.contacts(amount, language="de"):
            factories.consent(person, topic)
            factories.event(person)
        return queries(enroll_new, now)

    assert run(10) == run(500)
    assert Enrollment.objects.count() == 1020


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="needs row locks")
@pytest.mark.django_db(transaction=True)
def test_processes_share_the_inbox_without_waiting(now):
    factories.campaign()
    for _ in range(4):
        factories.event(factories.contact())
    taken = []

    def other():
        taken.append(enroll_new(now))
        connection.close()

    with transaction.atomic():
        assert enroll_new(now, limit=2) == 2
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
        assert taken == [2]
    assert Enrollment.objects.count() == 4


def newer_format(campaign) -> None:
    """A newer release has published it; this code can't read it."""
    version = campaign.current_version
    type(version).objects.filter(pk=version.pk).update(program=version.program | {"format": 99})


def test_events_for_a_newer_releases_flow_stay_in_the_inbox(now):
    newer_format(factories.campaign("newer", trigger="order_placed"))
    factories.campaign()
    orders = [factories.event(factories.contact(), "order_placed") for _ in range(3)]
    factories.event(factories.contact())
    assert enroll_new(now, limit=2) == 1  # they keep nobody else from the inbox
    assert set(Inbox.objects.values_list("event_id", flat=True)) == {one.pk for one in orders}
    assert Enrollment.objects.count() == 1


def test_a_newer_flow_published_in_between_costs_no_event(now, monkeypatch):
    newer_format(factories.campaign())
    factories.event(factories.contact())
    real, seen = enrolling.open_campaigns, [Campaign.objects.none()]
    monkeypatch.setattr(enrolling, "open_campaigns", lambda: seen.pop() if seen else real())
    with pytest.raises(UnknownFormat):
        enroll_new(now)
    assert Inbox.objects.count() == 1


# Not while in another campaign


def test_who_is_in_another_campaign_does_not_enter(now):
    other = factories.campaign("other", trigger="order_placed")
    campaign = factories.campaign("second")
    campaign.not_while.set([other])
    campaign.save()
    inside, through, free = factories.contacts(3)
    factories.enrollment(other, inside)
    factories.enrollment(other, through, state="completed")
    for person in (inside, through, free):
        factories.event(person)
    enroll_new(now)
    entered = Enrollment.objects.filter(campaign=campaign).values_list("contact_id", flat=True)
    assert set(entered) == {through.pk, free.pk}
    assert enroll(campaign, [inside], now=now) == 0  # nor by hand


def test_of_two_that_start_at_once_the_one_that_gives_way_comes_second(now):
    second = factories.campaign("second")
    first = factories.campaign("first")
    second.not_while.set([first])
    second.save()
    factories.event(factories.contact())
    enroll_new(now)
    assert [row.campaign for row in Enrollment.objects.all()] == [first]


# A whole audience


def people_who_may(amount: int, topic) -> list:
    people = factories.contacts(amount)
    for person in people:
        factories.consent(person, topic)
    return people


def test_an_audience_enters_by_gate_and_entry_rule(now, monkeypatch):
    monkeypatch.setattr(enrolling, "AUDIENCE_BATCH", 3)
    topic = factories.topic()
    german = factories.condition("language", language="de")
    campaign = factories.campaign(topic=topic, audience=[german])
    people = people_who_may(8, topic)
    for person in people[:6]:
        person.language = "de"
        person.save()
    suppress(people[0].email, reason="bounced", at=now)
    enroll(campaign, [people[1]], now=now)
    factories.contacts(2, language="de")  # they never chose the topic
    assert [enroll_audience(campaign, now=now), enroll_audience(campaign, now=now)] == [4, 0]
    inside = Enrollment.objects.order_by("contact").values_list("contact_id", flat=True)
    assert list(inside) == [person.pk for person in people[1:6]]


def test_who_was_stopped_begins_anew_where_it_left_off(now, monkeypatch):
    monkeypatch.setattr(enrolling, "AUDIENCE_BATCH", 2)
    topic = factories.topic()
    campaign = factories.campaign(topic=topic)
    people_who_may(5, topic)
    stop = iter([False, True])
    assert enroll_audience(campaign, now=now, enough=lambda: next(stop)) == 2
    assert enroll_audience(campaign, now=now) == 3


def test_an_audience_takes_as_many_queries_as_it_has_batches(now):
    topic = factories.topic()
    counts = []
    for amount in (2, 30):
        campaign = factories.campaign(f"with {amount}", topic=topic)
        people_who_may(amount, topic)
        counts.append(len(queries(enroll_audience, campaign, now=now)))
    assert counts[0] == counts[1]


def test_nobody_enters_a_campaign_that_is_not_live(now):
    with pytest.raises(ValueError, match="not live"):
        enroll_audience(factories.campaign(live=False), now=now)
