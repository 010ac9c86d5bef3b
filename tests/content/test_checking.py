from __future__ import annotations

import pytest
from wagtail.models import Page

from wagtail_drip.content.advising import advice
from wagtail_drip.content.checking import problems

from .support import body, heading, image, source
from .test_blocks import picture

GOOD = heading("Hi {{ first_name|you }}")


def test_a_good_mail_has_no_problems():
    assert problems(source(GOOD, ("button", {"label": "Go", "url": "/go/"}))) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"subject": " "}, "The mail has no subject."),
        ({"subject": "Hi {{ first_name }}"}, "Subject: {{ first_name }} may have no value"),
        ({"preheader": "{{ nope }}"}, "Preheader: there is no merge field {{ nope }}."),
    ],
)
def test_subject_and_preheader(fields, said):
    [problem] = problems(source(GOOD, **fields))
    assert problem.startswith(said)


def test_an_empty_body():
    message = source(GOOD)
    message = type(message)(**{**vars(message), "body": body()})
    assert problems(message) == ["The mail has no body: add a block."]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("block", "said"),
    [
        (heading(""), "Block 2 (Heading): It is empty."),
        (("text", "<p></p>"), "Block 2 (Text): It is empty."),
        (("text", "<p>{{ frist_name|x }}</p>"), "Did you mean {{ first_name }}?"),
        (("text", "<p>{{ settings.SECRET_KEY }}</p>"), "no merge field {{ settings.SECRET_KEY }}"),
        (("text", "<p>{{ <b>first_name</b>|x }}</p>"), "formatting inside its braces"),
        (("quote", {"text": "", "by": "x"}), "Block 2 (Quote): It is empty."),
        (("button", {"label": "Go"}), "It leads nowhere"),
        (("button", {"label": "", "url": "/"}), "It says nothing."),
        (("button", {"label": "Go", "url": "www.x.example"}), '"www.x.example" is not an address'),
        (("button", {"label": "Go", "url": "javascript:x"}), "is not an address"),
        (("button", {"label": "{{ last_name }}", "url": "/"}), "may have no value"),
        (("button", {"label": "Go", "url": "/?m={{ email }}"}), "in the address /?m={{ email }}."),
        (("text", '<p><a href="/%7B%7B email }}">x</a></p>'), "in the address /{{ email }}."),
        (("raw", '<a href="/?m={{ email }}">x</a>'), "in the address /?m={{ email }}."),
        (picture(image=None), "Block 2 (Image): No image is chosen."),
        (("product", {"which": "fixed", "chosen": None}), "No product is chosen."),
        (("sparkles", 1), "Block 2 (Unknown block): this site has no such block as “sparkles”."),
    ],
)
def test_a_problem_names_its_block(block, said):
    [problem] = problems(source(GOOD, block))
    assert said in problem


@pytest.mark.django_db
def test_an_image_without_words():
    found = problems(source(GOOD, picture(image=image().pk, alt=" ")))
    assert found == ["Block 2 (Image): Say what the image shows, or mark it as decoration."]


@pytest.mark.django_db
def test_an_image_with_a_merge_field_in_its_words():
    found = problems(source(GOOD, picture(image=image().pk, alt="For {{ first_name|you }}")))
    assert found == ["Block 2 (Image): Merge fields do not work in what an image shows."]


@pytest.mark.django_db
def test_a_link_to_a_draft():
    page = Page.objects.get(depth=2).add_child(instance=Page(title="D", slug="d", live=False))
    [problem] = problems(source(GOOD, ("button", {"label": "Go", "page": page.pk, "url": ""})))
    assert problem == 'Block 2 (Button): The page "D" that it leads to is not published.'


@pytest.fixture(params=["html", "txt"])
def bare(request, settings, tmp_path):
    """A site's own frame of a mail, in which something is missing; for which part."""
    own = tmp_path / "wagtail_drip" / "email" / f"base.{request.param}"
    own.parent.mkdir(parents=True)
    own.write_text("<html><head></head><body>{% for row in rows %}{{ row }}{% endfor %}</body>")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    return request.param


def test_a_mail_without_a_link_to_unsubscribe(bare):
    part = "mail" if bare == "html" else "mail's plain text"
    assert problems(source(GOOD)) == [f"The {part} has no link to unsubscribe."]
    assert problems(source(GOOD, because="you ordered")) == []  # it comes whatever one chooses


def test_a_mail_without_the_postal_address(bare):
    missing = "The postal address does not stand in the mail." in advice(source(GOOD))
    assert missing == (bare == "html")


def test_a_mail_that_gmail_would_cut_off():
    [problem] = problems(source(("text", f"<p>{'long ' * 21_000}</p>")))
    assert "Gmail cuts off" in problem
