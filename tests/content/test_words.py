"""Merge fields in groups: contact, user, event, order, campaign, site."""

from __future__ import annotations

import pytest
from wagtail import hooks

from tests import factories as make
from wagtail_drip.content import merge_fields
from wagtail_drip.content.checking import problems
from wagtail_drip.content.formatting import money, written
from wagtail_drip.content.making import sample
from wagtail_drip.flow.triggers import Trigger
from wagtail_drip.models import Attribute

from .support import heading, make_all, make_one, part, person, source


def said(text: str, who=None, **fields) -> str:
    mail = make_one(source(heading(text), **fields), who)
    return part(mail, "plain").splitlines()[0]


@pytest.fixture
def bought():
    trigger = Trigger("bought", "bought", sample={"total": "18.50", "when": "2026-03-02"})
    with hooks.register_temporarily("register_drip_triggers", lambda: {"bought": trigger}):
        yield


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{{ contact.first_name|you }}", "Bo"),
        ("{{ contact.shoe_size|? }}", "42"),
        ("{{ contact.born|? }}", "March 2, 2026"),
        ("{{ contact.nothing|? }}", "?"),
        ("{{ event.total|? }}", "1234.5"),
        ("{{ order.total|? }}", "1,234.50\u00a0EUR"),
        ("{{ order.number|? }}", "1042"),
        ("{{ site.name }}", "Lantern & Sons"),
        ("{{ campaign.name|us }}", "us"),
        ("{{ event.items|none }}", "none"),
    ],
)
def test_each_group_knows_its_parts(text, what):
    data = {"total": 1234.5, "currency": "EUR", "order": 1042, "items": [1]}
    known = {"shoe_size": 42, "born": "2026-03-02"}
    assert said(text, person(first_name="Bo", data=data, attributes=known)) == what


@pytest.mark.parametrize(
    ("language", "what"), [("de", "2. März 2026 1.234,50"), ("en", "March 2, 2026 1,234.50")]
)
def test_dates_and_money_are_written_as_the_mail_s_readers_do(language, what):
    who = person(data={"day": "2026-03-02", "total": "1234.5"})
    assert said("{{ event.day|? }} {{ order.total|? }}", who, language=language) == what


def test_a_moment_is_told_by_the_reader_s_clock():
    assert "7:30" in written("2026-03-02T04:00:00+00:00", "Asia/Tehran")
    assert written("2026-02-31") == "2026-02-31" and written("2026-03-02T04:00:00+00:00", "no/zone")


@pytest.mark.parametrize("value", ["abc", "NaN", "1e40", "Infinity"])
def test_money_that_is_none_is_text(value):
    assert money(value) == value


@pytest.mark.parametrize("value", ["<b>x</b>", "{{ email }}", "a\r\nBcc: x@y.example"])
def test_what_an_event_brings_is_text_and_one_line(value):
    mail = make_one(source(subject="{{ event.x|? }}"), person(data={"x": value}))
    headers = mail.as_bytes().partition(b"\r\n\r\n")[0]
    assert "<b>x</b>" not in mail.html and b"\nBcc:" not in headers
    assert "p1@example.com" not in mail.subject and "\n" not in mail.subject


@pytest.mark.parametrize(
    "typed",
    ["{{ event }}", "{{ event.a.b }}", "{{ event.__class__ }}", "{{ no.x }}", "{{ first_name.x }}"],
)
def test_anything_else_stays_text(typed):
    assert said(typed, person(data={"a": {"b": 1}})) == typed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ event.totl|x }}", "Did you mean {{ event.total }}?"),
        ("{{ event.total }}", "may have no value"),
        ("{{ order.total|x }}", ""),
        ("{{ site.name }}", ""),
        ("{{ site.nme }}", "Did you mean {{ site.name }}?"),
    ],
)
@pytest.mark.django_db
def test_misspelt_parts_are_named(bought, text, problem):
    found = problems(source(heading(text)))
    assert problem in (found or [""])[0] and len(found) == bool(problem)


@pytest.mark.django_db
def test_attributes_are_those_that_are_defined():
    Attribute.objects.create(label="Shoe size", key="shoe_size", type="number")
    assert problems(source(heading("{{ contact.shoe_size|x }}"))) == []
    assert (
        "Did you mean {{ contact.shoe_size }}"
        in problems(source(heading("{{ contact.shoesize|x }}")))[0]
    )
    assert "contact.shoe_size" in merge_fields.fields().offered()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("{{ contact.frist_name }}", "{{ contact.frist_name }}"),
        ("{{ contact.frist_name|x }}", "{{ contact.frist_name|x }}"),
        ("{{ event.no_such_thing }}", "{{ event.no_such_thing }}"),
        ("{{ contact.shoe_size|x }}", "42"),
        ("{{ contact.first_name|x }}", "Alex"),
    ],
)
def test_what_nobody_has_stays_as_typed_in_a_preview(typed, shown):
    Attribute.objects.create(label="Shoe size", key="shoe_size", type="number")
    assert sample(source(subject=f"To {typed}")).subject == f"To {shown}"


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [1, 10])
def test_accounts_are_asked_for_once(django_assert_num_queries, amount):
    users = [make.user(username=f"u{n}") for n in range(amount)]
    people = [person(n + 1, user_id=user.pk) for n, user in enumerate(users)]
    message = source(heading("{{ user.username|nobody }}"))
    with django_assert_num_queries(1):
        mails = make_all(message, [*people, person(99)])
    assert "nobody" in mails[99].text and "u0" in mails[1].text
