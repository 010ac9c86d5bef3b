from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from wagtail.models import Page

from wagtail_drip.content.compiling import MOST_BYTES, compile_message
from wagtail_drip.content.making import sample
from wagtail_drip.content.personalizing import LEAVE, PREFERENCES, Fault, Hold, Slot
from wagtail_drip.content.rendering import Brand

from .support import heading, make_one, part, person, soup, source

LINKS = '<p><a href="/about/">a</a> <a href="https://x.example/?a=1&amp;b=2">b</a></p>'


def test_a_message_is_cut_at_its_slots():
    compiled = compile_message(source(heading("Hi {{ first_name|you }}"), subject="Plain"))
    assert compiled.slots == (Slot("first_name", "you"), Slot(LEAVE), Slot(PREFERENCES))
    assert compiled.subject == ("Plain",)
    assert compiled.subject_line == b"Subject: Plain\r\n"


def test_the_layout_is_made_of_presentation_tables():
    page = soup(
        make_one(source(heading("Hi"), ("divider", None), ("button", {"label": "Go", "url": "/"})))
    )
    assert {table.get("role") for table in page("table")} == {"presentation"}
    assert page.find("table", class_="frame")["width"] == "600"


def test_css_is_inline_and_at_rules_are_kept():
    page = soup(make_one(source(heading("Hi"))))
    assert "font-size: 30px" in page.h1["style"]
    assert "max-width: 620px" in page.style.string
    assert "prefers-color-scheme: dark" in page.style.string
    assert page.find("meta", {"name": "color-scheme"})["content"] == "light dark"


@pytest.mark.parametrize("language", ["fa", "ar", "he", "ur", "fa-IR"])
def test_right_to_left_languages_run_so(language):
    page = soup(make_one(source(("quote", {"text": "سلام", "by": ""}), language=language)))
    assert (page.html["lang"], page.html["dir"]) == (language, "rtl")
    assert "border-right: 3px" in page.find(class_="quote")["style"]
    assert "text-align: right" in page.find(class_="row")["style"]


def test_other_languages_run_left_to_right():
    page = soup(make_one(source(language="de-CH")))
    assert (page.html["lang"], page.html["dir"]) == ("de-CH", "ltr")


def test_relative_links_become_absolute():
    page = soup(make_one(source(("text", LINKS))))
    assert page.find("a", string="a")["href"] == "https://shop.example/about/"
    assert page.find("a", string="b")["href"] == "https://x.example/?a=1&b=2"


def test_text_that_looks_like_an_attribute_is_left_alone():
    text = part(make_one(source(heading('Write src="/x" or <a href="/y">'))), "html")
    assert 'Write src="/x" or &lt;a href="/y"&gt;</h1>' in text


@pytest.mark.django_db
def test_page_links_of_rich_text_become_absolute():
    root = Page.objects.get(depth=2)
    page = root.add_child(instance=Page(title="Books", slug="books"))
    mail = make_one(source(("text", f'<p><a linktype="page" id="{page.pk}">go</a></p>')))
    assert soup(mail).find("a", string="go")["href"] == "https://shop.example/books/"
    assert "go (https://shop.example/books/)" in part(mail, "plain")


@override_settings(WAGTAIL_DRIP_BASE_URL="https://default.example")
def test_a_brand_without_address_has_the_default_one():
    page = soup(make_one(source(("text", LINKS), brand=Brand("B"))))
    assert page.find("a", string="a")["href"] == "https://default.example/about/"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " jAva\tscript:alert(1)", "data:text/html,x", "vbscript:x"]
)
def test_links_that_could_run_something_go(url):
    html = part(
        make_one(
            source(
                ("button", {"label": "Go", "url": url}), ("text", f'<p><a href="{url}">x</a></p>')
            )
        ),
        "html",
    )
    assert "script:" not in html.lower() and "data:" not in html


def test_scripts_in_stored_rich_text_go():
    html = (
        '<p onclick="x()">Hi<script>alert(1)</script><img src=x onerror=y></p></td></table><iframe>'
    )
    page = soup(make_one(source(("text", html), heading("After"))))
    assert not page(["script", "iframe", "img"]) and "onclick" not in str(page)
    assert page.find(class_="card").h1.get_text() == "After"


def test_the_preheader_is_there_and_hidden():
    page = soup(make_one(source(preheader="Hi {{ first_name|you }}"), person(first_name="Bo & Co")))
    assert page.body.div.get_text().startswith("Hi Bo & Co")
    assert "display:none" in page.body.div["style"]


def test_long_text_beyond_ascii_has_short_lines():
    mail = make_one(source(("text", f"<p>{'سلام' * 800}</p>"), subject="é" * 190))
    assert max(map(len, mail.as_bytes().split(b"\r\n"))) <= 200
    assert "سلام" * 800 in part(mail, "plain")


def test_an_ordinary_mail_is_far_from_the_limit():
    blocks = [heading("Hi"), ("text", LINKS * 3), ("button", {"label": "Go", "url": "/"})] * 6
    assert len(make_one(source(*blocks)).as_bytes()) < MOST_BYTES / 2


def test_the_wire_holds_no_mark_of_ours():
    message = source(heading("{{ first_name|x }}"), ("text", "<p>\ue000ab\ue001</p>"))
    assert not re.search("[\ue000\ue001]", make_one(message).html)


def test_a_mail_waits_for_a_block_that_nobody_knows_any_more():
    held = make_one(source(("text", "<p>x</p>"), ("sparkles", 1)))
    assert isinstance(held, Hold) and "sparkles" in held.reason


def test_a_preview_shows_where_an_unknown_block_stands():
    assert "[sparkles]" in sample(source(("sparkles", 1))).text


def test_half_a_character_is_a_fault_and_no_error():
    assert isinstance(make_one(source(heading("half \ud800"))), Fault)


def test_what_is_no_address_leads_nowhere():
    page = soup(make_one(source(("text", '<p><a href="http://[">x</a></p>'))))
    assert page.find("a", string="x") is None


@pytest.mark.parametrize("strict", [True, False])
def test_what_texts_link_is_looked_up_for_all_of_them_at_once(db, strict):
    root = Page.objects.get(depth=2)
    pages = [root.add_child(instance=Page(title=f"P{n}", slug=f"p{n}")) for n in range(8)]

    def asked(number: int) -> tuple[int, str]:
        texts = [f'<p><a linktype="page" id="{page.pk}">x</a></p>' for page in pages[:number]]
        message = source(*(("text", text) for text in texts))
        with CaptureQueriesContext(connection) as captured:
            made = compile_message(message, strict=strict)
        return len(captured), "".join(map(str, made.html))

    asked(1)
    (few, _html), (many, html) = asked(2), asked(8)
    assert few == many
    assert all(f'href="https://shop.example/p{n}/"' in html for n in range(8))


def test_a_text_that_holds_the_mark_between_texts_is_looked_up_alone():
    texts = ["<p>a\ue004b</p>", "<p>c</p>"]
    html = "".join(map(str, compile_message(source(*(("text", one) for one in texts))).html))
    assert "c</p>" in html and "a" in html
