"""HTML of one's own: who may write it, what it may hold, and that nobody gets past either."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from tests import factories as make
from tests.content.support import make_one, person, soup, source
from wagtail_drip.content.checking import problems
from wagtail_drip.models import Step

from .support import client_of

pytestmark = pytest.mark.django_db

CODES = ("add_step", "change_step", "publish_step")


def html_of(raw, who=None):
    return str(soup(make_one(source(("raw", raw)), who)).select_one("td.row"))


def test_what_mails_can_show_stays():
    shown = html_of('<table align="center"><tr><td style="color:red">A<br>B</td></tr></table>')
    assert 'align="center"' in shown and "red" in shown and "A<br/>B" in shown
    shown = html_of('<style>.x { color: blue }</style><p class="x"><a href="/b/">C</a></p>')
    assert 'href="https://shop.example/b/"' in shown


@pytest.mark.parametrize(
    "raw",
    [
        "<p>A</p><script>alert(1)</script>",
        "<p>A</p><SCRIPT src=//x.example></SCRIPT>",
        "<p>A</p><iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<p onclick='alert(1)'>A</p>",
        "<p>A</p><img src=x onerror=alert(1)>",
        "<p>A</p><svg><a href='javascript:alert(1)'>x</a></svg>",
        "<p>A</p><a href='java\tscript:alert(1)'>x</a>",
        "<p style='background:url(javascript:alert(1))'>A</p>",
        "<p>A</p><form action='https://x.example'><input name=p></form>",
        "<p>A</p><meta http-equiv=refresh content='0;url=//alert(1)'>",
        "<p>A</p><base href='https://alert(1).example'>",
        "<p>A</p><style>@import 'https://alert(1).example';</style>",
        "<p>A</p><object data='alert(1)'></object><embed src='alert(1)'>",
        "<p>A</p><!--[if mso]><script>alert(1)</script><![endif]-->",
    ],
)
def test_what_could_run_or_take_over_is_taken_out(raw):
    shown = html_of(raw).lower()
    assert "a</p>" in shown
    for bad in ("alert(1)", "<script", "<iframe", "javascript", "<form", "<input", "onerror"):
        assert bad not in shown


def test_it_ends_where_its_row_ends():
    mail = make_one(source(("raw", "</td></tr></table></body><div><b>A"), ("text", "<p>After</p>")))
    rows = soup(mail).select("td.row")
    assert [row.get_text(strip=True) for row in rows] == ["A", "After"]
    assert rows[1].find_parent("div") is None and "Unsubscribe" in mail.html


def test_merge_fields_inside_are_escaped():
    who = person(first_name="<b>Ann</b>")
    mail = make_one(source(("raw", "<p>Dear {{ first_name|you }}</p>")), who)
    assert "Dear &lt;b&gt;Ann&lt;/b&gt;" in mail.html and "Dear <b>Ann</b>" in mail.text
    [problem] = problems(source(("raw", "<p>{{ frist_name|you }}</p>")))
    assert "there is no merge field" in problem


# Who may write it


def url(view, *args):
    return reverse(Step.snippet_viewset.get_url_name(view), args=args)


def form(*blocks, **fields):
    """A mail's form with these (type, id, value) in its body."""
    data = {"name": "Hello", "subject": "Hi", "body-count": str(len(blocks))}
    for number, (kind, id, value) in enumerate(blocks):
        start = f"body-{number}"
        data |= {f"{start}-deleted": "", f"{start}-order": str(number)}
        data |= {f"{start}-type": kind, f"{start}-id": id, f"{start}-value": value}
        if kind == "show_if":
            del data[f"{start}-value"]
            data |= {
                f"{start}-value-match": "all",
                f"{start}-value-conditions-count": "0",
                f"{start}-value-content-count": "1",
                f"{start}-value-content-0-deleted": "",
                f"{start}-value-content-0-order": "0",
                f"{start}-value-content-0-type": "raw",
                f"{start}-value-content-0-id": "deep",
                f"{start}-value-content-0-value": value,
            }
    return data | fields


def stored(step):
    found = step.get_latest_revision_as_object() if step.latest_revision_id else step
    return [(row.block_type, str(row.value)) for row in found.body]


@pytest.fixture
def step():
    body = [{"type": "raw", "value": "<p>Theirs</p>", "id": "one"}]
    return make.step(body=json.dumps(body))


def test_who_may_write_it_does():
    editor = client_of("editor", *CODES, "write_html")
    editor.post(url("add"), form(("raw", "a", "<p>Mine</p>")))
    assert stored(Step.objects.get()) == [("raw", "<p>Mine</p>")]


def test_who_may_not_keeps_what_others_wrote(step):
    editor = client_of("editor", *CODES)
    page = editor.get(url("edit", step.pk)).content.decode()
    assert "Theirs" in page and "readonly" in page
    editor.post(url("edit", step.pk), form(("raw", "one", "<p>Theirs</p>"), subject="New"))
    step.refresh_from_db()
    assert step.get_latest_revision_as_object().subject == "New"
    assert stored(step) == [("raw", "<p>Theirs</p>")]
    editor.post(url("edit", step.pk), form(subject="Without"))
    step.refresh_from_db()
    assert stored(step) == []


@pytest.mark.parametrize(
    "blocks",
    [
        [("raw", "one", "<p>Changed</p>")],
        [("raw", "one", "<p>Theirs</p>"), ("raw", "two", "<p>Added</p>")],
        [("raw", "one", "<p>Theirs</p>"), ("raw", "one", "<p>Theirs</p>")],
        [("raw", "two", "<p>Theirs</p>")],
        [("raw", "", "<p>Theirs</p>")],
        [("show_if", "x", "<p>Deep</p>")],
    ],
)
def test_a_forged_post_neither_adds_nor_changes(step, blocks):
    editor = client_of("editor", *CODES)
    for action in ({}, {"action-publish": "1"}):
        response = editor.post(url("edit", step.pk), form(*blocks, subject="Forged", **action))
        assert "You may not write HTML" in response.content.decode()
        step.refresh_from_db()
        assert (step.subject, stored(step)) == ("Hello", [("raw", "<p>Theirs</p>")])
    editor.post(url("add"), form(*blocks))
    assert Step.objects.count() == 1
