"""Accounts of the site's own: no `email`, another field in its place."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from tests import factories
from tests.admin.support import client_of
from wagtail_drip import api
from wagtail_drip.admin.contacts import contact_url
from wagtail_drip.models import Contact, Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(db):
    return get_user_model().objects.create(username="ann", mailbox="Ann@Example.com")


def test_a_new_account_is_a_sign_up(member):
    assert Event.objects.get().contact.email == "ann@example.com"
    assert Contact.objects.get().user == member


def test_a_changed_address_is_followed_by_its_own_name(member):
    member.mailbox = "ann@new.example"
    member.save(update_fields=["mailbox"])
    assert Contact.objects.get(user=member).email == "ann@new.example"


def test_site_code_names_people_by_their_account(member):
    factories.topic("news")
    assert api.subscribe("news", user=member, source="form", wording="News", confirmed=True)
    assert Contact.objects.get().consents.count() == 1


def test_the_admin_shows_and_searches_them(member):
    editor = client_of("editor", is_superuser=True, mailbox="editor@example.com")
    contact = Contact.objects.get(user=member)
    assert "ann@example.com" in editor.get(contact_url(contact.pk)).text
    for name in ("contacts", "events", "people", "deliveries"):
        assert editor.get(f"/admin/drip/{name}/", {"q": "ann@example.com"}).status_code == 200
    assert "ann@example.com" in editor.get("/admin/drip/contacts/", {"q": "ann"}).text


def test_somebody_who_is_forgotten_leaves_their_account_alone(member):
    assert api.erase(user=member)
    member.refresh_from_db()
    assert member.mailbox == "Ann@Example.com"
    assert Contact.objects.get().erased_at and not Contact.objects.filter(user=member).exists()
