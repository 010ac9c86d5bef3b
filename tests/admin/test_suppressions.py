from __future__ import annotations

import pytest
from django.urls import reverse
from wagtail.models import ModelLogEntry

from tests import factories
from tests.queries import queries
from wagtail_drip.models import Suppression
from wagtail_drip.models.consent import suppress, suppressed

from .support import client_of

pytestmark = pytest.mark.django_db
SPACE = "wagtailsnippets_wagtail_drip_suppression"


def url(view, row=None):
    return reverse(f"{SPACE}:{view}", args=[row.pk] if row else [])


@pytest.fixture
def complaint(now):
    suppress("ann@example.com", reason="complained", scope="marketing", at=now, note="phoned us")
    return Suppression.objects.get()


def test_an_address_is_found_and_none_is_shown(editor, complaint, now):
    suppress("bob@example.com", reason="bounced", at=now)
    page = editor.get(url("list")).text
    assert "complaint" in page and "hard bounce" in page and "ann@" not in page
    found = editor.get(url("list"), {"q": " Ann@Example.com "})
    assert list(found.context["object_list"]) == [complaint]
    assert list(editor.get(url("list"), {"q": "phoned"}).context["object_list"]) == [complaint]
    assert not editor.get(url("list"), {"q": "eve@example.com"}).context["object_list"]


def test_adding_one_by_hand_ends_what_is_under_way(editor):
    inside = factories.enrollment(factories.campaign(), factories.contact("ann@example.com"))
    form = {"address": "ANN@example.com", "scope": "all", "note": "asked by letter"}
    assert editor.post(url("add"), form).status_code == 302
    inside.refresh_from_db()
    row = Suppression.objects.get()
    assert (row.reason, row.note, inside.reason) == ("manual", "asked by letter", "suppressed")
    assert suppressed(["ann@example.com"], transactional=True)
    entry = ModelLogEntry.objects.get(action="wagtail.create", object_id=str(row.pk))
    assert entry.user.username == "editor" and "ann" not in entry.label


@pytest.mark.parametrize(
    ("address", "said"), [("nonsense", "not an e-mail"), ("ann@example.com", "suppressed already")]
)
def test_a_mistake_is_said(editor, complaint, address, said):
    page = editor.post(url("add"), {"address": address, "scope": "all"})
    assert said in page.text
    assert Suppression.objects.count() == 1


def test_lifting_is_confirmed_and_logged(editor, complaint):
    assert "get mail again" in editor.get(url("delete", complaint)).text
    assert Suppression.objects.exists()
    editor.post(url("delete", complaint))
    assert not suppressed(["ann@example.com"], transactional=False)
    entry = ModelLogEntry.objects.get(action="wagtail.delete")
    assert (entry.label, entry.user.username) == (str(complaint), "editor")


def test_what_stands_is_never_changed(editor, complaint):
    form = {"address": "eve@example.com", "scope": "all", "note": "x"}
    editor.post(url("edit", complaint), form)
    complaint.refresh_from_db()
    assert complaint.scope == "marketing"
    assert url("edit", complaint) not in editor.get(url("list")).text


@pytest.mark.parametrize("view", ["list", "add", "edit", "delete", "inspect"])
def test_each_takes_its_permission(outsider, complaint, view):
    path = url(view, None if view in ("list", "add") else complaint)
    for response in (outsider.get(path), outsider.post(path, {"scope": "all"})):
        assert response.status_code in (302, 403)
    assert Suppression.objects.count() == 1


def test_who_may_add_may_not_lift(complaint):
    helper = client_of("helper", "add_suppression", "view_suppression")
    assert helper.get(url("list")).status_code == helper.get(url("add")).status_code == 200
    helper.post(url("delete", complaint))
    assert Suppression.objects.exists()


def test_a_long_list_asks_as_much_as_a_short_one(editor, now):
    def asked():
        return len(queries(lambda: editor.get(url("list"))))

    suppress("a@example.com", reason="manual", at=now)
    asked()
    short = asked()
    for number in range(15):
        suppress(f"a{number}@example.com", reason="manual", at=now)
    assert asked() == short
