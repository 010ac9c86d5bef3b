from __future__ import annotations

import copy

import pytest
from django.core.management import call_command
from wagtail import hooks
from wagtail.blocks import CharBlock, StructBlock

from tests.flow.flows import if_else, send
from wagtail_drip.content.blocks import BodyBlock
from wagtail_drip.fields import OpenStreamField
from wagtail_drip.flow.blocks import ConditionsBlock
from wagtail_drip.flow.conditions import Condition
from wagtail_drip.flow.parts import Part
from wagtail_drip.models import Campaign, Step
from wagtail_drip.streams import OpenStreamAdapter, OpenStreamBlock, UnknownBlock, with_ids

FAX = {"type": "fax", "value": {"to": "1"}, "id": "f"}


@pytest.mark.parametrize("block", [BodyBlock, ConditionsBlock])
def test_the_stand_in_for_unknown_blocks_is_shown_but_not_picked(block):
    adapter = OpenStreamAdapter()
    _name, groups, _initial, meta = adapter.js_args(block())
    assert "unknown" in [block.name for _, children in groups for block in children]
    assert meta["notOffered"] == ["unknown"]  # open_stream.js leaves it out of the picker
    assert "wagtail_drip/open_stream.js" in str(adapter.media)


@pytest.mark.parametrize("block", [BodyBlock, ConditionsBlock, OpenStreamBlock])
def test_what_nobody_knows_is_kept(block):
    stream = block()
    assert stream.get_prep_value(stream.to_python([FAX])) == [FAX]


def test_an_unknown_block_survives_the_form():
    unknown = UnknownBlock()
    value = {"type": "fax", "value": {"to": "1"}}
    posted = unknown.value_from_datadict({"p": unknown.get_form_state(value)}, {}, "p")
    assert unknown.clean(posted) == value


def test_text_that_is_no_json_reads_as_empty():
    assert len(OpenStreamBlock().to_python("{")) == 0


def test_missing_ids_are_assigned_at_every_level_and_given_ones_stay():
    raw = [send(1, "mine"), if_else([if_else([send()])])]
    done = with_ids(copy.deepcopy(raw))
    inner = done[1]["value"]["yes"][0]
    ids = [done[0]["id"], done[1]["id"], inner["id"], inner["value"]["yes"][0]["id"]]
    assert ids[0] == "mine"
    assert len(set(ids)) == 4
    assert inner["value"]["conditions"][0]["id"]
    assert with_ids(copy.deepcopy(done)) == done


# Migrations


def test_a_migration_s_field_keeps_the_blocks_it_does_not_know():
    """A data migration that saves a campaign must not empty its flow."""
    _name, _path, args, kwargs = Campaign._meta.get_field("flow").deconstruct()
    historical = OpenStreamField(*args, **kwargs)
    assert historical.get_prep_value(historical.to_python([send(1, "s")])) == [send(1, "s")]


class Member(Condition):
    slug = label = "member"


class Note(Part, StructBlock):
    text = CharBlock()


EXTRA = {
    (Step, "body"): ("register_drip_email_blocks", Note),
    (Campaign, "flow"): ("register_drip_flow_blocks", Note),
    (Campaign, "audience"): ("register_drip_conditions", Member),
    (Campaign, "goals"): ("register_drip_conditions", Member),
}


@pytest.mark.django_db
def test_an_integrator_s_blocks_make_no_migration(monkeypatch):
    for (model, name), (hook, extra) in EXTRA.items():
        field = model._meta.get_field(name)
        with hooks.register_temporarily(hook, lambda extra=extra: {"extra": extra()}):
            monkeypatch.setitem(field.__dict__, "stream_block", field.block_types_arg())
        assert "extra" in field.stream_block.child_blocks
    call_command("makemigrations", "wagtail_drip", check_changes=True, dry_run=True)
