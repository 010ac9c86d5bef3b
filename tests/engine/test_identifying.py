from __future__ import annotations

from datetime import timedelta

import pytest

from tests import factories
from wagtail_drip.engine.following import follow
from wagtail_drip.engine.identifying import find, identify
from wagtail_drip.engine.merging import merge
from wagtail_drip.models import Contact

pytestmark = pytest.mark.django_db

VICTIM, STRANGER = "ann@example.com", "evil@example.net"
MOVED = "ann@new.example"


@pytest.fixture
def victim(now):
    """Somebody with a past here, and no account."""
    contact = factories.contact(VICTIM, first_name="Ann", attributes={"city": "Bookham"})
    factories.consent(contact, factories.topic())
    factories.enrollment(factories.campaign(), contact)
    return contact


def changed(account, email):
    """As a site's queries may do it: the signal is not told."""
    type(account).objects.filter(pk=account.pk).update(email=email)
    account.refresh_from_db()
    return account


def test_a_stranger_who_signs_up_with_ones_address_takes_nothing_along(victim, now):
    account = factories.user(VICTIM)
    assert identify(user=account, now=now) == victim
    theirs = follow(changed(account, STRANGER), now=now)
    victim.refresh_from_db()
    assert (victim.email, victim.user, victim.first_name) == (VICTIM, None, "Ann")
    assert victim.consents.count() == victim.enrollments.count() == 1
    assert (theirs.email, theirs.user, theirs.attributes) == (STRANGER, account, {})
    assert not theirs.consents.exists() and not theirs.enrollments.exists()


def test_nor_where_the_signal_did_not_tell_of_the_change(victim, now):
    account = factories.user(VICTIM)
    identify(user=account, now=now)
    theirs = identify(user=changed(account, STRANGER), now=now)
    assert theirs != victim and theirs.email == STRANGER
    assert identify(user=account, now=now) == theirs


def test_nor_by_changing_to_ones_address_and_away_again(victim, now):
    account = factories.user(STRANGER)
    own = identify(user=account, now=now)
    assert follow(changed(account, VICTIM), now=now) == victim
    assert follow(changed(account, STRANGER), now=now) == own
    victim.refresh_from_db()
    assert (victim.email, victim.user) == (VICTIM, None)


def test_a_contact_that_another_account_has_stays_that_ones(victim, now):
    owner, other = factories.user(VICTIM), factories.user("bob@example.com")
    identify(user=owner, now=now)
    bob = identify(user=other, now=now)
    assert follow(changed(other, VICTIM), now=now) == victim
    victim.refresh_from_db(), bob.refresh_from_db()
    assert (victim.user, bob.user) == (owner, None)


def test_whoever_proved_both_addresses_keeps_all_they_had(victim, now):
    account = factories.user(VICTIM)
    identify(user=account, now=now)
    moved = follow(changed(account, MOVED), now=now, proved=lambda: [VICTIM, MOVED])
    assert (moved.pk, moved.email, moved.user) == (victim.pk, MOVED, account)
    assert find(email=MOVED) == victim and find(email=VICTIM) is None


def test_whoever_proved_two_known_addresses_becomes_one_person(victim, now):
    account, earlier = factories.user(VICTIM), factories.contact(MOVED)
    identify(user=account, now=now)
    moved = follow(changed(account, MOVED), now=now, proved=lambda: [VICTIM, MOVED])
    assert (moved.pk, moved.user) == (earlier.pk, account)
    assert moved.consents.count() == moved.enrollments.count() == 1
    assert find(email=VICTIM) == earlier


def test_a_merged_contacts_address_means_who_it_was_merged_into(now):
    kept, gone = factories.contact("a@example.com"), factories.contact("b@example.com")
    merge(kept, gone, now=now)
    assert identify(email="B@example.com", now=now + timedelta(days=1)) == kept
    account = factories.user("b@example.com")
    assert identify(user=account, now=now) == kept
    assert Contact.objects.count() == 1


def test_an_emptied_address_changes_nothing(victim, now):
    account = factories.user(VICTIM)
    identify(user=account, now=now)
    assert follow(changed(account, ""), now=now) == victim
    assert Contact.objects.get(pk=victim.pk).email == VICTIM


@pytest.mark.parametrize("shown", [[], [VICTIM], [MOVED]])
def test_half_a_proof_is_none(victim, shown, now):
    account = factories.user(VICTIM)
    identify(user=account, now=now)
    moved = follow(changed(account, MOVED), now=now, proved=lambda: shown)
    assert moved.pk != victim.pk and Contact.objects.get(pk=victim.pk).email == VICTIM


def test_nobody_is_asked_for_a_proof_while_the_address_stays(victim, now):
    account = factories.user(VICTIM)
    identify(user=account, now=now)
    assert follow(account, now=now, proved=lambda: pytest.fail("asked")) == victim
