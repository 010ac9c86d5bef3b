from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core import serializers

from tests import factories
from wagtail_drip.integrations import auth
from wagtail_drip.models import Contact, Event

pytestmark = pytest.mark.django_db


def test_a_new_account_is_a_sign_up():
    user = factories.user("Ann@Example.com", first_name="Ann")
    event = Event.objects.get()
    assert (event.name, event.key) == ("user_signed_up", f"user:{user.pk}")
    assert (event.contact.email, event.contact.first_name) == ("ann@example.com", "Ann")
    assert event.contact.user == user


@pytest.mark.parametrize("email", ["", "  ", "nobody"])
def test_an_account_without_a_usable_address_is_nobody_to_write_to(email, settings):
    settings.WAGTAIL_DRIP_STRICT = True
    factories.user(email)
    assert not Event.objects.exists() and not Contact.objects.exists()


def test_fixtures_sign_nobody_up():
    user = factories.user("ann@example.com")
    text = serializers.serialize("json", [user])
    Event.objects.all().delete()
    Contact.objects.all().delete()
    get_user_model().objects.all().delete()
    for row in serializers.deserialize("json", text):
        row.save()
    assert get_user_model().objects.count() == 1
    assert not Event.objects.exists() and not Contact.objects.exists()


def test_a_changed_name_changes_its_contact():
    user = factories.user("ann@example.com", first_name="Ann")
    user.first_name = "Anna"
    user.save()
    assert Contact.objects.get().first_name == "Anna"
    assert Event.objects.count() == 1


def test_a_changed_address_is_another_contact():
    """Nobody has shown that the old one was theirs (tests/engine/test_identifying.py)."""
    user = factories.user("ann@example.com", first_name="Ann")
    user.email = "ann@new.example"
    user.save()
    assert Contact.objects.get(user=user).email == "ann@new.example"
    assert Contact.objects.get(user=None).email == "ann@example.com"
    assert Event.objects.count() == 1


def test_an_emptied_name_or_address_takes_nothing_away():
    user = factories.user("ann@example.com", first_name="Ann")
    user.email = user.first_name = ""
    user.save()
    contact = Contact.objects.get()
    assert (contact.email, contact.first_name) == ("ann@example.com", "Ann")


def test_a_login_asks_the_database_nothing(django_assert_num_queries):
    user = factories.user("ann@example.com")
    with django_assert_num_queries(1):
        user.save(update_fields=["last_login"])


def test_trouble_with_the_contact_is_not_the_accounts(monkeypatch, caplog):
    def fail(user, now):
        raise RuntimeError("trouble")

    user = factories.user("ann@example.com")
    monkeypatch.setattr(auth, "follow", fail)
    user.first_name = "Ann"
    user.save()
    assert get_user_model().objects.get(pk=user.pk).first_name == "Ann"
    assert "trouble" in caplog.text
