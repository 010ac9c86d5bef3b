from __future__ import annotations

import pytest

from wagtail_drip.content import sampling
from wagtail_drip.content.branding import Brand, Social
from wagtail_drip.content.making import sample

from .support import image, make_one, soup, source

pytestmark = pytest.mark.django_db


def page(**fields):
    return soup(make_one(source(brand=Brand("Lantern", "https://shop.example", **fields))))


def test_the_logo_stands_in_the_place_of_the_name_twice_as_sharp_as_it_is_shown():
    logo = page(logo=image("PNG", (1200, 300))).select_one("img.logo-light")
    assert (logo["alt"], logo["width"], logo["height"]) == ("Lantern", "240", "60")
    assert logo["src"].startswith("https://shop.example/") and "width-480" in logo["src"]


def test_a_high_logo_leaves_room_for_the_mail():
    logo = page(logo=image("PNG", (300, 1200))).select_one("img.logo-light")
    assert (logo["width"], logo["height"]) == ("18", "72")


def test_dark_screens_have_a_logo_of_their_own():
    shown = page(logo=image("PNG"), dark_logo=image("PNG"))
    assert shown.select_one("img.logo-dark")["alt"] == "Lantern"  # the first is gone there
    assert ".logo-light { display: none !important; }" in shown.style.text
    assert ".logo-light { display" not in page(logo=image("PNG")).style.text


def test_the_foot_says_what_the_brand_says():
    foot = page(
        footer='<p>Ask <a href="/ask/">us</a><script>x()</script></p>',
        social=(Social("Mastodon", "https://m.example/@us"),),
        postal_address="1 Harbour Street",
    ).select_one("td.foot")
    assert [a["href"] for a in foot.select("a")[:2]] == [
        "https://shop.example/ask/",
        "https://m.example/@us",
    ]
    assert "1 Harbour Street" in foot.text and "x()" not in foot.text


def test_the_text_part_names_where_else_to_find_them():
    brand = Brand("L", "https://shop.example", social=(Social("Mastodon", "https://m.example/"),))
    assert "Mastodon: https://m.example/\n" in make_one(source(brand=brand)).text


def test_width_fonts_and_colors_are_the_brands():
    shown = page(width=700, accent="#8a1538", heading_font="verdana", ground="#efe6da")
    assert shown.select_one("table.frame")["width"] == "700"
    assert "max-width: 720px" in shown.style.text
    assert shown.select_one("table.page")["bgcolor"] == "#efe6da"
    assert "#8a1538" in shown.select_one("td.card")["style"]
    assert "Verdana" in shown.select_one("td.brand")["style"]


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("fa", "rtl")])
def test_the_sample_shows_what_a_brand_can_change(language, direction):
    html = sample(sampling.showing(Brand("L", "https://shop.example"), language)).html
    assert f'dir="{direction}"' in html and 'class="quote"' in html and 'class="product"' in html
    assert "@media all" in sampling.as_on_dark_screens(html)
