"""Merge fields in the words of blocks that each person gets something else in."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.html import format_html
from wagtail.blocks import CharBlock

from wagtail_drip.content import checking
from wagtail_drip.content.blocks import builtin
from wagtail_drip.content.email_block import EmailStructBlock
from wagtail_drip.content.making import sample
from wagtail_drip.content.personalizing import Fault, Hold

from .support import Answering, heading, make_all, make_one, part, person, source

pytestmark = pytest.mark.django_db


class Code(EmailStructBlock):
    """Stands for those that a site's adapters fill."""

    depends_on = "person"
    words_in = ("said",)
    said = CharBlock()

    def values(self, value, recipients, rendering):
        return {one.id: {"code": f"C{one.id}"} for one in recipients if one.id != 9}

    def sample_values(self, value, rendering):
        return {"code": "SAMPLE"}

    def html(self, value, rendering, code="", **context):
        said = self.words(value, rendering)["said"]
        return format_html('<p title="{}">{} <b>{}</b></p>', said, said, code)

    def plain(self, value, rendering, code="", **context):
        return f"{self.words(value, rendering)['said']} {code}"


def code(said: str = "{{ extra|Dear reader }}: yours") -> tuple[str, dict[str, Any]]:
    return "code", {"said": said}


@pytest.fixture
def ask(register):
    def registered(answer: Any = lambda who: {1: 'Ann "<b>&', 2: None}.get(who.id, "Bo")):
        field = Answering(answer)
        register(field, code=Code)
        return field

    return registered


def test_each_reads_their_own_word_and_the_field_is_asked_once(ask):
    field = ask()
    made = make_all(source(code(), heading("{{ extra|x }}")), [person(n) for n in (1, 2, 3)])
    assert field.asked == 1
    assert 'Ann "<b>&: yours C1' in part(made[1], "plain")
    assert "<b>C1</b>" in part(made[1], "html")
    assert part(made[1], "html").count("Ann &quot;&lt;b&gt;&amp;: yours") == 2
    assert "Dear reader: yours C2" in part(made[2], "plain")
    assert "Bo: yours C3" in part(made[3], "plain")


def test_the_field_is_asked_of_nobody_where_the_block_is_not_seen(ask, monkeypatch):
    field = ask()
    group = {"match": "all", "conditions": [], "content": [{"type": "code", "value": code()[1]}]}
    from wagtail_drip.models.conditional_block import ShowIfBlock

    monkeypatch.setattr(ShowIfBlock, "shown", lambda *a: {1: True, 3: False})
    made = make_all(source(("show_if", group)), [person(1), person(3)])
    assert field.asked == 1 and "C1" in made[1].text and "C3" not in made[3].text
    monkeypatch.setattr(ShowIfBlock, "shown", lambda *a: {3: False})
    make_all(source(("show_if", group)), [person(3)])
    assert field.asked == 1


def test_who_gets_no_block_needs_no_word(ask):
    ask(lambda who: Hold("not yet"))
    assert "C9" not in make_one(source(code()), person(9)).text


@pytest.mark.parametrize("answer", [Hold("not yet"), Fault("no word"), "\ud800"])
def test_a_word_that_can_not_be_had_keeps_that_mail_back_alone(answer, ask):
    ask(lambda who: answer if who.id == 1 else "Bo")
    made = make_all(source(code()), [person(1), person(2)])
    assert made[1] == answer if isinstance(answer, Hold | Fault) else isinstance(made[1], Fault)
    assert "Bo: yours C2" in made[2].text


def test_a_product_that_the_event_does_not_name_keeps_the_mail_waiting(ask):
    ask()
    assert isinstance(make_one(source(code("{{ product_title }} for you"))), Hold)


def test_a_preview_shows_samples_or_the_person_it_is_for(ask):
    field = ask()
    field.preview = lambda recipient: recipient.first_name if recipient else "SOMEBODY"  # type: ignore[method-assign]
    message = source(code())
    assert "SOMEBODY: yours SAMPLE" in sample(message).text
    assert "Zoe: yours SAMPLE" in sample(message, recipient=person(first_name="Zoe")).text
    assert field.asked == 0


def test_what_somebody_types_into_a_cart_is_no_merge_field(ask):
    class Typed(Code):
        def values(self, value, recipients, rendering):
            mark = "\ue000" + b"email|<script>".hex() + "\ue001"
            return {one.id: {"code": f"{mark}{{{{ email }}}}"} for one in recipients}

    from wagtail import hooks

    field = Answering(lambda who: "Bo")
    by_slug = {"extra": field}
    with (
        hooks.register_temporarily("register_drip_merge_fields", lambda: by_slug),
        hooks.register_temporarily("register_drip_email_blocks", lambda: {"code": Typed()}),
    ):
        html = part(make_one(source(code())), "html")
    assert "p1@example.com" not in html.partition("</b>")[0] and "<script>" not in html


def test_an_unknown_field_in_such_words_is_told_before_publishing(ask):
    ask()
    found = checking.problems(source(code("{{ nobody }}")))
    assert any("there is no merge field {{ nobody }}" in one for one in found)


def test_all_blocks_with_a_heading_take_merge_fields_there():
    """A person block whose heading is plain text would print the braces."""
    from wagtail_drip import registry

    for slug, block in {**builtin(), **registry.email_blocks()}.items():
        fields = getattr(block, "child_blocks", {})
        typed = {name for name in ("heading", "intro", "button", "text") if name in fields}
        assert typed <= set(getattr(block, "words_in", typed)), slug
