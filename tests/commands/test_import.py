from __future__ import annotations

import copy
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests import factories
from wagtail_drip.models import Campaign, Step

pytestmark = pytest.mark.django_db

KEY = "3f0c9d9a-54a5-4b45-9d51-0d6a4b0f1a11"
FILE = {
    "format": 1,
    "campaign": {
        "slug": "welcome",
        "name": "Welcome",
        "trigger": "user_signed_up",
        "topic": "news",
        "flow": [
            {"type": "wait", "value": {"amount": 2, "unit": "days"}},
            {"type": "send", "value": {"step": KEY}},
        ],
    },
    "steps": [
        {
            "key": KEY,
            "name": "Hello",
            "subject": "Hello",
            "body": [{"type": "text", "value": "<p>Good to see you.</p>"}],
        }
    ],
}


@pytest.fixture(autouse=True)
def topic():
    return factories.topic("news")


@pytest.fixture
def load(tmp_path):
    def load(data, **options) -> str:
        file, out = tmp_path / "campaign.json", StringIO()
        file.write_text(data if isinstance(data, str) else json.dumps(data))
        call_command("drip_import", str(file), stdout=out, **options)
        return out.getvalue()

    return load


def changed(*path, value):
    """The file with one place changed."""
    data = copy.deepcopy(FILE)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


def revisions() -> tuple[int, int]:
    return Campaign.objects.get().revisions.count(), Step.objects.get().revisions.count()


def test_what_is_imported_is_a_draft(load):
    assert load(FILE) == "mail “Hello”: created\ncampaign “Welcome”: created\n"
    assert Campaign.objects.get().status == "draft" and not Step.objects.get().live
    draft = Campaign.objects.get().get_latest_revision_as_object()
    assert draft.flow.raw_data[1]["value"]["step"] == Step.objects.get().pk


def test_publish_makes_it_live(load):
    assert "campaign “Welcome”: created, published" in load(FILE, publish=True)
    campaign = Campaign.objects.get()
    assert (campaign.status, campaign.current_version.number) == ("live", 1)
    assert Step.objects.get().live


def test_the_same_file_again_changes_nothing(load):
    load(FILE, publish=True)
    before = revisions()
    told = load(FILE, publish=True)
    assert told == "mail “Hello”: unchanged\ncampaign “Welcome”: unchanged\n"
    assert revisions() == before and Campaign.objects.get().versions.count() == 1


def test_a_changed_file_makes_a_draft_and_keeps_what_is_live(load):
    load(FILE, publish=True)
    told = load(changed("steps", 0, "subject", value="Hi there"))
    assert told == "mail “Hello”: changed\ncampaign “Welcome”: unchanged\n"
    step = Step.objects.get()
    assert (step.subject, step.has_unpublished_changes) == ("Hello", True)
    assert step.get_latest_revision_as_object().subject == "Hi there"


def test_publishing_publishes_a_draft_that_was_imported_before(load):
    load(FILE)
    assert "campaign “Welcome”: unchanged, published" in load(FILE, publish=True)


def test_a_dry_run_keeps_nothing(load):
    assert "campaign “Welcome”: created (dry run)" in load(FILE, dry_run=True)
    assert not Campaign.objects.exists() and not Step.objects.exists()


def test_a_dry_run_shows_each_line_that_would_change(load):
    load(FILE, publish=True)
    told = load(changed("steps", 0, "subject", value="Hi there"), dry_run=True)
    assert "mail “Hello”: changed (dry run)\n" in told
    assert '    -  "subject": "Hello",\n    +  "subject": "Hi there",\n' in told
    told = load(changed("campaign", "flow", 0, "value", "amount", value=3), dry_run=True)
    assert '-        "amount": 2,' in told and '+        "amount": 3,' in told
    assert '"subject"' not in told
    assert Step.objects.get().get_latest_revision_as_object().subject == "Hello"


@pytest.fixture
def load_all(tmp_path):
    def load_all(*data, **options) -> str:
        out, paths = StringIO(), []
        for number, one in enumerate(data):
            paths.append(tmp_path / f"{number}.json")
            paths[-1].write_text(json.dumps(one))
        call_command("drip_import", *map(str, paths), stdout=out, **options)
        return out.getvalue()

    return load_all


def other(slug: str, **fields):
    data = changed("campaign", "slug", value=slug)
    data["campaign"] |= {"name": slug.title(), **fields}
    return data


def test_files_may_name_one_another_in_any_order(load_all):
    leads = [{"type": "enroll", "value": {"campaign": "c"}}]
    files = (
        other("a", takes_over=["b"], flow=[*FILE["campaign"]["flow"], *leads]),
        other("b", not_while=["c"]),
        other("c", not_while=["b"]),
    )
    told = load_all(*files, publish=True)
    assert told.count(": created, published") == 4  # the mail once
    live = {one.slug: one for one in Campaign.objects.filter(live=True)}
    assert list(live) == ["a", "b", "c"]
    assert [one.slug for one in live["a"].takes_over.all()] == ["b"]
    assert [one.slug for one in live["b"].not_while.all()] == ["c"]
    assert load_all(*files, publish=True).count("unchanged\n") == 6


def test_of_several_files_all_or_none_are_imported(load_all):
    with pytest.raises(CommandError, match=r"1.json: campaign.topic: .*“fish”"):
        load_all(other("a"), other("b", topic="fish"))
    assert not Campaign.objects.exists() and not Step.objects.exists()


def test_yaml_says_the_same(load, tmp_path):
    yaml = pytest.importorskip("yaml")
    load(FILE)
    out = StringIO()
    call_command("drip_export", "welcome", yaml=True, stdout=out)
    assert "  name: Welcome\n" in out.getvalue()
    file, told = tmp_path / "welcome.yaml", StringIO()
    file.write_text(out.getvalue())
    call_command("drip_import", str(file), stdout=told)
    assert told.getvalue() == "mail “Hello”: unchanged\ncampaign “Welcome”: unchanged\n"
    assert yaml.safe_load(out.getvalue())["campaign"]["slug"] == "welcome"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "is not YAML: .*line 1"),
        ("a: &x [1]\nb: *x", "aliases are not allowed"),
        ("a: !!python/object/apply:os.system [ls]", "is not YAML"),
        ("format: 1\ncampaign: 2026-03-02\nsteps: []", "campaign: must be object"),
    ],
)
def test_bad_yaml_is_refused(tmp_path, text, words):
    pytest.importorskip("yaml")
    file = tmp_path / "bad.yml"
    file.write_text(text)
    with pytest.raises(CommandError, match=words):
        call_command("drip_import", str(file))


def test_blocks_without_id_get_the_same_one_each_time(load):
    load(FILE)
    first = Campaign.objects.get().get_latest_revision_as_object().flow.raw_data
    Campaign.objects.all().delete()
    load(FILE)
    again = Campaign.objects.get().get_latest_revision_as_object().flow.raw_data
    assert [b["id"] for b in first] == [b["id"] for b in again]
    assert len({b["id"] for b in first}) == 2


def test_a_refused_publishing_imports_nothing(load):
    with pytest.raises(CommandError, match="was not imported"):
        load(changed("campaign", "flow", 0, "value", "amount", value=0), publish=True)
    assert not Campaign.objects.exists() and not Step.objects.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("{", "is not JSON: .* at line 1, column 2"),
        ([], "the file: must be object"),
        (changed("format", value=2), "format: must be 1"),
        (changed("campaign", "entry_rule", value="often"), 'entry_rule: "often" is none of'),
        (changed("campaign", "priority", value=True), "campaign.priority: must be integer"),
        (changed("campaign", "pk", value=1), "campaign.pk: is not known here"),
        (changed("steps", 0, "key", value="x"), r"steps\[0\].key: \"x\" does not look like"),
        (changed("steps", 0, "language", value="tlh"), r"steps\[0\].language: .*“tlh”"),
        (changed("campaign", "topic", value="fish"), "campaign.topic: .*“fish”; make it first"),
        (changed("campaign", "sender_email", value="me"), "campaign.sender_email: Enter a valid"),
        (
            changed("campaign", "flow", 1, "value", "step", value="3f0c"),
            r"campaign.flow\[1\].value.step: .*3f0c",
        ),
        (
            changed("campaign", "flow", 0, "type", value="nap"),
            r"campaign.flow\[0\]: this site has no such block",
        ),
        (
            changed("campaign", "flow", 0, "value", "until", value=1),
            r"campaign.flow\[0\].value.until: this site has no such block or field",
        ),
        (
            changed("campaign", "flow", 0, "value", "amount", value="two"),
            r"campaign.flow\[0\].value.amount: must be a whole number",
        ),
        (
            changed("campaign", "flow", 0, "value", value=[]),
            r"campaign.flow\[0\].value: must be an object",
        ),
    ],
)
def test_an_error_names_its_place(load, data, words):
    with pytest.raises(CommandError, match=words):
        load(data)
    assert not Campaign.objects.exists()


def test_a_missing_image_is_named(load):
    image = {"image": {"title": "The shop", "collection": "Root"}, "alt": "Our shop"}
    with pytest.raises(CommandError, match=r"body\[0\].value.image: .*“The shop” in the coll"):
        load(changed("steps", 0, "body", value=[{"type": "image", "value": image}]))


def test_an_unknown_site_lists_the_known_ones(load):
    with pytest.raises(CommandError, match="There are: localhost"):
        load(FILE, site="elsewhere.example")
