"""A mail is in the language of its reader throughout, whichever the site and the worker speak."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from django.utils import translation
from wagtail import hooks
from wagtail.models import Locale, Site

from tests import factories as make
from tests.content.support import Answering, heading, make_one, part, person, soup, source
from tests.queries import queries
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.content.compiling import Brand
from wagtail_drip.content.coupons import Coupon, CouponAdapter
from wagtail_drip.content.lines import Line, Lines, LinesAdapter
from wagtail_drip.content.personalizing import Hold
from wagtail_drip.engine import advancing, sending
from wagtail_drip.flow.triggers import ASKED_FOR_TOPICS
from wagtail_drip.models import Contact, Step
from wagtail_drip.models.standing import standing

from .support import DIRECTIONS, FOOTS, LANGUAGES, latin_words

pytestmark = pytest.mark.django_db
BRAND = Brand("۱۹۸۴", "https://shop.example", "۱")  # says nothing in any of these languages
CODES = [code for code, _name in LANGUAGES]
OTHERS = ["fa", "ar", "ru"]  # scripts in which a word of English stands out


@pytest.fixture(autouse=True)
def languages(settings):
    settings.WAGTAIL_I18N_ENABLED = True
    settings.LANGUAGES = settings.WAGTAIL_CONTENT_LANGUAGES = LANGUAGES
    for code in CODES:
        Locale.objects.get_or_create(language_code=code)


@pytest.fixture
def channel(settings, tmp_path):
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "journals"
    channel = MemoryChannel()
    with hooks.register_temporarily("register_drip_channels", lambda: {"email": channel}):
        yield channel


@pytest.fixture
def campaign():
    """Of one mail that says the same in all languages: only the language tells them apart."""
    locales = {one.language_code: one for one in Locale.objects.all()}
    step = make.step("1984", locale=locales["en"])
    for code in CODES[1:]:
        make.step("1984", locale=locales[code], translation_key=step.translation_key)
    return make.campaign(nodes={"n1": make.send(step)}, topic=make.topic("news", name="1984"))


def due(campaign, amount: int) -> dict[str, str]:
    """So many mails that are due, to people of all languages in turn: who speaks which."""
    rows = make.enrollments(campaign, amount)
    for number, row in enumerate(rows):
        row.contact.language = CODES[number % len(CODES)]
        make.consent(row.contact, campaign.topic)
    Contact.objects.bulk_update([row.contact for row in rows], ["language"])
    advancing.advance_due(make.NOW)
    return {row.contact.email: row.contact.language for row in rows}


def test_each_reader_gets_their_own_language(campaign, channel):
    people = due(campaign, 2 * len(CODES))
    assert sending.send_due(make.NOW, 50) == len(people)
    assert translation.get_language() == "en"
    for mail in channel.taken:
        language = people[mail.to]
        page = soup(mail).find("html")
        assert (page["lang"], page["dir"]) == (language, DIRECTIONS[language])
        for body in (part(mail, "html"), part(mail, "plain")):
            assert [code for code, words in FOOTS.items() if words in body] == [language]


def test_languages_cost_the_same_however_many_people_speak_them(campaign, channel):
    asked = []
    for amount in (5, 10, 500):  # the first makes what a new installation lacks
        due(campaign, amount)
        asked.append(queries(sending.send_due, make.NOW, amount, clock=lambda: 0.0))
    assert len(channel.taken) == 515
    assert len(asked[2]) == len(asked[1]), "\n".join(asked[2])


@pytest.mark.parametrize("code", OTHERS)
def test_no_english_is_left_at_the_foot(code):
    fields = {"language": code, "subject": "۱", "brand": BRAND}
    topical = make_one(source(heading("۱"), topic="۱۹۸۴", **fields))
    told = make_one(source(heading("۱"), because="۱۹۸۴", **fields))
    for mail in (topical, told):
        assert latin_words(part(mail, "html")) == []
        words = part(mail, "plain").replace("https", "")
        assert [w for w in words.split() if w.isascii() and w.isalpha()] == []


@pytest.mark.parametrize("code", OTHERS)
def test_no_english_is_left_in_blocks_for_each_person(code, settings):
    settings.WAGTAIL_DRIP_LINES = f"{__name__}.Shop"
    settings.WAGTAIL_DRIP_COUPONS = f"{__name__}.Till"
    body = [
        ("order_lines", {"which": "event", "heading": "", "pictures": False}),
        ("cart_lines", {"which": "event", "heading": "", "pictures": False}),
        ("coupon", {"offer": "ten", "intro": "", "button": "", "url": ""}),
    ]
    mail = make_one(source(*body, language=code, subject="۱", brand=BRAND, topic="۱"))
    assert latin_words(part(mail, "html"), ("EUR",)) == []
    english = make_one(source(*body, language="en", subject="1", brand=BRAND, topic="1"))
    assert "and 2 more" in part(english, "plain") and "Total" in part(english, "plain")


class Shop(LinesAdapter):
    def orders(self, recipients, which):
        many = [Line("۱", 1, Decimal(1), "/")] * 52
        return {one.id: Lines(many, Decimal(52), "EUR", url="/") for one in recipients}

    carts = orders


class Till(CouponAdapter):
    def offers(self):
        return [("ten", "Ten")]

    def issue(self, offer, recipients):
        return {one.id: Coupon("۱", "۱") for one in recipients}


def test_numbers_dates_and_money_are_the_reader_s_too(settings):
    fields = [heading("{{ event.day }} {{ event.price }} {{ order.total }}")]
    data = {"day": "2026-12-24", "price": 1234.5, "total": "1234.5", "currency": "EUR"}
    shown = {
        code: part(make_one(source(*fields, language=code), person(data=data)), "plain")
        for code in CODES
    }
    assert "24. Dezember 2026" in shown["de"] and "1.234,50\xa0EUR" in shown["de"]
    assert "24 декабря 2026" in shown["ru"] and "24 دسامبر 2026" in shown["fa"]
    assert "24 ديسمبر، 2026" in shown["ar"]


def test_why_a_mail_waits_is_told_to_editors_and_not_to_its_reader():
    """It is kept with the delivery, where those read it who know the site's language."""
    held = make_one(source(("product", {"which": "event", "button": "x"}), language="fa"))
    assert held == Hold("The event that started the series names no product.")
    gone = make_one(source(("button", {"label": "x", "page": 4711}), language="ru"))
    assert isinstance(gone, Hold) and gone.reason.isascii()


def test_a_worker_that_speaks_another_language_changes_nothing(settings):
    with translation.override("ru"):
        mail = make_one(source(language="fa", topic="x"))
    assert FOOTS["fa"] in part(mail, "html") and FOOTS["ru"] not in part(mail, "html")


def test_a_site_that_speaks_persian_writes_english_to_the_english(settings):
    settings.LANGUAGE_CODE = "fa"
    with translation.override("fa"):
        mail = make_one(source(language="en", topic="x"))
    assert FOOTS["en"] in part(mail, "html") and soup(mail).find("html")["dir"] == "ltr"


def test_merge_fields_are_asked_in_the_mail_s_language():
    field = Answering(lambda who: f"<{translation.get_language()}>")
    with hooks.register_temporarily("register_drip_merge_fields", lambda: {"extra": field}):
        mail = make_one(source(heading("{{ extra }}"), language="ru"))
    assert "<ru>" in part(mail, "plain")


# The mail that asks for confirmation, which the package makes itself


@pytest.fixture
def confirmation():
    return standing(ASKED_FOR_TOPICS, Site.objects.get(is_default_site=True))


@pytest.mark.parametrize("code", OTHERS)
def test_a_confirmation_is_wholly_in_its_reader_s_language(confirmation, code):
    step = Step.objects.get(locale__language_code=code)
    data = {"asks": "topics", "topics": ["۱"], "key": "0" * 32}
    message = step.source(campaign=confirmation)
    mail = make_one(replace(message, brand=BRAND), person(data=data))
    assert latin_words(part(mail, "html")) == []
    assert soup(mail).find("html")["dir"] == DIRECTIONS[code]


def test_a_reason_that_editors_wrote_stays_theirs(confirmation):
    confirmation.transactional_reason = "you came by."
    step = Step.objects.get(locale__language_code="fa")
    assert step.source(campaign=confirmation).because == "you came by."


def test_a_reason_of_ours_that_was_stored_in_english_is_told_in_their_language(confirmation):
    assert confirmation.transactional_reason.startswith("somebody, most likely you")
    step = Step.objects.get(locale__language_code="ru")
    assert step.source(campaign=confirmation).because.startswith("кто-то, скорее всего вы")
