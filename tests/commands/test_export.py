from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file
from wagtail.models import Locale, Page, Site

from tests import factories
from tests.flow.flows import block, leave, split, wait, wait_day, wait_event, wait_hours
from wagtail_drip.engine.files import schema
from wagtail_drip.engine.files.references import from_reference, to_reference
from wagtail_drip.models import Campaign, Step

pytestmark = pytest.mark.django_db

SEEDS = sorted((Path(__file__).parents[2] / "example_site" / "campaigns").glob("*.json"))


def export(slug: str = "welcome") -> str:
    out = StringIO()
    call_command("drip_export", slug, stdout=out)
    return out.getvalue()


def make_campaign(*steps: Step) -> Campaign:
    """With a flow that sends these, nested in a decision from the second on."""
    campaign = factories.campaign("welcome", topic=factories.topic("news"))
    sends = [{"type": "send", "value": {"step": step.pk}, "id": f"s{step.pk}"} for step in steps]
    asked = [{"type": "topic", "value": {"topic": "news"}, "id": "c1"}]
    inside = {"match": "all", "conditions": asked, "yes": sends[1:], "no": []}
    campaign.flow = json.dumps([sends[0], {"type": "if_else", "value": inside, "id": "i1"}])
    campaign.save_revision()
    return campaign


def test_export_import_export_is_identical(tmp_path):
    text = [{"type": "text", "value": "<p>Hi</p>", "id": "t1"}]
    make_campaign(factories.step("One", body=text), factories.step("Two"))
    first, file = export(), tmp_path / "file.json"
    file.write_text(first)
    # As on another site: nothing of it there, and other primary keys.
    Campaign.objects.all().delete()
    Step.objects.all().delete()
    factories.step("Another")
    call_command("drip_import", str(file), verbosity=0)
    assert export() == first


def picture(title: str, size: tuple[int, int] = (40, 30)):
    file = get_test_image_file(filename=f"{title}.png", size=size)
    image = get_image_model()(title=title, file=file)
    image._set_file_hash()  # as Wagtail does for what is uploaded
    image.save()
    return image


def test_a_picture_goes_along_by_what_it_is_not_by_its_number(tmp_path):
    shop = picture("The shop")
    embed = f'<embed embedtype="image" format="left" id="{shop.pk}" alt="Our shop"/>'
    body = [
        {"type": "image", "value": {"image": shop.pk, "alt": "Our shop"}, "id": "i1"},
        {"type": "text", "value": f"<p>Here:</p>{embed}", "id": "t1"},
    ]
    text = [{"type": "text", "value": "<p>Hi</p>", "id": "t1"}]
    make_campaign(factories.step("One", body=body), factories.step("Two", body=text))
    first, file = export(), tmp_path / "file.json"
    named = json.loads(first)["steps"][0]["body"][0]["value"]["image"]
    assert named == {"title": "The shop", "collection": "Root", "sha1": shop.file_hash}
    file.write_text(first)
    # On the other site the same picture has another title, and another picture has this one's.
    Campaign.objects.all().delete()
    Step.objects.all().delete()
    shop.delete()
    picture("The shop", size=(20, 20))
    same = picture("Front of the shop")
    call_command("drip_import", str(file), "--publish", verbosity=0)
    blocks = Step.objects.get(name="One").body.raw_data
    assert blocks[0]["value"]["image"] == same.pk
    assert f'id="{same.pk}"' in blocks[1]["value"]


def test_the_pace_comes_back_as_it_was(tmp_path):
    make_campaign(factories.step("One"))
    Campaign.objects.update(rate=90, holds_others=True, priority=3, latest_revision=None)
    first, file = export(), tmp_path / "file.json"
    told = json.loads(first)["campaign"]
    assert (told["rate"], told["holds_others"], told["priority"]) == (90, True, 3)
    file.write_text(first)
    Campaign.objects.all().delete()
    call_command("drip_import", str(file), verbosity=0)
    assert export() == first


def test_every_block_of_a_flow_comes_back_as_it_was(tmp_path):
    other = factories.campaign("other")
    campaign = factories.campaign("welcome", topic=factories.topic("news"), leave_audience=True)
    campaign.not_while.set([other])
    flow = [
        wait_hours(0, 1, start="09:00", id="w1"),
        block("wait_date", "w2", date="2026-12-24", time="09:00"),
        wait_day(3, yearly=True, id="w3"),
        wait_event([wait(id="w5")], [leave("late", id="l1")], id="w4"),
        split((50, [block("enroll", "e1", campaign=other.pk)]), (50, []), id="p1"),
        block("set_tag", "t1", tag="VIP", side="add"),
        block("set_attribute", "a1", key="city", value="Ulm"),
    ]
    campaign.flow = json.dumps(flow)
    campaign.save_revision()
    first, file = export(), tmp_path / "file.json"
    assert '"campaign": "other"' in first
    assert json.loads(first)["campaign"]["not_while"] == ["other"]
    assert schema.problems(json.loads(first)) == []
    file.write_text(first)
    Campaign.objects.filter(pk=campaign.pk).delete()
    call_command("drip_import", str(file), verbosity=0)
    assert export() == first


def test_a_file_names_nothing_by_primary_key():
    steps = factories.step("One"), factories.step("Two")
    make_campaign(*steps)
    flow = json.loads(export())["campaign"]["flow"]
    keys = [str(step.translation_key) for step in steps]
    assert flow[0]["value"] == {"step": keys[0]}
    assert flow[1]["value"]["yes"][0]["value"] == {"step": keys[1]}


def test_an_export_fits_the_schema():
    make_campaign(factories.step("One"), factories.step("Two"))
    assert schema.problems(json.loads(export())) == []


def test_a_translation_follows_the_mail_that_the_flow_names():
    one = factories.step("One")
    german = Locale.objects.create(language_code="de")
    factories.step("Eins", locale=german, translation_key=one.translation_key)
    make_campaign(one)
    assert [s["language"] for s in json.loads(export())["steps"]] == ["en", "de"]


def test_unpublished_changes_are_exported():
    campaign = make_campaign(factories.step("One"))
    campaign.name = "Hello again"
    campaign.save_revision()
    assert json.loads(export())["campaign"]["name"] == "Hello again"


def test_an_unknown_campaign_lists_the_known_ones():
    factories.campaign("welcome")
    with pytest.raises(CommandError, match="There are: welcome"):
        export("goodbye")


def test_a_page_is_named_by_its_path():
    site = Site.objects.get()
    page = site.root_page.add_child(instance=Page(title="About", slug="about"))
    assert to_reference(Page, page.pk, site) == "/about/"
    assert from_reference(Page, "/about/", site) == page.pk


def test_pages_in_rich_text_are_named_by_their_path(tmp_path):
    page = Site.objects.get().root_page.add_child(instance=Page(title="About", slug="about"))
    link = f'<p><a id="{page.pk}" linktype="page">us</a></p>'
    step = factories.step("One", body=[{"type": "text", "value": link, "id": "t1"}])
    make_campaign(step)
    exported = json.loads(export())["steps"][0]["body"][0]["value"]
    assert exported == '<p><a reference="&quot;/about/&quot;" linktype="page">us</a></p>'
    file = tmp_path / "file.json"
    file.write_text(export())
    call_command("drip_import", str(file), verbosity=0)
    assert not Step.objects.get(pk=step.pk).has_unpublished_changes


@pytest.mark.parametrize("file", SEEDS, ids=lambda file: file.stem)
def test_the_bookshops_files_are_as_export_writes_them(file):
    data = json.loads(file.read_text())
    assert schema.problems(data) == []
    assert file.read_text() == json.dumps(data, indent=2, ensure_ascii=False) + "\n"
