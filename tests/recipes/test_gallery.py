"""The gallery in the admin: cards, questions, what the events say, drafts."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse
from django.utils.translation import override
from wagtail import hooks
from wagtail.models import Locale

from tests import factories
from tests.admin.support import client_of, texts
from tests.queries import queries
from wagtail_drip import api, registry
from wagtail_drip.engine.files.making import make
from wagtail_drip.engine.files.recipes import Recipe
from wagtail_drip.models import Campaign, Step

pytestmark = pytest.mark.django_db
GALLERY = "/admin/drip/recipes/"


@pytest.fixture
def editor():
    return client_of("editor", "add_campaign", "change_campaign", "add_step", "change_step")


def url(slug: str) -> str:
    return reverse("wagtail_drip_admin:recipe", args=[slug])


def test_a_card_for_each_with_a_picture_of_its_flow(editor):
    page = editor.get(GALLERY)
    html = page.content.decode()
    assert html.count("drip-flow--thumb") == len(registry.recipes())
    for slug, recipe in registry.recipes().items():
        assert url(slug) in html and recipe.title() in html
    assert "Send “Your cart waits”" in html and "Wait 4 hours" in html


def test_cards_cost_no_query_each(editor):
    editor.get(GALLERY)
    few = queries(editor.get, GALLERY)
    twice = {f"more_{slug}": recipe for slug, recipe in registry.recipes().items()}
    with hooks.register_temporarily("register_drip_recipes", lambda: twice):
        many = queries(editor.get, GALLERY)
    assert len(many) == len(few) < 20


def test_the_empty_list_of_campaigns_offers_it_and_so_does_the_menu(editor):
    page = editor.get(reverse("wagtailsnippets_wagtail_drip_campaign:list")).content.decode()
    assert GALLERY in page and "Choose a ready-made series" in page
    home = editor.get("/admin/").content.decode()
    assert json.dumps(GALLERY)[1:-1] in home


@pytest.mark.parametrize("rights", [["add_campaign"], ["add_step"], []])
def test_it_takes_the_rights_to_write_campaigns_and_mails(rights):
    client = client_of("reader", "view_campaign", *rights)
    for address in (GALLERY, url("welcome"), url("no_such")):
        assert client.get(address).status_code == 302  # Wagtail's way of refusing
    assert GALLERY not in client.get("/admin/").content.decode()


def test_what_is_likely_is_filled_in_and_the_events_are_asked(editor, topic):
    page = editor.get(url("cart"))
    form = page.context["form"]
    assert (form["start"].value(), form["order"].value()) == ("cart_changed", "order_placed")
    assert form["topic"].value() == "news"
    said = page.content.decode()
    assert "No “changed their cart” was recorded yet: the series would start" in said

    api.record("cart_changed", email="ann@example.com", data={"book": 1})
    api.record("order_placed", email="ann@example.com", data={"book": 1, "order": 1})
    page = editor.get(url("cart"))
    assert "changed their cart” was recorded" not in page.content.decode()
    [_none, (group, events), *_others] = page.context["form"].fields["start"].choices
    assert group == "Recorded on this site"
    assert [slug for slug, _label in events] == ["order_placed", "cart_changed"]


def test_events_that_name_no_product_and_no_order_are_said(editor, topic, events):
    api.record("interest_shown", email="ann@example.com", data={"book": "none"})
    assert "name no product" in editor.get(url("interested")).content.decode()
    answers = {"start": "order_placed", "shipped": "order_shipped", "same": "order", "check": "1"}
    api.record("order_placed", email="ann@example.com", data={"book": 1, "order": 1})
    api.record("order_shipped", email="ann@example.com", data={"parcel": 7})
    page = editor.post(url("order_confirmation"), answers).content.decode()
    assert "Of the latest 1 “order shipped”, 1 say nothing of “order”." in page
    assert not Campaign.objects.exists()


def test_making_gives_drafts_and_leads_to_the_campaign(editor, topic):
    form = editor.get(url("welcome")).context["form"]
    answers = {name: form[name].value() or "" for name in form.fields} | {"make": "1"}
    answers["shop"] = "/books/"
    response = editor.post(url("welcome"), answers, follow=True)
    campaign = Campaign.objects.get()
    assert response.redirect_chain[0][0].endswith(f"/edit/{campaign.pk}/")
    assert "is a draft" in texts(response) and "No “signed up” was recorded" in texts(response)
    assert (campaign.status, campaign.name, campaign.topic) == ("draft", "Welcome", topic)
    draft = campaign.get_latest_revision_as_object()
    ids = [child["id"] for child in draft.flow.raw_data]
    assert len(ids) == len(set(ids)) == 7 and all(ids)
    assert list(Step.objects.values_list("live", flat=True)) == [False] * 4
    hello = Step.objects.get(name="Hello").get_latest_revision_as_object()
    assert "/books/" in json.dumps(hello.body.get_prep_value())
    history = editor.get(
        reverse("wagtailsnippets_wagtail_drip_campaign:history", args=[campaign.pk])
    )
    assert history.status_code == 200 and "Created" in history.content.decode()


def test_a_site_without_codes_of_its_own_types_one_or_none(editor, topic, settings):
    settings.WAGTAIL_DRIP_COUPONS = ""
    answers = {"start": "user_signed_up", "topic": "news", "shop": "/", "make": "1"}
    for code, times in (("SPRING10", 1), ("", 0)):
        editor.post(url("welcome"), answers | {"code": code})
        gift = Step.objects.filter(name="A small present").latest("pk")
        body = json.dumps(gift.get_latest_revision_as_object().body.get_prep_value())
        assert body.count("SPRING10") == times and "coupon" not in body


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"start": "no_such_event"}, "Select a valid choice"),
        ({"topic": "elsewhere"}, "Select a valid choice"),
        ({"topic": ""}, "This field is required"),
        ({"shop": "javascript:alert(1)"}, "is not an address"),
        ({"code": "99"}, "Select a valid choice"),
        ({"language": "xx"}, "Select a valid choice"),
    ],
)
def test_wrong_answers_are_said_and_make_nothing(editor, topic, wrong, said):
    recipe = registry.recipes()["welcome"]
    answers = {"start": "user_signed_up", "topic": "news", "shop": "/", "code": "10", "make": "1"}
    if "language" in wrong and len(recipe.languages) < 2:
        pytest.skip("written in one language")
    page = editor.post(url("welcome"), answers | {"language": "en"} | wrong)
    assert page.status_code == 200 and said in page.content.decode()
    assert not Campaign.objects.exists() and not Step.objects.exists()


def test_a_site_s_own_recipe_an_exported_campaign_and_a_broken_one(editor, topic, tmp_path):
    key = "3f0c9d9a-54a5-4b45-9d51-0d6a4b0f1a11"
    club = {
        "format": 1,
        "campaign": {
            "slug": "club",
            "name": "Reading club",
            "trigger": "user_signed_up",
            "topic": "news",
            "flow": [{"type": "send", "value": {"step": key}}],
        },
        "steps": [{"key": key, "name": "Hi", "subject": "Hi", "body": []}],
    }
    (tmp_path / "club.json").write_text(json.dumps(club))
    (tmp_path / "odd.json").write_text("[]")
    own = {"club": Recipe(tmp_path / "club.json"), "odd": Recipe(tmp_path / "odd.json")}
    with hooks.register_temporarily("register_drip_recipes", lambda: own):
        page = editor.get(GALLERY).content.decode()
        assert "Reading club" in page and "“odd” can't be shown" in page.replace("&#x27;", "'")
        editor.post(url("club"), {"make": "1"})
        editor.post(url("club"), {"make": "1"})
    assert sorted(Campaign.objects.values_list("slug", flat=True)) == ["club", "club-2"]
    assert Step.objects.count() == 2


def test_what_the_site_cannot_take_is_said(editor, topic, tmp_path):
    flow = [{"type": "no_such_block", "value": {}}]
    club = {"format": 1, "campaign": {"slug": "club", "name": "Club", "flow": flow}, "steps": []}
    (tmp_path / "club.json").write_text(json.dumps(club))
    own = {"club": Recipe(tmp_path / "club.json")}
    with hooks.register_temporarily("register_drip_recipes", lambda: own):
        page = editor.post(url("club"), {"make": "1"}).content.decode()
    assert "campaign.flow[0]" in page and not Campaign.objects.exists()


def test_topics_and_sites_of_others_stay_theirs(editor, topic):
    other = factories.topic("theirs", name="Theirs")
    form = editor.get(url("welcome")).context["form"]
    assert [slug for slug, _name in form.fields["topic"].choices] == ["", "news", other.slug]


@pytest.mark.parametrize("wanted", ["fa", "ar"])
def test_in_the_editor_s_language_and_right_to_left_where_it_is(editor, topic, wanted):
    Locale.objects.create(language_code=wanted)
    with override(wanted):
        page = editor.get(url("welcome"), headers={"accept-language": wanted})
        form = page.context["form"]
    recipe = registry.recipes()["welcome"]
    answers = {name: form[name].value() or "" for name in form.fields}
    editor.post(url("welcome"), answers | {"language": wanted, "make": "1"})
    campaign, texts_ = Campaign.objects.get(), recipe.texts(wanted)
    assert campaign.name == texts_["name"] != "Welcome"
    mails = Step.objects.order_by("pk")
    assert mails.count() == 8 and len({step.translation_key for step in mails}) == 4
    english = mails.filter(locale=factories.site().root_page.locale).first()
    own = mails.filter(locale__language_code=wanted).first()
    assert (english.name, own.name) == ("Hello", texts_["hello.name"])
    draft = own.get_latest_revision_as_object()
    html = draft.make_preview_request(preview_mode=own.default_preview_mode).content.decode()
    assert 'dir="rtl"' in html and texts_["hello.button"] in html


def test_a_site_in_one_language_gets_the_words_that_are_asked_for(topic):
    recipe = registry.recipes()["welcome"]
    answers = {"start": "user_signed_up", "topic": "news", "shop": "/"}
    campaign = make(recipe, answers, site=factories.site(), language="ru")
    assert campaign.name == recipe.texts("ru")["name"]
    assert Step.objects.count() == 4 and Step.objects.filter(name="Здравствуйте").exists()
