from __future__ import annotations

import pytest

from wagtail_drip.content.branding import Brand, Social
from wagtail_drip.content.checking import problems

from .support import image, make_one, part, person, soup, source

pytestmark = pytest.mark.django_db


def columns(first, second):
    def stream(rows):
        return [{"type": t, "value": v, "id": f"{t}-{n}"} for n, (t, v) in enumerate(rows)]

    return "columns", {"first": stream(first), "second": stream(second)}


def test_points_have_marks_that_every_program_shows_and_words_of_the_reader():
    mail = make_one(
        source(("points", {"marks": "numbers", "points": ["For {{ first_name|you }}", " ", "B"]})),
        person(first_name="Ann"),
    )
    cells = [cell.text for cell in soup(mail).select("td.mark, td.point")]
    assert cells == ["1.", "For Ann", "2.", "B"]
    assert "1. For Ann\n2. B" in part(mail, "plain")


def test_columns_stand_side_by_side_and_each_picture_fits_its_own():
    picture = {"image": image().pk, "alt": "A shop", "page": None, "url": ""}
    mail = make_one(
        source(
            columns(
                [("image", picture), ("text", "<p>Hi {{ first_name|you }}</p>")],
                [("button", {"label": "Go", "url": "/b/"})],
            )
        ),
        person(first_name="Ann"),
    )
    shown = soup(mail)
    assert [cell["width"] for cell in shown.select("td.column")] == ["252", "252"]
    assert shown.select_one("td.column img")["width"] == "252"
    assert "Hi Ann" in shown.select_one("td.column").text
    assert "Go: https://shop.example/b/" in part(mail, "plain")


def test_what_is_wrong_in_a_column_is_named_with_its_place():
    button = ("button", {"label": "Go", "url": ""})
    wrong = columns([button, ("text", "<p>{{ firstname|x }}</p>")], [])
    found = problems(source(wrong))
    assert "Block 1 (Two columns): First column, Button: It leads nowhere" in found[0]
    assert "Block 1 (Two columns): Second column is empty." in found[1]
    assert "{{ firstname|x }}" in found[2]


def test_room_is_a_cell_so_that_no_program_drops_it():
    cell = soup(make_one(source(("spacer", {"size": "large"}), ("text", "<p>A</p>"))))
    assert cell.select_one('td[height="52"]')


def test_where_else_to_find_them_stands_in_the_mail_and_at_its_foot():
    brand = Brand("L", "https://shop.example", social=(Social("Mastodon", "https://m.example/"),))
    mail = make_one(source(("text", "<p>A</p>"), ("social", None), brand=brand))
    assert len(soup(mail).select('a[href="https://m.example/"]')) == 2
    assert "Mastodon: https://m.example/" in part(mail, "plain").split("--\n")[0]


def test_without_links_the_block_takes_no_room():
    mail = make_one(source(("text", "<p>A</p>"), ("social", None)))
    assert len(soup(mail).select("td.row")) == 1
