from __future__ import annotations

from datetime import timedelta

import pytest
from wagtail.models import Locale, Page

from example_site.shop.models import BookPage
from tests import factories as make
from wagtail_drip.content.checking import problems
from wagtail_drip.content.pages_block import page_types

from .support import image, make_one, part, soup, source

pytestmark = pytest.mark.django_db


@pytest.fixture
def root():
    return make.site().root_page


def add(parent: Page, title: str, days: int = 0, **fields) -> Page:
    at = make.NOW - timedelta(days=days)
    return parent.add_child(instance=Page(title=title, first_published_at=at, **fields))


def latest(**value):
    return "latest_pages", {"heading": "New", "kind": "", "below": None, "tag": "", **value}


def titles(**value) -> list[str]:
    mail = make_one(source(("text", "<p>A</p>"), latest(**value)))
    return [title.text for title in soup(mail).select("p.entry-title")]


def test_the_newest_come_first_and_no_more_than_asked_for(root):
    for number in range(4):
        add(root, f"Page {number}", days=number)
    assert titles(number=2) == ["Page 0", "Page 1"]


def test_drafts_and_private_pages_stay_out(root):
    add(root, "Draft", live=False)
    private = add(root, "Private")
    private.view_restrictions.create(restriction_type="login")
    add(root, "Open")
    assert titles() == ["Open"]


def test_only_those_below_a_page(root):
    shelf = add(root, "Shelf")
    add(shelf, "On it")
    add(root, "Beside it")
    assert titles(below=shelf.pk) == ["On it"]


def test_pages_in_the_language_of_the_mail(root):
    add(root, "English")
    german = Locale.objects.create(language_code="de")
    add(root, "Deutsch", locale=german)
    mail = make_one(source(latest(), language="de"))
    assert [title.text for title in soup(mail).select("p.entry-title")] == ["Deutsch"]


def test_the_text_part_has_title_and_address(root):
    add(root, "Page & one", slug="one")
    mail = make_one(source(latest()))
    assert "New\n\nPage & one\nhttps://shop.example/one/" in part(mail, "plain")


def test_the_sites_adapter_knows_the_pictures_of_its_pages(root, settings):
    settings.WAGTAIL_DRIP_PRODUCTS = "example_site.shop.drip.BookProducts"
    cover = image("PNG", (400, 600))
    book = BookPage(
        title="Tides",
        author="R. Vik",
        price=12,
        genre=BookPage.Genre.values[0],
        blurb="B",
        cover=cover,
    )
    root.add_child(instance=book)
    shown = soup(make_one(source(latest(kind=BookPage._meta.label)))).select_one("table.entry")
    assert shown.select_one("img")["width"] == "120" and "Tides" in shown.text
    assert shown.select_one("img")["alt"] == "Tides"  # it is a link, which needs a name


def test_without_pages_there_is_no_heading_either(root):
    Page.objects.filter(depth__gt=2).delete()
    assert "New" not in part(make_one(source(("text", "<p>A</p>"), latest())), "plain")


def test_what_can_not_be_is_said():
    assert "has no page type" in problems(source(latest(kind="gone.Page")))[0]
    assert "have no tags" in problems(source(latest(tag="spring")))[0]


def test_the_sites_own_types_are_offered():
    assert BookPage._meta.label in dict(page_types())


def test_queries_do_not_grow_with_the_pages(root, django_assert_max_num_queries):
    for number in range(8):
        add(root, f"Page {number}")
    with django_assert_max_num_queries(12):
        assert len(titles(number=8)) == 8
