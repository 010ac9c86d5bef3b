from __future__ import annotations

import re
import timeit

import pytest

from wagtail_drip.content.compiling import compile_message
from wagtail_drip.content.links import TRAP, click_url, open_url, read_reaction, sign_reaction
from wagtail_drip.content.personalizing import encoded
from wagtail_drip.content.targets import Tracking

from .support import make_all, make_one, part, person, soup, source

TOKEN = "a" * 32
LINKS = (
    '<p><a href="https://shop.example/books/tide/">One</a> <a href="mailto:a@b.example">M</a></p>'
)


@pytest.fixture(autouse=True)
def site(settings):
    settings.WAGTAIL_DRIP_BASE_URL = "https://shop.example"
    settings.ROOT_URLCONF = "tests.recipients.urls"


class Store(dict):
    """Keys of targets, as the link table gives them; counts how often it is asked."""

    asked = 0

    def __call__(self, urls):
        self.asked += 1
        for url in urls:
            self.setdefault(url, f"{len(self) + 1:016x}")
        return {url: self[url] for url in urls}


def tracked(**fields):
    return Tracking(**{"keys": Store(), "hosts": {"shop.example"}, **fields})


def mail_of(html=LINKS, tracking=None, who=None, **fields):
    message = source(("text", html), tracking=tracking or tracked(), **fields)
    return make_one(message, who, reaction=sign_reaction(TOKEN))


def hrefs(mail):
    return [a["href"] for a in soup(mail).find_all("a")]


def test_a_link_leads_through_the_site_and_shows_where_it_ends():
    tracking = tracked()
    one, *_rest = hrefs(mail_of(tracking=tracking))
    assert list(tracking.keys) == ["https://shop.example/books/tide/"]
    key = tracking.keys["https://shop.example/books/tide/"]
    assert one == click_url(key, sign_reaction(TOKEN), "books/tide/")


def test_mailto_and_leaving_stay_as_they_are():
    _one, mailto, *own, trap = hrefs(mail_of())
    assert mailto == "mailto:a@b.example" and len(own) == 2
    assert all("/c/" not in url for url in own)
    assert TRAP in trap and soup(mail_of()).find_all("a")[-1]["style"].startswith("display:none")


def test_our_own_pages_are_not_counted():
    own = "https://shop.example/post/leave/x/"
    assert hrefs(mail_of(f'<p><a href="{own}">x</a></p>'))[0] == own


def test_the_text_part_keeps_its_addresses():
    assert "https://shop.example/books/tide/" in part(mail_of(), "plain")


def test_without_tracking_a_mail_has_no_trace_of_it():
    mail = make_one(source(("text", LINKS)))
    assert hrefs(mail)[0] == "https://shop.example/books/tide/"
    assert "<img" not in part(mail, "html") and TRAP not in part(mail, "html")


def test_the_pixel_comes_only_where_opens_are_wanted():
    pixel = open_url(sign_reaction(TOKEN))
    assert pixel not in part(mail_of(), "html")
    mail = mail_of(tracking=tracked(keys=None, opens=True))
    assert soup(mail).find_all("img")[-1]["src"] == pixel
    assert hrefs(mail)[0] == "https://shop.example/books/tide/"


@pytest.mark.parametrize(("clicks", "opens"), [(True, False), (False, True), (False, False)])
def test_a_person_may_be_left_out_of_either(clicks, opens):
    tracking = tracked(opens=True)
    others = [person(1), person(2, track_clicks=clicks, track_opens=opens)]
    made = make_all(
        source(("text", LINKS), tracking=tracking), others, reaction=sign_reaction(TOKEN)
    )
    seen = [("/c/" in part(mail, "html"), "/o/" in part(mail, "html")) for mail in made.values()]
    assert seen == [(True, True), (clicks, opens)]


def test_the_same_link_is_stored_once_and_a_batch_asks_once():
    tracking = tracked()
    message = source(("text", LINKS), ("text", LINKS), tracking=tracking)
    make_all(message, [person(n) for n in range(1, 40)], reaction=sign_reaction(TOKEN))
    assert (len(tracking.keys), tracking.keys.asked) == (1, 1)


UTM = {"utm_source": "news", "utm_medium": "email", "utm_campaign": "welcome"}


@pytest.mark.parametrize(
    ("url", "tagged"),
    [
        ("https://shop.example/a", "https://shop.example/a?utm_source=news&utm_medium=email&utm_campaign=welcome"),
        ("https://shop.example/a?b=%C3%A9#c", "https://shop.example/a?b=%C3%A9&utm_source=news&utm_medium=email&utm_campaign=welcome#c"),
        ("https://shop.example/a?utm_source=me", "https://shop.example/a?utm_source=me"),
        ("https://elsewhere.example/a?sig=1", "https://elsewhere.example/a?sig=1"),
    ],
)  # fmt: skip
def test_utm_parameters_go_to_the_site_alone(url, tagged):
    html = f'<p><a href="{url}">x</a></p>'
    assert hrefs(mail_of(html, tracked(keys=None, utm=UTM)))[0] == tagged
    tracking = tracked(utm=UTM)
    mail_of(html, tracking)
    assert list(tracking.keys) == [tagged]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://other.example/x.html", "other.example/x.html"),
        ("https://shop.example/a//b", ""),
        ("https://shop.example/../etc", ""),
        ("https://shop.example/%2e%2e/", ""),
        ("https://shop.example/caf%C3%A9", ""),
        ("https://shop.example/?q=1", ""),
    ],
)
def test_only_a_plain_path_is_shown(url, shown):
    assert hrefs(mail_of(f'<p><a href="{url}">x</a></p>'))[0].partition(sign_reaction(TOKEN))[
        2
    ] == (f"/{shown}")


@pytest.mark.parametrize("url", ["https://[", "http://", "https://x.example/" + "a" * 2000])
def test_what_can_t_be_redirected_to_is_left_alone(url):
    assert "/c/" not in hrefs(mail_of(f'<p><a href="{url}">x</a></p>'))[0]


def test_links_of_a_person_block_are_counted_too(register):
    from wagtail.blocks import CharBlock

    from wagtail_drip.content.email_block import EmailStructBlock

    class Mine(EmailStructBlock):
        depends_on = "person"
        word = CharBlock()

        def values(self, value, recipients, rendering):
            return {who.id: {"n": who.id} for who in recipients}

        def html(self, value, rendering, **given):
            return f'<a href="https://shop.example/for/{given["n"] % 2}/">x</a>'

        def plain(self, value, rendering, **given):
            return "x"

    register(mine=Mine)
    tracking = tracked()
    message = source(("mine", {"word": "x"}), tracking=tracking)
    made = make_all(message, [person(n) for n in range(1, 9)], reaction=sign_reaction(TOKEN))
    assert sorted(tracking.keys) == ["https://shop.example/for/0/", "https://shop.example/for/1/"]
    assert tracking.keys.asked == 1
    assert sign_reaction(TOKEN) in hrefs(made[1])[0] and made[1].as_bytes()


def test_signing_a_mail_costs_microseconds():
    seconds = min(timeit.repeat(lambda: sign_reaction(TOKEN), number=2000, repeat=5)) / 2000
    assert seconds < 20e-6  # measured: 1.4
    word = sign_reaction(TOKEN)
    assert re.fullmatch("[0-9a-f]{64}", word) and encoded(word) == (word.encode(), word.encode())
    assert read_reaction(word) == TOKEN


def test_compiling_knows_no_reader():
    compiled = compile_message(source(("text", LINKS), tracking=tracked(opens=True)))
    # Leaving, one's own page, and one token for links and pixel.
    assert [slot.name for slot in compiled.slots] == ["leave_url", "preferences_url", "reaction"]
