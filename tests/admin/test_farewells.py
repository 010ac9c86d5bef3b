from __future__ import annotations

import pytest
from django.urls import reverse

from tests import factories
from wagtail_drip.models import Campaign, Farewell

from .support import client_of

pytestmark = pytest.mark.django_db


def url(view, row=None):
    return reverse(f"wagtailsnippets_wagtail_drip_farewell:{view}", args=[row.pk] if row else [])


@pytest.fixture
def said(now):
    ann = factories.contact("ann@example.com")
    return Farewell.objects.create(contact=ann, why="other", words="<b>Moved</b> away", at=now)


def test_what_was_said_is_read_without_who_said_it(said):
    reader = client_of("reader", "view_farewell")
    for page in (reader.get(url("list")).text, reader.get(url("inspect", said)).text):
        assert "&lt;b&gt;Moved&lt;/b&gt; away" in page and "Something else" in page
        assert "ann@" not in page
    assert "everything" in reader.get(url("list"), {"q": "moved"}).text


@pytest.mark.parametrize("view", ["add", "edit", "delete"])
def test_nobody_writes_it_anew(editor, said, view):
    path = url(view, None if view == "add" else said)
    assert path not in editor.get(url("list")).text
    for response in (editor.get(path), editor.post(path, {"words": "x"})):
        assert response.status_code in (302, 403)
    said.refresh_from_db()
    assert said.words == "<b>Moved</b> away"


def test_others_read_nothing(outsider, said):
    assert outsider.get(url("list")).status_code in (302, 403)


@pytest.mark.parametrize(("opt_in", "made"), [("double", 1), ("single", 0)])
def test_a_topic_brings_the_mail_that_asks_for_it(editor, opt_in, made):
    form = {
        "name": "News", "slug": "news", "channel": "email", "opt_in": opt_in, "public": "on",
    }  # fmt: skip
    response = editor.post(reverse("wagtailsnippets_wagtail_drip_topic:add"), form)
    assert response.status_code == 302
    assert Campaign.objects.filter(slug="please-confirm", live=True).count() == made
