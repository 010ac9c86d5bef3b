from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from tests import factories
from wagtail_drip.engine.erasing import erase
from wagtail_drip.engine.reacting import pass_on
from wagtail_drip.engine.tracking import CLICKED, OPENED, note, react
from wagtail_drip.models import Contact, Event, Link, Reaction
from wagtail_drip.models.reactions import keys_of

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def delivery(now):
    enrollment = factories.enrollment(factories.campaign(), factories.contact("ann@example.com"))
    return factories.delivery(enrollment, state="sent", settled_at=now - timedelta(hours=1))


@pytest.fixture
def links():
    urls = [f"https://www.example.com/{n}" for n in range(4)]
    keys = keys_of(urls)
    return [Link.objects.get(key=keys[url]) for url in urls]


def click(delivery, link, at, **fields):
    return react(delivery.token, CLICKED, at, link=link, **fields)


def found(delivery):
    """(link, who) of what is kept, and the fact that follows."""
    delivery.refresh_from_db()
    rows = Reaction.objects.order_by("link__url", "by").values_list("link__url", "by")
    return [(url and url[-1], by) for url, by in rows], delivery.clicked_at


def test_a_click_is_kept_once(delivery, links, now):
    for number in range(46):
        assert click(delivery, links[0], now + number * MINUTE)
    assert found(delivery) == ([("0", "")], now)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_first_click_counts_in_whatever_order(delivery, links, now, order):
    for minutes in order:
        click(delivery, links[0], now + minutes * MINUTE)
    assert found(delivery) == ([("0", "")], now)


def test_a_program_s_click_is_kept_and_is_no_fact(delivery, links, now):
    click(delivery, links[0], now, by="agent")
    assert found(delivery) == ([("0", "agent")], None)
    click(delivery, links[0], now + MINUTE)
    assert found(delivery) == ([("0", ""), ("0", "agent")], now + MINUTE)


def test_what_comes_before_anybody_can_have_read_it_is_a_program_s(delivery, links, now):
    type(delivery).objects.update(settled_at=now - SECOND)
    click(delivery, links[0], now)
    react(delivery.token, OPENED, now)
    type(delivery).objects.update(state="sending", settled_at=None)
    click(delivery, links[1], now)
    assert set(Reaction.objects.values_list("by", flat=True)) == {"soon"}


def test_two_links_at_once_may_be_a_person(delivery, links, now):
    click(delivery, links[0], now)
    click(delivery, links[1], now + SECOND)
    assert found(delivery) == ([("0", ""), ("1", "")], now)


def test_a_burst_unmasks_those_before_it(delivery, links, now):
    click(delivery, links[3], now - MINUTE)
    for number in range(3):
        click(delivery, links[number], now + number * SECOND)
    rows, clicked = found(delivery)
    assert rows == [("0", "burst"), ("1", "burst"), ("2", "burst"), ("3", "")]
    assert clicked == now - MINUTE


@pytest.mark.parametrize("trap_first", [True, False])
def test_who_follows_the_hidden_link_is_a_program(delivery, links, now, trap_first):
    calls = [
        lambda: click(delivery, None, now, trap=True),
        lambda: click(delivery, links[0], now + 30 * SECOND),
    ]
    for call in calls if trap_first else reversed(calls):
        call()
    rows, clicked = found(delivery)
    assert (sorted(rows, key=str), clicked) == ([("0", "trap"), (None, "trap")], None)
    click(delivery, links[0], now + timedelta(hours=2))
    assert found(delivery)[1] == now + timedelta(hours=2)


def test_opens_have_the_same_rules_and_decide_nothing(delivery, now):
    react(delivery.token, OPENED, now, by="proxy")
    assert Reaction.objects.get().by == "proxy" and not Reaction.objects.get().pending
    react(delivery.token, OPENED, now + MINUTE)
    delivery.refresh_from_db()
    assert (delivery.opened_at, delivery.clicked_at) == (now + MINUTE, None)
    assert pass_on(now + timedelta(hours=1)) == 0


def test_a_reaction_leaves_consent_state_and_enrollment_alone(delivery, links, now):
    before = type(delivery.enrollment).objects.values().get()
    type(delivery).objects.update(state="waiting", settled_at=None)
    click(delivery, links[0], now)
    delivery.refresh_from_db()
    assert delivery.state == "waiting"
    assert type(delivery.enrollment).objects.values().get() == before


def test_nobody_s_mail_and_an_erased_person_s_are_passed_over(delivery, links, now):
    assert not react("0" * 32, CLICKED, now, link=links[0])
    erase(delivery.contact, now=now)
    assert not click(delivery, links[0], now)
    assert not Reaction.objects.exists()


def test_a_provider_s_click_is_a_fact_too(delivery, now):
    for _repeated in range(46):
        note(delivery.token, "clicked", now)
        note(delivery.token, "clicked", now, by="provider")
    assert found(delivery) == ([(None, ""), (None, "provider")], now)


# Events


def test_a_click_becomes_an_event_once_it_is_sure(delivery, links, now):
    click(delivery, links[0], now)
    assert (pass_on(now + 5 * SECOND), Event.objects.count()) == (0, 0)
    assert pass_on(now + MINUTE) == 1
    event = Event.objects.get()
    assert (event.name, event.at, event.contact) == ("mail_clicked", now, delivery.contact)
    assert event.data["campaign"] == "welcome" and event.data["mail"] == "welcome 1"
    assert event.data["url"] == "https://www.example.com/0"
    assert event.inbox and pass_on(now + MINUTE) == 0


def test_programs_make_no_events(delivery, links, now):
    for number in range(3):
        click(delivery, links[number], now)
    click(delivery, links[3], now, by="prefetch")
    assert pass_on(now + MINUTE) == 0 and not Event.objects.exists()


def test_one_click_that_can_t_be_told_keeps_no_other_back(delivery, links, now, caplog):
    click(delivery, links[0], now)
    click(delivery, links[1], now + 10 * SECOND)
    factories.event(delivery.contact, "mail_clicked", key=f"{delivery.token}:{links[0].pk}")
    assert pass_on(now + MINUTE) == 2
    assert Event.objects.filter(data__url__endswith="/1").count() == 1
    assert not Reaction.objects.filter(pending=True).exists()


def test_of_somebody_erased_meanwhile_nothing_is_told(delivery, links, now):
    click(delivery, links[0], now)
    type(delivery.contact).objects.update(erased_at=now)
    assert pass_on(now + MINUTE) == 1
    assert not Event.objects.exists()


@pytest.mark.parametrize(("fact", "switch"), [(CLICKED, "track_clicks"), (OPENED, "track_opens")])
def test_who_wants_nobody_to_see_is_not_seen(delivery, links, now, fact, switch):
    """Links of mails from before lead through the site still, and a provider may tell as well."""
    Contact.objects.update(**{switch: False})
    link = links[0] if fact == CLICKED else None
    assert not react(delivery.token, fact, now, link=link)
    note(delivery.token, fact, now)
    delivery.refresh_from_db()
    assert (delivery.clicked_at, delivery.opened_at) == (None, None)
    assert not Reaction.objects.exists()
    other = OPENED if fact == CLICKED else CLICKED
    assert react(delivery.token, other, now)


def test_a_click_is_told_to_no_campaign_once_they_said_so(delivery, links, now):
    click(delivery, links[0], now)
    Contact.objects.update(track_clicks=False)
    assert pass_on(now + MINUTE) == 1
    assert not Event.objects.exists()
