"""What may be better in a mail; and links that nobody can open."""

from __future__ import annotations

import re
from typing import Any

import pytest
from wagtail.models import Page

from wagtail_drip.content.advising import advice
from wagtail_drip.content.checking import problems
from wagtail_drip.content.email_block import EmailStructBlock
from wagtail_drip.content.personalizing import Hold

from .support import BRAND, heading, image, make_one, source

pytestmark = pytest.mark.django_db
GOOD = {"subject": "News", "preheader": "What is new"}


def link(page_id: int) -> tuple[str, str]:
    return "text", f'<p><a linktype="page" id="{page_id}">There</a></p>'


def test_a_good_mail_needs_no_advice():
    assert advice(source(heading("Hi"), heading("More", "small"), **GOOD)) == []


@pytest.mark.parametrize(
    ("blocks", "fields", "said"),
    [
        ([heading("Hi")], {"subject": "x" * 61}, "The subject has 61 letters"),
        ([heading("Hi")], {"preheader": " "}, "There is no preheader"),
        ([heading("Hi", "small"), heading("Big")], {}, "Block 1 (Heading): a small heading"),
        ([("text", '<p><a href="books.html">x</a></p>')], {}, 'the link "books.html" is relative'),
        ([heading("Hi")], {"subject": "A{% now 'Y' %}"}, "Subject: readers see “{% now 'Y' %}”"),
        ([heading("Hi")], {"preheader": "{# no #}"}, "Preheader: readers see “{# no #}”"),
        ([("text", '<p>{% include "x" %}</p>')], {}, 'Text): readers see “{% include "x" %}”'),
    ],
)
def test_what_may_be_better(blocks, fields, said):
    [found] = advice(source(*blocks, **{**GOOD, **fields}))
    assert said in found


def test_a_text_part_that_lacks_what_the_mail_shows(register):
    class Silent(EmailStructBlock):
        def html(self, value, rendering, **context):
            return "<p>one two three four five six seven eight</p>"

        def plain(self, value, rendering, **context):
            return ""

    register(silent=Silent)
    [found] = advice(source(("silent", {}), **GOOD))
    assert found == "The plain text lacks 8 of 8 words that the mail shows."


def test_a_sender_without_an_address():
    brand = type(BRAND)(BRAND.name, BRAND.base_url)
    [found] = advice(source(heading("Hi"), **GOOD, brand=brand))
    assert found.startswith("No postal address")


@pytest.fixture
def page():
    return Page.objects.get(depth=2).add_child(instance=Page(title="Sale", slug="sale"))


def test_a_link_in_a_text_to_a_page_that_is_there(page):
    assert problems(source(link(page.pk))) == []
    assert not isinstance(make_one(source(link(page.pk))), Hold)


def test_a_link_in_a_text_to_a_draft_holds_the_mail(page):
    page.unpublish()
    made = make_one(source(link(page.pk)))
    assert (
        isinstance(made, Hold)
        and made.reason == 'The page "Sale" that it leads to is not published.'
    )
    assert "is not published" in problems(source(link(page.pk)))[0]


@pytest.mark.parametrize("kind", ["page", "document"])
def test_a_link_in_a_text_to_nothing_holds_the_mail(kind):
    message = source(("text", f'<p><a id="987" linktype="{kind}">There</a></p>'))
    made = make_one(message)
    assert isinstance(made, Hold) and "no longer exists" in made.reason
    assert "no longer exists" in problems(message)[0]


def button(url: str) -> tuple[str, dict]:
    return "button", {"label": "Look", "url": url}


@pytest.mark.parametrize(
    "url", ["/gone/", "https://shop.example/gone/", "https://shop.example/sale/?a=b"]
)
def test_a_typed_address_that_leads_nowhere_on_the_site(page, url):
    page.unpublish()
    typed = ("text", f'<p><a href="{url}">x</a></p>')
    for block in (button(url), typed, ("columns", {"first": [_raw(typed)], "second": []})):
        found = [
            one for one in advice(source(heading("Hi"), block, **GOOD)) if "on this site" in one
        ]
        assert len(found) == 1 and f'nothing is at "{url}"' in found[0]
        assert found[0].startswith("Block 2 (")


@pytest.mark.parametrize(
    "url",
    ["/sale/", "/sale", "https://shop.example/sale/?a=b#c", "/admin/", "/media/x.pdf", "#here",
     "https://elsewhere.example/gone/", "mailto:a@example.com", "http://[", "/{{ first_name|x }}/"],
)  # fmt: skip
def test_a_typed_address_that_may_be_right(page, url):
    found = advice(source(heading("Hi"), button(url), **GOOD))
    assert not [one for one in found if "on this site" in one]


def _raw(block: tuple[str, Any]) -> dict[str, Any]:
    return {"type": block[0], "value": block[1], "id": "x"}


def picture(image: Any) -> tuple[str, dict]:
    return "image", {"image": image.pk, "alt": "A boat"}


def test_a_picture_that_is_too_heavy(monkeypatch):
    message = source(heading("Hi"), picture(image()), **GOOD)
    assert advice(message) == []
    monkeypatch.setattr("wagtail_drip.content.advising.HEAVIEST", 1000)
    [found] = advice(message)
    assert re.match(r"Block 2 \(Image\): “Picture” has \d+ KB in the mail; up to 0 KB", found)


def test_a_picture_whose_file_is_gone():
    one = image()
    one.file.storage.delete(one.file.name)
    [found] = advice(source(heading("Hi"), picture(one), **GOOD))
    assert found == "Block 2 (Image): mails can't show “Picture”."
