"""By allauth's own pages, as a visitor uses them."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.core import mail
from django.utils import timezone

from tests import factories
from wagtail_drip import registry
from wagtail_drip.engine.ticking import tick
from wagtail_drip.models import Contact, Delivery, Enrollment, Event
from wagtail_drip.models.consent import grant

pytestmark = pytest.mark.django_db
OLD, NEW = "ann@example.com", "ann@new.example"


def sign_up(client, email=OLD):
    form = {"username": "ann", "email": email, "password1": "a-long-pass-word"}
    assert client.post("/accounts/signup/", form).status_code == 302
    return get_user_model().objects.get()


def follow_the_link(client):
    """That of the newest mail."""
    link = re.search(r"(/accounts/confirm-email/\S+)", mail.outbox[-1].body)[1]
    assert client.get(link).status_code == 200
    client.post(link)


def events():
    return list(Event.objects.order_by("pk").values_list("name", "contact__email"))


def test_a_sign_up_is_told_once(client):
    user = sign_up(client)
    assert user.mailbox == OLD and user.email is None
    assert events() == [("user_signed_up", OLD)]
    assert Contact.objects.get().user == user


def test_an_address_that_comes_after_the_account_signs_up_too(client, rf):
    """As with a social sign-up."""
    from allauth.account import signals

    user = get_user_model().objects.create(username="ann")
    assert not Event.objects.exists()
    user.mailbox = OLD
    user.save()
    signals.user_signed_up.send(sender=type(user), request=rf.get("/"), user=user)
    assert events() == [("user_signed_up", OLD)]


def test_a_campaign_starts_when_the_address_is_confirmed(client):
    campaign = factories.campaign("welcome", trigger="email_confirmed")
    sign_up(client)
    tick(timezone.now())
    assert not Enrollment.objects.exists()
    follow_the_link(client)
    tick(timezone.now())
    assert Enrollment.objects.get().campaign == campaign
    assert Delivery.objects.get().contact.email == OLD
    assert "email_confirmed" in registry.triggers()


def test_an_address_is_confirmed_once(client):
    sign_up(client)
    follow_the_link(client)
    follow_the_link(client)
    assert events() == [("user_signed_up", OLD), ("email_confirmed", OLD)]


@pytest.fixture
def known(client):
    """Somebody who confirmed their address, chose news and is in a campaign."""
    user = sign_up(client)
    follow_the_link(client)
    contact = Contact.objects.get()
    grant(contact, factories.topic("news"), at=timezone.now(), source="form")
    factories.enrollment(factories.campaign(), contact)
    return user


def add_address(client, email=NEW):
    client.post("/accounts/email/", {"action_add": "", "email": email})


def test_whoever_proved_both_addresses_takes_all_along(client, known):
    contact = Contact.objects.get()
    add_address(client)
    follow_the_link(client)
    assert Contact.objects.get().email == OLD
    client.post("/accounts/email/", {"action_primary": "", "email": NEW})
    known.refresh_from_db()
    moved = Contact.objects.get()
    assert known.mailbox == NEW
    assert (moved.pk, moved.email, moved.user) == (contact.pk, NEW, known)
    assert moved.consents.count() == moved.enrollments.count() == 1


def test_where_the_new_address_is_known_the_two_become_one(client, known):
    earlier = factories.contact(NEW)
    grant(earlier, factories.topic("offers"), at=timezone.now(), source="form")
    add_address(client)
    follow_the_link(client)
    client.post("/accounts/email/", {"action_primary": "", "email": NEW})
    assert Contact.objects.get().consents.count() == 2
    assert Contact.objects.get().aliases.get().email == OLD


def test_changing_instead_of_adding_takes_all_along_too(client, known, settings):
    settings.ACCOUNT_CHANGE_EMAIL = True
    add_address(client)
    follow_the_link(client)
    assert [row.email for row in EmailAddress.objects.all()] == [NEW]
    assert Contact.objects.get().email == NEW
    assert Contact.objects.get().consents.count() == 1


def test_a_strangers_address_that_nobody_proved_gives_nothing(client):
    """Signed up with somebody else's address, never confirmed it, and moves to their own."""
    victim = factories.contact(OLD)
    grant(victim, factories.topic("news"), at=timezone.now(), source="form")
    user = sign_up(client)
    add_address(client)
    follow_the_link(client)
    client.post("/accounts/email/", {"action_primary": "", "email": NEW})
    user.refresh_from_db()
    assert user.mailbox == NEW
    own = Contact.objects.get(user=user)
    assert (own.email, own.consents.count()) == (NEW, 0)
    assert Contact.objects.get(email=OLD).consents.count() == 1
