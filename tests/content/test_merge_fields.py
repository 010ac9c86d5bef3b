from __future__ import annotations

import pytest

from wagtail_drip.content import merge_fields
from wagtail_drip.content.merge_fields import CLOSE, OPEN, merge, split, tokens
from wagtail_drip.content.personalizing import Slot
from wagtail_drip.content.rendering import Brand, Rendering

from .support import heading, make_one, part, person, source


@pytest.fixture
def rendering():
    return Rendering(Brand("Lantern"), fields=merge_fields.Fields(merge_fields.builtin()))


@pytest.mark.parametrize(
    ("typed", "slot"),
    [
        ("{{ first_name }}", Slot("first_name")),
        ("{{first_name|dear friend}}", Slot("first_name", "dear friend")),
        ("{{ first_name | Zoë }}", Slot("first_name", "Zoë")),
        ("{{ first_name|dear\r\nfriend }}", Slot("first_name", "dear friend")),
        ("{{\xa0first_name\xa0}}", Slot("first_name")),
    ],
)
def test_a_token_is_a_field_and_its_fallback(rendering, typed, slot):
    assert split(merge(f"Hi {typed}!", rendering)) == ("Hi ", slot, "!")


@pytest.mark.parametrize(
    "typed",
    [
        "{{ settings.SECRET_KEY }}",
        "{% include 'x.html' %}",
        "{{ first_name.__class__ }}",
        "{{ first_name()|x }}",
        "{{ unknown|x }}",
        "{ first_name }",
        "{{ first_name",
        "{{ first_name|a|b }}",
        "{{{{ }}}}",
    ],
)
def test_anything_else_stays_the_text_it_is(rendering, typed):
    assert split(merge(typed, rendering)) == (typed,)


def test_what_the_brand_says_is_known_when_compiling(rendering):
    assert merge("{{ site_name }}", rendering) == "Lantern"


def test_a_product_field_has_its_fallback_where_there_is_no_product(rendering):
    assert merge("{{ product_title|a book }}", rendering) == "a book"


@pytest.mark.parametrize(
    "pasted", [f"a{OPEN}b", f"a{CLOSE}b", f"{OPEN}ab{CLOSE}", f"{OPEN}{CLOSE}"]
)
def test_private_use_characters_make_no_slot(pasted):
    assert all(isinstance(piece, str) and OPEN not in piece for piece in split(pasted))


def test_tokens_tells_known_from_unknown():
    found = tokens("{{ first_name|x }} {{ frist_name }} {{ a.b }}", {"first_name"})
    assert [(t.slug, t.known) for t in found] == [
        ("first_name", True),
        ("frist_name", False),
        ("a.b", False),
    ]


def test_no_value_is_the_fallback():
    message = source(heading("Hi {{ first_name|friend }}"))
    assert "Hi friend\n" in part(make_one(message, person(first_name="  ")), "plain")


def test_a_fallback_with_markup_is_text(rendering):
    message = source(heading('{{ first_name|<b>"&</b> }}'))
    assert '<b>"&</b>' in part(make_one(message), "plain")
    assert "&lt;b&gt;&quot;&amp;&lt;/b&gt;</h1>" in part(make_one(message), "html")


def test_a_token_split_by_formatting_breaks_nothing():
    mail = make_one(source(("text", "<p>Hi {{ <b>first_name</b> }}, yes</p>")), person())
    assert "Hi {{ first_name }}, yes" in part(mail, "plain")
