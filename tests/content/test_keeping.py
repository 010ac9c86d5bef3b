"""Rendered once for all processes: kept by all that goes into it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.core import signing
from django.core.cache import caches
from django.template import engines
from wagtail.blocks import CharBlock, StructBlock
from wagtail.models import Page

from tests import factories as factory
from wagtail_drip.content import compiling, keeping
from wagtail_drip.content.email_block import EmailStructBlock
from wagtail_drip.content.merge_fields import FixedField
from wagtail_drip.content.personalizing import Hold
from wagtail_drip.content.products import Product, Unavailable
from wagtail_drip.models import SharedContent

from . import support

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shared_cache(settings, tmp_path):
    """A cache of files, as two processes share one."""
    place = str(tmp_path / "cache")
    backend = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": place}
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": place}
    settings.CACHES = {"default": memory, "mails": backend}
    settings.WAGTAIL_DRIP_CACHE = "mails"
    keeping._own.clear()


@pytest.fixture
def drawn(monkeypatch):
    """The subjects of the messages that were rendered, in order."""
    found: list[str] = []
    real = compiling._drawn

    def counted(source: Any, rendering: Any) -> Any:
        found.append(source.subject)
        return real(source, rendering)

    monkeypatch.setattr(compiling, "_drawn", counted)
    return found


def compiled(source: Any, **given: Any) -> Any:
    """As a process compiles it that has done nothing yet."""
    keeping._own.clear()
    return compiling.compile_message(source, **given)


def page(title: str = "Here", **fields: Any) -> Page:
    root = Page.objects.get(depth=2)
    return root.add_child(instance=Page(title=title, slug=title.lower(), **fields))


def test_another_process_takes_what_one_has_rendered(drawn):
    first = compiled(support.source(support.heading("Hello {{ first_name|you }}")))
    second = compiled(support.source(support.heading("Hello {{ first_name|you }}")))
    assert drawn == ["News"]
    assert (second.subject, second.text, second.html) == (first.subject, first.text, first.html)


def test_the_same_process_does_not_ask_the_cache_again(drawn, monkeypatch):
    message = support.source()
    compiled(message)
    monkeypatch.setattr(keeping, "_read", lambda key: pytest.fail("asked"))
    compiling.compile_message(message)
    assert drawn == ["News"]


def test_a_process_keeps_so_many_and_no_more(drawn):
    for number in range(keeping.MOST + 5):
        compiling.compile_message(support.source(subject=f"News {number}"))
    assert len(keeping._own) == keeping.MOST


CHANGES = {
    "a word": lambda s: replace(s, body=support.body(("text", "<p>Good bye.</p>"))),
    "the subject": lambda s: replace(s, subject="Other news"),
    "the preheader": lambda s: replace(s, preheader="Read on"),
    "the language": lambda s: replace(s, language="fa"),
    "the topic": lambda s: replace(s, topic="Books"),
    "the reason": lambda s: replace(s, because="You bought it"),
    "the accent": lambda s: replace(s, brand=replace(s.brand, accent="#aa0000")),
    "the address": lambda s: replace(s, brand=replace(s.brand, base_url="https://two.example")),
    "the foot": lambda s: replace(s, brand=replace(s.brand, footer="<p>Bye</p>")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_editors_publish_shows_in_the_next_mail(change, drawn):
    compiled(support.source())
    compiled(CHANGES[change](support.source()))
    assert len(drawn) == 2


def test_a_new_template_is_rendered(drawn, settings, tmp_path):
    compiled(support.source())
    own = tmp_path / "wagtail_drip" / "email" / "imprint.html"  # of which base.html is made
    own.parent.mkdir(parents=True)
    own.write_text("<p>Another foot</p>")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    made = compiled(support.source())
    assert len(drawn) == 2 and "Another foot" in "".join(map(str, made.html))


def test_what_a_template_of_the_site_s_own_includes_counts(settings, tmp_path):
    (tmp_path / "wagtail_drip" / "email").mkdir(parents=True)
    (tmp_path / "wagtail_drip" / "email" / "row.html").write_text('{% include "own.html" %}')
    (tmp_path / "own.html").write_text("one")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    before = keeping.templates()
    (tmp_path / "own.html").write_text("two")
    for loader in engines["django"].engine.template_loaders:
        loader.reset()
    assert keeping.templates() != before


def test_a_page_that_is_unpublished_keeps_the_mail_back_at_once(drawn):
    shown = page()
    for block in (
        ("button", {"label": "Go", "page": shown.pk}),
        ("text", f'<p><a linktype="page" id="{shown.pk}">Go</a></p>'),
    ):
        Page.objects.filter(pk=shown.pk).update(live=True)
        compiled(support.source(block))
        Page.objects.filter(pk=shown.pk).update(live=False)
        with pytest.raises(Unavailable):
            compiled(support.source(block))


def test_a_page_that_is_gone_keeps_the_mail_back_at_once():
    shown = page()
    block = ("button", {"label": "Go", "page": shown.pk})
    compiled(support.source(block))
    shown.delete()
    with pytest.raises(Unavailable):
        compiled(support.source(block))


def test_a_page_that_moves_is_linked_where_it_is(drawn):
    shown = page()
    text = f'<p><a linktype="page" id="{shown.pk}">Go</a></p>'
    compiled(support.source(("text", text)))
    shown.slug = "there"
    shown.save()
    assert "/there/" in "".join(map(str, compiled(support.source(("text", text))).html))


def test_shared_content_shows_as_it_is_published(drawn):
    raw = '[{"type": "heading", "value": {"text": "%s", "size": "large"}, "id": "1"}]'
    shared = SharedContent.objects.create(
        name="Hours", body=raw % "Nine to five", site=factory.site(), locale=factory.locale()
    )
    compiled(support.source(("shared", shared.pk)))
    SharedContent.objects.update(body=raw % "Ten to six")
    assert "Ten to six" in "".join(map(str, compiled(support.source(("shared", shared.pk))).text))


def test_a_product_shows_as_it_is_now(drawn):
    message = support.source(("product", {"which": "event", "chosen": None, "button": ""}))
    compiled(message, product=Product("1", "Book", "/b/", price="3 €"))
    compiled(message, product=Product("1", "Book", "/b/", price="3 €"))
    assert len(drawn) == 1
    dearer = compiled(message, product=Product("1", "Book", "/b/", price="4 €"))
    assert "4 €" in "".join(map(str, dearer.html))


def test_other_products_of_the_batch_are_no_part_of_it(drawn):
    message = support.source()
    compiled(message, fixed={1: Product(1, "One")})
    compiled(message, fixed={2: Product(2, "Two")})
    assert len(drawn) == 1


def test_a_merge_field_that_is_the_same_for_all_is_asked_each_time(register, drawn):
    said = iter(["Monday", "Tuesday"])
    today = next(said)
    register(FixedField("today", "Today", lambda rendering: today))
    message = support.source(support.heading("It is {{ today }}"))
    compiled(message)
    compiled(message)
    assert len(drawn) == 1
    today = next(said)
    assert "Tuesday" in "".join(map(str, compiled(message).text))


def test_what_is_held_behind_a_gate_is_kept_with_its_reason():
    made = keeping.Drawn("s", "t", "h", {"gate:1": Hold("not yet")})
    keeping._write("key", made)
    assert keeping._read("key") == made


class Asking(EmailStructBlock):
    """A site's own block, which may ask whatever it likes."""

    text = CharBlock()


class Kept(Asking):
    kept = True


@pytest.mark.parametrize(("block", "times"), [(Asking, 2), (Kept, 1), (StructBlock, 2)])
def test_blocks_of_a_site_s_own_are_rendered_each_time_unless_they_say(
    block, times, register, drawn
):
    own = block() if block is not StructBlock else StructBlock([("text", CharBlock())])
    register(own=lambda: own)
    for _ in range(2):
        compiled(support.source(("own", {"text": "Hello"})))
    assert len(drawn) == times


def test_the_latest_pages_are_kept_until_they_change(drawn):
    root = page("Books", first_published_at=support.DATE)
    first = root.add_child(instance=Page(title="One", slug="one", first_published_at=support.DATE))
    message = support.source(("latest_pages", {"heading": "", "below": root.pk, "number": 3}))
    for _ in range(2):
        assert "One" in "".join(map(str, compiled(message).html))
    assert len(drawn) == 1
    first.title = "First"
    first.save()
    assert "First" in "".join(map(str, compiled(message).html)) and len(drawn) == 2
    root.add_child(instance=Page(title="Two", slug="two", first_published_at=support.DATE))
    assert "Two" in "".join(map(str, compiled(message).html))
    Page.objects.get(slug="two").unpublish()
    assert "Two" not in "".join(map(str, compiled(message).html))
    assert "First" in "".join(map(str, compiled(message).html)) and len(drawn) == 3


class Weather(Kept):
    """Asks the site for something, and says for what."""

    kept = True
    degrees = 20

    def kept_by(self, value, rendering):
        return [self.degrees]


def test_a_block_of_a_site_s_own_is_kept_by_what_it_asks(register, drawn):
    block = Weather()
    register(own=lambda: block)
    message = support.source(("own", {"text": "Hello"}))
    for _ in range(2):
        compiled(message)
    assert len(drawn) == 1
    message.body[0].block.degrees = 21
    compiled(message)
    assert len(drawn) == 2


def test_the_template_of_a_block_of_a_site_s_own_counts(register, drawn, tmp_path, settings):
    template = tmp_path / "own.html"
    template.write_text("{{ value.text }} once")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]

    class Own(Kept):
        kept = True

        class Meta:
            template = "own.html"

    register(own=Own)
    message = support.source(("own", {"text": "Hello"}))
    assert "once" in "".join(map(str, compiled(message).html))
    template.write_text("{{ value.text }} twice")
    for engine in engines.all():
        for loader in engine.engine.template_loaders:
            loader.reset()
    assert "twice" in "".join(map(str, compiled(message).html)) and len(drawn) == 2


def test_a_block_made_from_ours_says_it_again():
    class Louder(Kept):
        pass

    assert not vars(Louder).get("kept")


def test_what_somebody_else_writes_into_the_cache_is_no_mail(drawn, monkeypatch):
    keys: list[str] = []
    real = keeping._write
    monkeypatch.setattr(keeping, "_write", lambda key, made: (keys.append(key), real(key, made)))
    message = support.source(support.heading("Ours"))
    compiled(message)
    bad = {"subject": "Theirs", "text": "Theirs", "html": "Theirs", "held": {}}
    (key,) = keys
    for entry in (
        "nonsense",
        b"\x80\x04",
        7,
        signing.dumps(bad, salt="another"),
        signing.dumps({"old": 1}, salt=keeping.SALT),
        signing.dumps([], salt=keeping.SALT),
    ):
        caches["mails"].set(key, entry)
        made = compiled(message)
        assert "Ours" in "".join(map(str, made.html))
    assert len(drawn) == 7


def test_a_cache_that_is_away_stops_no_mail(drawn, settings):
    settings.WAGTAIL_DRIP_CACHE = "nowhere"
    assert compiled(support.source()).text and len(drawn) == 1


def test_previews_keep_nothing(drawn):
    for _ in range(2):
        compiled(support.source(), strict=False)
    assert len(drawn) == 2


def test_nothing_of_a_person_is_in_it(monkeypatch):
    written: list[keeping.Drawn] = []
    monkeypatch.setattr(keeping, "_write", lambda key, made: written.append(made))
    keeping._own.clear()
    message = support.source(
        support.heading("Dear {{ first_name|reader }}"), subject="{{ email }}, news"
    )
    mail = support.make_one(message, support.person(first_name="Ann", email="ann@example.com"))
    assert "Ann" in mail.text and written
    assert "ann" not in repr(written).lower()
