"""A mail translated with wagtail-localize goes out in its reader's language."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.core import mail as outbox
from django.core.exceptions import ValidationError
from wagtail.models import Locale
from wagtail_localize.models import String, StringTranslation, Translation, TranslationSource

from tests import factories as make
from tests.admin.support import client_of
from wagtail_drip.engine import ticking
from wagtail_drip.models import Delivery, Step, Tag
from wagtail_drip.models.tags import Tagging
from wagtail_drip.streams import with_ids

pytestmark = pytest.mark.django_db(transaction=True)
BODY = with_ids([
    {"type": "heading", "value": {"text": "Dear {{ first_name|reader }}", "size": "large"}},
    {"type": "text", "value": "<p>Good <b>books</b> are waiting.</p>"},
    {"type": "points", "value": {
        "marks": "checks", "points": [{"type": "item", "value": "One thing", "id": str(uuid4())}],
    }},
    {"type": "columns", "value": {
        "first": [{"type": "heading", "value": {"text": "Here", "size": "small"}}],
        "second": [{"type": "text", "value": "<p>And there</p>"}],
    }},
    {"type": "show_if", "value": {
        "match": "any", "conditions": [{"type": "has_tag", "value": {"tag": "vip"}}],
        "content": [{"type": "heading", "value": {"text": "Only for you", "size": "small"}}],
    }},
    {"type": "button", "value": {"label": "Read on", "page": None, "url": "/books/"}},
])  # fmt: skip
FRENCH = {
    "Hello": "Bonjour",
    "Dear {{ first_name|reader }}": "Cher {{ first_name|lecteur }}",
    "Good <b>books</b> are waiting.": "De bons <b>livres</b> attendent.",
    "One thing": "Une chose",
    "Here": "Ici",
    "And there": "Et là",
    "Only for you": "Pour vous seul",
    "Read on": "Lire la suite",
}


@pytest.fixture
def french():
    make.locale()
    Tag.objects.create(name="VIP", slug="vip")
    return Locale.objects.get_or_create(language_code="fr")[0]


def translated(step: Step, french: Locale) -> Translation:
    """Submitted, with a word for each segment, as the translator's page saves them."""
    source, _created = TranslationSource.update_or_create_from_instance(step)
    translation = Translation.objects.create(source=source, target_locale=french)
    for segment in source.stringsegment_set.select_related("string", "context"):
        words = FRENCH.get(segment.string.data)
        if words:
            StringTranslation.objects.create(
                translation_of=segment.string,
                locale=french,
                context=segment.context,
                data=words,
            )
    return translation


def test_what_readers_read_is_what_translators_are_given(french):
    step = make.step("Hello", body=BODY)
    translated(step, french)
    given = set(String.objects.values_list("data", flat=True))
    assert FRENCH.keys() <= given
    assert not given & {"large", "small", "checks", "any"}


def test_the_translation_goes_out_to_whom_it_is_for(french, now):
    step = make.step("Hello", body=BODY)
    campaign = make.campaign(nodes={"n1": make.send(step)})
    translated(step, french).save_target(publish=True)
    for language in ("fr", "en"):
        contact = make.contact(f"{language}@example.com", first_name="Ann", language=language)
        Tagging.objects.create(contact=contact, tag=Tag.objects.get())
        make.enrollment(campaign, contact)
    ticking.tick(now)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    mails = {one.to[0]: one for one in outbox.outbox}
    assert mails["fr@example.com"].subject == "Bonjour"
    assert mails["en@example.com"].subject == "Hello"
    for words in (
        "Cher Ann",
        "De bons livres attendent",
        "Une chose",
        "Ici",
        "Et là",
        "Lire",
        "Pour vous seul",
    ):
        assert words in mails["fr@example.com"].body


def test_a_translation_that_is_a_draft_goes_to_nobody(french, now):
    step = make.step("Hello", body=BODY)
    campaign = make.campaign(nodes={"n1": make.send(step)})
    translated(step, french).save_target(publish=False)
    draft = Step.objects.get(locale=french)
    assert draft.latest_revision.as_object().subject == "Bonjour" and not draft.live
    make.enrollment(campaign, make.contact("fr@example.com", language="fr"))
    ticking.tick(now)
    assert [one.subject for one in outbox.outbox] == ["Hello"]


def test_the_translator_s_page_opens_from_the_mail_s_editor(french):
    step = make.step("Hello", body=BODY)
    translated(step, french).save_target(publish=False)
    draft = Step.objects.get(locale=french)
    client = client_of("editor", is_superuser=True)
    page = client.get(f"/admin/snippets/wagtail_drip/step/edit/{draft.pk}/").content.decode()
    assert "Dear {{ first_name|reader }}" in page and "translation" in page.lower()


def test_a_translation_that_can_t_go_out_is_refused_and_stays_a_draft(french):
    """In the translator's words: an error on the page, as of any field that isn't valid."""
    step = make.step("Hello", body=BODY)
    translation = translated(step, french)
    StringTranslation.objects.filter(data="Bonjour").update(data="{{ nobody }}")
    for _ in range(2):  # its first time makes the row, its second finds it
        with pytest.raises(ValidationError, match="nobody"):
            translation.save_target(publish=True)
        assert not Step.objects.get(locale=french).live
    address = f"/admin/snippets/wagtail_drip/step/edit/{Step.objects.get(locale=french).pk}/"
    client = client_of("editor", is_superuser=True)
    answer = client.post(address, {"action": "publish"}, follow=True)
    assert answer.status_code == 200 and "validation errors were found" in answer.content.decode()
    assert not Step.objects.get(locale=french).live
