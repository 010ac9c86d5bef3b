from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from tests import factories
from wagtail_drip.engine.tracking import FACTS, note
from wagtail_drip.models import Enrollment, Suppression
from wagtail_drip.models.consent import grant, granted, suppressed

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def news():
    return factories.topic("news")


@pytest.fixture
def delivery(news, now):
    """A sent mail of a series that goes on."""
    ann = factories.contact("ann@example.com")
    grant(ann, news, at=now - timedelta(days=1), source="form")
    enrollment = factories.enrollment(factories.campaign(topic=news), ann)
    return factories.delivery(enrollment, state="sent", settled_at=now, provider_id="esp-1")


def test_each_fact_is_kept_on_its_delivery(delivery, now):
    for fact in ("delivered", "opened", "clicked"):
        assert note(delivery.token, fact, now)
    delivery.refresh_from_db()
    assert {delivery.delivered_at, delivery.opened_at, delivery.clicked_at} == {now}
    assert (delivery.bounced_at, delivery.state) == (None, "sent")


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_first_moment_is_kept_in_whatever_order(delivery, now, order):
    for hours in (*order, *order):
        note(delivery.token, "opened", now + hours * HOUR)
    delivery.refresh_from_db()
    assert delivery.opened_at == now


@pytest.mark.parametrize("fact", FACTS)
def test_mail_that_is_not_ours_is_nobodys_error(delivery, now, fact):
    assert not note("0" * 32, fact, now)
    assert not note("", fact, now, provider_id="unheard of")
    assert not note("", fact, now)


def test_an_unknown_fact_is_passed_over(delivery, now):
    assert not note(delivery.token, "teleported", now)


@pytest.mark.parametrize("name", ["provider_id", "message_id"])
def test_the_providers_or_our_own_id_stands_in_for_the_token(delivery, now, name):
    assert note("", "delivered", now, provider_id=getattr(delivery, name))
    delivery.refresh_from_db()
    assert delivery.delivered_at == now


def test_a_hard_bounce_suppresses_and_ends_what_is_under_way(delivery, now):
    other = factories.enrollment(factories.campaign("receipt"), delivery.contact)
    factories.delivery(other)
    note(delivery.token, "bounced", now, bounce_type="hard", detail="550 5.1.1 user unknown")
    delivery.refresh_from_db()
    assert (delivery.bounced_at, delivery.bounce_type) == (now, "hard")
    assert (delivery.state, delivery.reason) == ("sent", "550 5.1.1 user unknown")
    assert suppressed(["ann@example.com"], transactional=True) == {"ann@example.com"}
    ended = Enrollment.objects.values_list("state", "reason")
    assert list(ended) == [("left", "suppressed")] * 2
    assert other.deliveries.get().state == "skipped"


@pytest.mark.parametrize("bounce_type", ["soft", ""])
def test_any_other_bounce_is_only_noted(delivery, now, bounce_type):
    note(delivery.token, "bounced", now, bounce_type=bounce_type)
    delivery.refresh_from_db()
    assert (delivery.bounced_at, delivery.bounce_type) == (now, bounce_type)
    assert not Suppression.objects.exists()
    assert Enrollment.objects.get().state == "active"


def test_a_bounce_that_turns_hard_counts_and_stays_hard(delivery, now):
    for hours, bounce_type in enumerate(["soft", "hard", "soft", ""]):
        at = now + hours * HOUR
        note(delivery.token, "bounced", at, bounce_type=bounce_type, detail=bounce_type)
    delivery.refresh_from_db()
    assert (delivery.bounced_at, delivery.bounce_type) == (now, "hard")
    assert delivery.reason == "hard"
    assert Suppression.objects.get().reason == "bounced"


def test_the_bounce_of_an_older_address_leaves_the_present_one_alone(delivery, now):
    note(delivery.token, "bounced", now, bounce_type="hard", email="Old@example.com")
    emails = ["ann@example.com", "old@example.com"]
    assert suppressed(emails, transactional=False) == {"old@example.com"}
    assert Enrollment.objects.get().state == "active"


def test_a_complaint_ends_all_marketing(delivery, news, now):
    note(delivery.token, "complained", now)
    row = Suppression.objects.get()
    assert (row.reason, row.scope) == ("complained", "marketing")
    assert granted([delivery.contact_id], news.pk) == set()
    assert Enrollment.objects.get().state == "left"


def test_a_repeated_complaint_is_an_old_story(delivery, news, now):
    note(delivery.token, "complained", now)
    grant(delivery.contact, news, at=now + HOUR, source="form")
    note(delivery.token, "complained", now)
    assert granted([delivery.contact_id], news.pk) == {delivery.contact_id}


def test_unsubscribing_at_the_provider_leaves_the_topic(delivery, news, now):
    note(delivery.token, "unsubscribed", now)
    assert granted([delivery.contact_id], news.pk) == set()
    assert Enrollment.objects.get().reason == "unsubscribed"
    assert not Suppression.objects.exists()


def test_unsubscribing_told_again_after_they_came_back_does_nothing(delivery, news, now):
    note(delivery.token, "unsubscribed", now)
    grant(delivery.contact, news, at=now + HOUR, source="form")
    note(delivery.token, "unsubscribed", now)
    assert granted([delivery.contact_id], news.pk) == {delivery.contact_id}


def test_unsubscribing_from_transactional_mail_leaves_all_marketing(now):
    enrollment = factories.enrollment(factories.campaign("receipt"))
    receipt = factories.delivery(enrollment, state="sent")
    note(receipt.token, "unsubscribed", now)
    assert Suppression.objects.get().scope == "marketing"
    enrollment.refresh_from_db()
    assert enrollment.state == "active"


def test_told_of_transactional_mail_again_what_they_chose_since_stays(news, now):
    enrollment = factories.enrollment(factories.campaign("receipt"))
    ann, other = enrollment.contact, factories.topic("other")
    receipt = factories.delivery(enrollment, state="sent")
    grant(ann, other, at=now - HOUR, source="form")
    grant(ann, news, at=now + HOUR, source="form")
    for _repeated in range(2):
        note(receipt.token, "unsubscribed", now)
    assert granted([ann.pk], news.pk) == {ann.pk} and not granted([ann.pk], other.pk)
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("fact", FACTS)
def test_what_the_provider_speaks_of_was_sent(delivery, now, fact):
    type(delivery).objects.update(state="uncertain", reason="the line broke")
    note(delivery.token, fact, now)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == ("sent", "")
    assert delivery.settled_at == now


def test_a_mail_about_to_be_repeated_is_not(delivery, now):
    type(delivery).objects.update(state="waiting", settled_at=None)
    Enrollment.objects.update(due_at=None)
    at = now + HOUR
    note(delivery.token, "delivered", at)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.settled_at) == ("sent", at)
    enrollment = Enrollment.objects.get()
    assert (enrollment.arrived_at, enrollment.due_at) == (at, at)


@pytest.mark.parametrize("state", ["sending", "failed", "skipped"])
def test_other_states_are_not_tracking_s_to_change(delivery, now, state):
    type(delivery).objects.update(state=state, reason="why")
    note(delivery.token, "bounced", now, detail="550")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason, delivery.bounced_at) == (state, "why", now)


def test_an_erased_contact_is_not_suppressed_by_its_placeholder(delivery, now):
    type(delivery.contact).objects.update(erased_at=now, email="", email_digest="x")
    for fact in FACTS:
        assert note(delivery.token, fact, now, bounce_type="hard")
    assert not Suppression.objects.exists()


def test_an_open_costs_few_queries(delivery, now, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        note(delivery.token, "opened", now)


# Soft bounces


def mails(delivery, now, *facts):
    """Further mails to the same person, the oldest first: "soft", "hard" or "delivered" each."""
    campaign = factories.campaign("other")
    for number, fact in enumerate(facts):
        key = f"{number}"
        enrollment = factories.enrollment(campaign, delivery.contact, entry_key=key)
        at = now + number * HOUR
        row = factories.delivery(enrollment, state="sent", settled_at=at)
        if fact == "delivered":
            note(row.token, "delivered", at)
        else:
            for _repeated in range(46):
                note(row.token, "bounced", at, bounce_type=fact, email="ann@example.com")


@pytest.mark.parametrize(
    ("facts", "given_up"),
    [
        (["soft"] * 4, False),
        (["soft"] * 5, True),
        (["soft", "soft", "delivered", "soft", "soft", "soft"], False),
        (["delivered", *["soft"] * 5], True),
        (["soft", "", "soft", "soft", "soft"], False),
    ],
)
def test_soft_bounces_in_a_row_suppress(delivery, now, facts, given_up):
    mails(delivery, now, *facts)
    assert Suppression.objects.filter(reason="bounced", scope="all").exists() == given_up
    assert Enrollment.objects.filter(state="active").exists() != given_up


def test_a_mail_that_came_through_later_is_no_bounce(delivery, now, settings):
    settings.WAGTAIL_DRIP_SOFT_BOUNCES = 2
    mails(delivery, now, "soft")
    note(factories.Delivery.objects.latest("pk").token, "delivered", now + HOUR)
    note(delivery.token, "bounced", now, bounce_type="soft")
    assert not Suppression.objects.exists()


def test_soft_bounces_of_an_older_address_don_t_count(delivery, now, settings):
    settings.WAGTAIL_DRIP_SOFT_BOUNCES = 1
    note(delivery.token, "bounced", now, bounce_type="soft", email="old@example.com")
    assert not Suppression.objects.exists()
