from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.template import engines
from wagtail import blocks
from wagtail.images import get_image_model
from wagtail.models import Page

from wagtail_drip.content.blocks import BodyBlock, EmailStructBlock
from wagtail_drip.content.making import sample
from wagtail_drip.content.personalizing import Fault, Hold
from wagtail_drip.wagtail_hooks import register_email_blocks

from .support import body, heading, image, make_all, make_one, part, person, soup, source


class Hours(EmailStructBlock):
    """An integrator's block: a template and a field, no text of its own."""

    words_in = ("intro",)
    intro = blocks.CharBlock()

    def render(self, value, context=None):
        template = '<p class="by">{{ words.intro }} <a href="/hours/">more</a></p>'
        return engines["django"].from_string(template).render(self.get_context(value, context))


class Shelf(EmailStructBlock):
    """A block that shows each person something else."""

    depends_on = "person"
    title = blocks.CharBlock()
    asked = 0

    def values(self, value, recipients, rendering):
        Shelf.asked += 1
        books = {1: {"books": ["A & B"]}, 2: None, 3: Hold("counting")}
        return {r.id: books.get(r.id, {"books": 1}) for r in recipients}

    def sample_values(self, value, rendering):
        return {"books": ["Sample"]}

    def html(self, value, rendering, books, **context):
        from django.utils.html import format_html

        return format_html('<p class="by"><a href="/s/">{}</a></p>', " ".join(books))


def picture(**fields):
    return "image", {"alt": "A shop", "decorative": False, "page": None, "url": "", **fields}


def test_all_blocks_come_through_the_hook(register):
    register(hours=Hours)
    assert {*register_email_blocks(), "hours"} <= set(BodyBlock().child_blocks)


@pytest.mark.django_db
@pytest.mark.parametrize("slug", register_email_blocks())
def test_every_block_says_what_it_is_and_has_a_preview(slug):
    block = BodyBlock().child_blocks[slug]
    value = block.get_preview_value()
    context = block.get_preview_context(value, {"request": None})
    assert block.label and block.meta.icon and block.meta.group and block.get_description()
    assert block.is_previewable and block.depends_on in ("nothing", "object", "person")
    assert str(block.render(value, context)).strip()


def test_a_text_part_reads_like_the_mail():
    rich = '<p>One<br/>two <a href="/x/">three</a>.</p><ul><li>a</li><li>b</li></ul>'
    rich += "<ol><li>c</li></ol>"
    mail = make_one(source(heading("Big"), heading("Small", "small"), ("text", rich),
                           ("quote", {"text": "So\nit is", "by": "Ana"}), ("divider", None),
                           ("button", {"label": "Go", "url": "/go/"})))  # fmt: skip
    assert part(mail, "plain").partition("\n\n--\n")[0].split("\n\n") == [
        f"Big\n{'=' * 20}",
        f"Small\n{'-' * 20}",
        "One\ntwo three (https://shop.example/x/).",
        "- a\n- b",
        "1. c",
        "> So\n> it is\n> — Ana",
        "-" * 20,
        "Go: https://shop.example/go/",
    ]


def test_a_button_is_a_cell_that_outlook_can_draw():
    cell = soup(make_one(source(("button", {"label": "Go", "url": "/go/"})))).find(class_="button")
    assert cell["bgcolor"] == "#1f5c4d" and "mso-padding-alt" in cell["style"]
    assert (cell.a["href"], cell.a.get_text()) == ("https://shop.example/go/", "Go")


def test_an_integrators_block_gets_its_text_from_its_html(register):
    register(hours=Hours)
    mail = make_one(
        source(("hours", {"intro": "Hi {{ first_name|you }}"})), person(first_name="<Bo>")
    )
    assert "Hi <Bo> more (https://shop.example/hours/)\n" in part(mail, "plain")
    assert "font-size: 14px" in soup(mail).find(class_="by")["style"]


def test_any_wagtail_block_may_be_registered(register):
    register(code=blocks.CharBlock)
    mail = make_one(source(("code", "<b>{{ first_name }}</b>")))
    assert "<b>{{ first_name }}</b>" in part(mail, "plain")
    assert soup(mail).find(class_="row").b is None


def test_a_person_block_differs_from_person_to_person(register):
    register(shelf=Shelf)
    Shelf.asked = 0
    made = make_all(
        source(("shelf", {"title": "x"}), heading("E")), [person(n) for n in (1, 2, 3, 4)]
    )
    assert Shelf.asked == 1
    assert soup(made[1]).find("a", string="A & B")["href"] == "https://shop.example/s/"
    assert "font-size: 14px" in soup(made[1]).find(class_="by")["style"]
    assert "A & B (https://shop.example/s/)" in part(made[1], "plain")
    assert soup(made[2]).find(class_="by") is None
    assert made[3] == Hold("counting") and isinstance(made[4], Fault)


@pytest.mark.django_db
def test_an_unfinished_block_shows_nothing_and_breaks_nothing():
    empty = [
        heading(""),
        ("text", ""),
        ("quote", {"text": ""}),
        ("button", {}),
        picture(image=None, alt=""),
    ]
    assert soup(make_one(source(*empty))).find(class_="row") is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "mode", "suffix"),
    [
        ("JPEG", "RGB", ".jpg"),
        ("PNG", "RGBA", ".png"),
        ("WEBP", "RGB", ".jpg"),
        ("AVIF", "RGB", ".jpg"),
    ],
)
def test_images_are_jpeg_or_png_at_twice_the_size(kind, mode, suffix):
    shown = soup(make_one(source(picture(image=image(kind, mode=mode).pk)))).find("img")
    assert shown["src"].startswith("https://shop.example/media/") and shown["src"].endswith(suffix)
    assert (shown["width"], shown["height"], shown["alt"]) == ("528", "297", "A shop")
    assert "width-1056" in shown["src"]


@pytest.mark.django_db
def test_a_small_image_is_not_blown_up():
    shown = soup(make_one(source(picture(image=image(size=(200, 100)).pk)))).find("img")
    assert (shown["width"], shown["height"]) == ("200", "100")


@pytest.mark.django_db
def test_a_decorative_image_has_an_empty_alt_and_may_be_a_link():
    mail = make_one(source(picture(image=image().pk, decorative=True, url="/go/")))
    assert soup(mail).find("img")["alt"] == ""
    assert soup(mail).find("img").parent["href"] == "https://shop.example/go/"


@pytest.mark.django_db
def test_an_image_whose_file_is_gone_leaves_its_words():
    lost = image()
    lost.file.storage.delete(lost.file.name)
    mail = make_one(source(picture(image=lost.pk)))
    assert soup(mail).find("img") is None and "A shop" in part(mail, "html")


@pytest.mark.django_db
def test_an_image_without_words_is_refused_at_once():
    block = BodyBlock().child_blocks["image"]
    value = block.to_python({"image": image().pk, "alt": "", "decorative": False})
    with pytest.raises(ValidationError):
        block.clean(value)


@pytest.mark.django_db
def test_a_button_may_lead_to_a_page():
    page = Page.objects.get(depth=2).add_child(instance=Page(title="B", slug="b"))
    mail = make_one(source(("button", {"label": "Go", "page": page.pk, "url": ""})))
    assert soup(mail).find("a", string="Go")["href"] == "https://shop.example/b/"


@pytest.mark.django_db
def test_a_mail_that_leads_to_a_draft_waits_and_is_shown():
    page = Page.objects.get(depth=2).add_child(instance=Page(title="B", slug="b", live=False))
    message = source(("button", {"label": "Go", "page": page.pk, "url": ""}))
    reason = 'The page "B" that the mail leads to is not published.'
    assert make_one(message) == Hold(reason)
    assert "Go: https://shop.example/b/" in sample(message).text


@pytest.mark.django_db
def test_references_are_found():
    shown = image()
    found = body(picture(image=shown.pk)).stream_block.extract_references(
        body(picture(image=shown.pk))
    )
    assert [(model, pk) for model, pk, *_ in found] == [(get_image_model(), str(shown.pk))]
