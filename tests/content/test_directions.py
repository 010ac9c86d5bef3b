"""Mails that run to the left, and words of the other direction in any mail."""

from __future__ import annotations

import re

import pytest
from wagtail.models import Locale, Page

from wagtail_drip.content.bidi import FSI, PDI, isolated

from .support import Answering, heading, make_one, parsed, part, person, soup, source

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("words", "direction", "shown"),
    [
        ("Alex", "ltr", "Alex"),
        ("Alex", "rtl", f"{FSI}Alex{PDI}"),
        ("مریم", "rtl", "مریم"),
        ("علی\u200cرضا نوری", "rtl", "علی\u200cرضا نوری"),
        ("مریم", "ltr", f"{FSI}مریم{PDI}"),
        ("0912 345", "rtl", f"{FSI}0912 345{PDI}"),
        ("۰۹۱۲ ۳۴۵", "rtl", f"{FSI}۰۹۱۲ ۳۴۵{PDI}"),
        ("C++ (مریم)", "rtl", f"{FSI}C++ (مریم){PDI}"),
        ("Zoë", "ltr", "Zoë"),
        ("exe.\u202egpj", "ltr", "exe.gpj"),
        (f"a{PDI}مریم", "ltr", f"{FSI}aمریم{PDI}"),
        ("", "rtl", ""),
    ],
)
def test_what_is_isolated(words, direction, shown):
    assert isolated(words, direction) == shown


@pytest.mark.parametrize("language", ["fa", "ar"])
def test_a_foreign_name_and_a_number_leave_the_line_in_order(register, language):
    register(Answering(lambda who: "0912 345"))
    message = source(
        heading("سلام {{ first_name|دوست }}!"),
        ("text", "<p>شماره: {{ extra|- }}، {{ first_name|دوست }}.</p>"),
        subject="{{ first_name|دوست }}، خبر تازه",
        preheader="برای {{ first_name|دوست }}!",
        language=language,
    )
    mail = make_one(message, person(first_name="Alex (C++)"))
    name, number = f"{FSI}Alex (C++){PDI}", f"{FSI}0912 345{PDI}"
    assert parsed(mail)["subject"] == f"{name}، خبر تازه"
    text, html = part(mail, "plain"), soup(mail)
    assert f"سلام {name}!" in text and f"شماره: {number}، {name}." in text
    assert html.find("html")["dir"] == "rtl" and html.find("html")["lang"] == language
    assert f"سلام {name}!" in html.get_text() and f"شماره: {number}، {name}." in html.get_text()
    assert f"برای {name}!" in html.get_text()
    own = make_one(message, person(first_name="مریم"))
    assert FSI not in parsed(own)["subject"]


PERSIAN = "<p>سلام {{ first_name|دوست }}، خوش آمدید. The Paper Lantern</p>"


@pytest.mark.parametrize(
    ("subject", "text", "direction"),
    [
        ("خوش آمدید، {{ first_name|دوست }}", PERSIAN, "rtl"),
        ("مرحبًا", '<p>أهلًا <a href="https://shop.example/a-long-address/">هنا</a></p>', "rtl"),
        ("Nowruz: عید شما مبارک", "<p>We wish all of you a happy new year.</p>", "ltr"),
        ("Добро пожаловать", "<p>Здравствуйте!</p>", "ltr"),
        ("Welcome", PERSIAN, "ltr"),
    ],
)
def test_on_a_site_of_one_language_the_words_say_how_a_mail_runs(subject, text, direction):
    html = soup(make_one(source(("text", text), subject=subject, language="en")))
    assert html.find("html")["dir"] == direction
    assert {table.get("dir", direction) for table in html.find_all("table")} == {direction}


def test_a_fallback_in_the_mail_s_own_direction_needs_nothing():
    mail = make_one(source(heading("سلام {{ first_name|دوست }}"), language="fa"))
    assert "سلام دوست" in part(mail, "plain") and FSI not in part(mail, "html")


def test_links_are_never_isolated():
    mail = make_one(source(heading("سلام"), language="fa"))
    assert all(FSI not in link["href"] for link in soup(mail).find_all("a"))


@pytest.fixture
def pages(settings):
    """An English page, and its Persian translation."""
    settings.WAGTAIL_I18N_ENABLED = True
    settings.WAGTAIL_CONTENT_LANGUAGES = settings.LANGUAGES = [("en", "English"), ("fa", "فارسی")]
    Locale.objects.get_or_create(language_code="en")
    persian, _made = Locale.objects.get_or_create(language_code="fa")
    home = Page.objects.get(depth=2)
    page = home.add_child(instance=Page(title="The lamp", slug="lamp"))
    home.copy_for_translation(persian)
    translated = page.copy_for_translation(persian)
    translated.title, translated.slug = "چراغ", "cheragh"
    translated.save_revision().publish()
    return page, Page.objects.get(pk=translated.pk)


def about(page) -> list:
    product = {"which": "fixed", "chosen": page.pk, "button": "x"}
    return [
        ("button", {"label": "Look", "page": page.pk}),
        ("text", f'<p><a linktype="page" id="{page.pk}">There</a></p>'),
        ("product", product),
    ]


def links(mail) -> set[str]:
    return {a["href"] for a in soup(mail).find_all("a") if re.search("lamp|cheragh", a["href"])}


def test_pages_and_products_follow_to_the_translation(pages):
    page, translated = pages
    there, here = f"https://shop.example{translated.url}", f"https://shop.example{page.url}"
    assert there != here
    persian = make_one(source(*about(page), language="fa"))
    assert links(persian) == {there} and "چراغ" in part(persian, "plain")
    english = make_one(source(*about(page), language="en"))
    assert links(english) == {here} and "The lamp" in part(english, "plain")


def test_where_the_translation_is_no_longer_live_the_page_itself_is_shown(pages):
    page, translated = pages
    translated.unpublish()
    mail = make_one(source(*about(page), language="fa"))
    assert links(mail) == {f"https://shop.example{page.url}"}


def test_the_event_s_product_follows_too(pages):
    page, translated = pages
    mail = make_one(
        source(("product", {"which": "event", "button": "x"}), language="fa"),
        person(data={"page": page.pk}),
    )
    assert "چراغ" in part(mail, "plain") and translated.url in part(mail, "html")
