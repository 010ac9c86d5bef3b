"""drip_erase, drip_export_contact and drip_prune."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from tests import factories as make
from wagtail_drip.models import Contact, Event

pytestmark = pytest.mark.django_db


def test_a_person_is_erased_by_their_address(capsys):
    contact = make.contact("ann@example.com")
    call_command("drip_erase", "Ann@Example.com")
    assert Contact.objects.get().erased_at
    assert str(contact.pk) in capsys.readouterr().out


def test_all_of_a_person_is_written_as_json(capsys):
    make.contact("ann@example.com", first_name="Zoë")
    call_command("drip_export_contact", "ann@example.com")
    out = capsys.readouterr().out
    assert json.loads(out)["contact"]["first_name"] == "Zoë" and "Zoë" in out


@pytest.mark.parametrize("command", ["drip_erase", "drip_export_contact"])
@pytest.mark.parametrize("address", ["nobody@example.com", "nobody"])
def test_nobody_is_an_error(command, address):
    with pytest.raises(CommandError):
        call_command(command, address)


def test_pruning_says_what_went(capsys, settings, now):
    make.event(make.contact(), at=now - timedelta(days=400), inbox=False)
    settings.WAGTAIL_DRIP_RETENTION = {"events": 30}
    call_command("drip_prune", "--dry-run")
    assert "events: 1 would go" in capsys.readouterr().out and Event.objects.exists()
    call_command("drip_prune", "--json")
    assert json.loads(capsys.readouterr().out) == {"events": 1, "imports": 0, "decisions": 0}
    assert not Event.objects.exists()


def test_a_setting_that_means_nothing_is_told(settings):
    settings.WAGTAIL_DRIP_RETENTION = {"mails": 30}
    with pytest.raises(CommandError, match="RETENTION"):
        call_command("drip_prune")
