"""The chip in the rich text editor: what is stored, and that it comes back as it was."""

from __future__ import annotations

import json

import pytest
from wagtail.admin.rich_text.converters.contentstate import ContentstateConverter

from tests.content.support import make_one, part, person, source
from wagtail_drip.admin.chips import token
from wagtail_drip.content.checking import problems
from wagtail_drip.content.richtext import CHIP

STORED = (
    '<p data-block-key="k1">Hi <span data-drip-field="first_name" data-fallback="friend">'
    "{{ first_name|friend }}</span>!</p>"
)


@pytest.fixture
def converter():
    return ContentstateConverter([CHIP])


def test_it_comes_back_as_it_was_stored(converter):
    state = json.loads(converter.from_database_format(STORED))
    [entity] = state["entityMap"].values()
    assert entity["type"] == "DRIP_FIELD" and entity["mutability"] == "IMMUTABLE"
    assert entity["data"] == {"field": "first_name", "fallback": "friend"}
    again = converter.to_database_format(json.dumps(state))
    assert json.loads(converter.from_database_format(again))["entityMap"] == state["entityMap"]
    assert "{{ first_name|friend }}</span>" in again


@pytest.mark.django_db
def test_it_is_read_as_a_typed_token_is():
    mail = make_one(source(("text", STORED)), person(first_name="Bo"))
    assert "Hi Bo!" in part(mail, "plain") and "drip-field" not in mail.html
    assert problems(source(("text", STORED))) == []


def test_the_fallback_ends_nothing_early():
    assert token("first_name", "a}}{{ b|c\n d") == "{{ first_name|a b c d }}"
    assert token('x"><script>', "") == "{{ xscript }}"


def test_markup_in_a_chip_s_data_is_text(converter):
    state = json.loads(converter.from_database_format(STORED))
    [entity] = state["entityMap"].values()
    entity["data"] = {"field": "first_name", "fallback": '"><script>alert(1)</script>'}
    stored = converter.to_database_format(json.dumps(state))
    assert "<script" not in stored
    mail = make_one(source(("text", stored)), person(first_name=""))
    assert "<script" not in mail.html


def test_without_the_feature_it_is_a_typed_token():
    state = json.loads(ContentstateConverter(["bold"]).from_database_format(STORED))
    assert state["blocks"][0]["text"] == "Hi {{ first_name|friend }}!"
