"""A person's word on uncertain deliveries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from tests import factories as make
from wagtail_drip.engine import resolving, sending
from wagtail_drip.models import Delivery, Enrollment

pytestmark = pytest.mark.django_db


def uncertain(**fields) -> Delivery:
    settled = {"settled_at": make.NOW, "attempts": 1, "claim": "x", "reason": "?"}
    [row] = make.deliveries(make.campaign(), 1, state="uncertain", **settled, **fields)
    return row


def test_they_arrived():
    row = uncertain()
    assert resolving.mark_sent([row.pk]) == 1
    row.refresh_from_db()
    assert (row.state, row.reason, row.claim, row.settled_at) == ("sent", "", "", make.NOW)


def test_sent_again_under_the_same_message_id_and_moves_nobody(now, mailoutbox):
    row = uncertain()
    further = {"node": "n9", "due_at": now + timedelta(days=3)}
    Enrollment.objects.update(**further)
    assert resolving.send_again([row.pk], now) == 1
    assert sending.send_due(now) == 1
    assert mailoutbox[0].extra_headers["Message-ID"] == row.message_id
    assert Enrollment.objects.values("node", "due_at").get() == further


def test_after_the_flows_end_too(now, mailoutbox):
    row = uncertain()
    Enrollment.objects.update(state="completed", ended_at=now)
    resolving.send_again([row.pk], now)
    sending.send_due(now)
    row.refresh_from_db()
    assert (row.state, len(mailoutbox)) == ("sent", 1)


@pytest.mark.parametrize("state", ["sent", "waiting", "sending", "failed", "skipped"])
def test_what_is_certain_is_not_asked(now, state):
    [row] = make.deliveries(make.campaign(), 1, state=state)
    assert resolving.mark_sent([row.pk]) == resolving.send_again([row.pk], now) == 0
    assert Delivery.objects.get().state == state


def test_the_command_takes_ids_and_says_what_it_did(capsys):
    row, other = uncertain(), make.deliveries(make.campaign("b"), 1)[0]
    call_command("drip_resolve", "--sent", row.pk, other.pk)
    assert "1 of 2" in capsys.readouterr().out
    row.refresh_from_db()
    assert row.state == "sent"


def test_the_command_wants_to_know_which():
    with pytest.raises(CommandError, match="required"):
        call_command("drip_resolve", "1")


def test_an_unknown_delivery_is_an_error():
    with pytest.raises(CommandError, match="99999"):
        call_command("drip_resolve", "--resend", "99999")
