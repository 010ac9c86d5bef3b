"""When a worker opens more connections, and how much it takes at once."""

from __future__ import annotations

import pytest

from wagtail_drip.channels import smtp
from wagtail_drip.engine import connecting
from wagtail_drip.engine.connecting import Connections

SECONDS = connecting.SLOW * 10
ENOUGH = int(connecting.SLOW_FOR / SECONDS) + 1


@pytest.fixture
def connections():
    with Connections() as connections:
        yield connections


def test_a_server_that_always_takes_its_time_is_slow(connections):
    for _mail in range(ENOUGH):
        assert not connections.is_slow("email")
        connections.took("email", SECONDS)
    assert connections.is_slow("email") and not connections.is_slow("sms")


def test_a_few_long_answers_prove_nothing(connections):
    for _mail in range(connecting.SLOW_MAILS - 1):
        connections.took("email", 10.0)
    assert not connections.is_slow("email")


def test_one_quick_answer_shows_that_a_server_can(connections):
    for number in range(5 * ENOUGH):
        connections.took("email", 0.0 if number % (ENOUGH - 1) == 0 else SECONDS)
        assert not connections.is_slow("email")


def test_how_long_a_stranger_takes_says_nothing(monkeypatch):
    """A server that this process doesn't know yet is held back by us, and may be quick."""
    session = smtp.SmtpSession(type("Backend", (), {"timeout": 1})())
    monkeypatch.setattr(smtp, "_carried", smtp.STRANGER_MESSAGES - 1)
    assert not session.is_telling
    monkeypatch.setattr(smtp, "_carried", smtp.STRANGER_MESSAGES)
    assert session.is_telling


def test_a_slice_is_what_goes_in_some_seconds(connections, settings):
    settings.WAGTAIL_DRIP_SLICE = 5000
    assert connections.slice_size() == connecting.FIRST_SLICE
    settings.WAGTAIL_DRIP_SLICE = 3000
    assert connections.slice_size() == 3000
    connections.went(1000, 10.0)
    assert connections.slice_size() == 100 * connecting.SLICE_SECONDS
    connections.went(1000, 0.1)
    assert connections.slice_size() == 3000


def test_where_a_rate_or_a_crowd_waits_slices_are_short(connections):
    connections.went(1000, 2.0)
    usual = connections.slice_size()
    connections.crowded = True
    assert connections.slice_size() < usual == connections.slice_size(beside=True)
    connections.crowded, connections.wait = False, 0.5
    assert connections.slice_size() < usual
