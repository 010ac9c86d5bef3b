"""Keys for other systems in the admin."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from wagtail.models import ModelLogEntry

from tests import factories as make
from wagtail_drip.models import ApiKey
from wagtail_drip.models.api_keys import by_token

from .support import client_of

pytestmark = pytest.mark.django_db
RIGHTS = ("add_apikey", "change_apikey", "view_apikey", "delete_apikey")


def at(view: str, *args) -> str:
    return reverse(ApiKey.snippet_viewset.get_url_name(view), args=args)


@pytest.fixture
def keeper(db):
    make.site()
    return client_of("keeper", *RIGHTS)


def test_a_key_is_shown_once_and_logged(keeper):
    shown = keeper.post(at("add"), {"name": "<b>Till</b>", "active": "on"}, follow=True)
    text = shown.content.decode()
    token = re.search(r"drip_[0-9a-f]{24}_[\w-]+", text)[0]
    assert by_token(token) == ApiKey.objects.get() and "<b>Till" not in text
    for page in (at("list"), at("edit", ApiKey.objects.get().pk)):
        assert token not in keeper.get(page).content.decode()
    entry = ModelLogEntry.objects.get()
    assert (entry.action, entry.user.username) == ("wagtail.create", "keeper")
    assert token not in str(entry.data)


def test_a_key_is_revoked(keeper):
    key = ApiKey.objects.create(name="Till")
    assert keeper.post(at("edit", key.pk), {"name": "Till", "must_sign": "on"}).status_code == 302
    assert by_token(key.token()) is None
    assert "Till" in keeper.get(at("list")).content.decode()


def test_it_takes_a_permission():
    make.site()
    outsider = client_of("outsider", "change_campaign")
    key = ApiKey.objects.create(name="Till")
    for address in (at("list"), at("add"), at("edit", key.pk)):
        assert outsider.get(address).status_code in (302, 403)
