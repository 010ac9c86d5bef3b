"""Several connections of one worker: what holds for one message in hand holds for each of them."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from wagtail import hooks

from tests import factories as make
from wagtail_drip import signals
from wagtail_drip.channels.base import Again, Sent, Uncertain
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.engine import connecting, journal, sending, transmitting
from wagtail_drip.engine.connecting import Connections
from wagtail_drip.engine.journal import NoJournal
from wagtail_drip.models import Delivery, Enrollment

pytestmark = pytest.mark.django_db
LANES = 4


@pytest.fixture
def channel(settings, monkeypatch):
    """A server that takes its time, so that each worker opens four connections to it."""
    settings.WAGTAIL_DRIP_CONNECTIONS = LANES
    monkeypatch.setattr(connecting, "SLOW", -1.0)
    monkeypatch.setattr(connecting, "SLOW_FOR", 0.0)
    monkeypatch.setattr(connecting, "SLOW_MAILS", 1)
    channel = MemoryChannel()
    with hooks.register_temporarily("register_drip_channels", lambda: {"email": channel}):
        yield channel


class Together:
    """Answers once `LANES` mails wait for it; the first mail goes alone."""

    def __init__(self, channel, outcome=lambda mail: Sent()) -> None:
        self.gate = threading.Barrier(LANES, timeout=5)
        self.channel, self.outcome, self.threads = channel, outcome, Counter[str]()
        channel.answer = self.answer

    def answer(self, mail):
        if len(self.channel.tried) > 1:
            self.gate.wait()
        self.threads[threading.current_thread().name] += 1
        return self.outcome(mail)


def states() -> Counter[str]:
    return Counter(Delivery.objects.values_list("state", flat=True))


def test_mails_go_side_by_side_and_each_once(now, channel):
    together = Together(channel)
    make.deliveries(make.campaign(), 1 + 3 * LANES)
    assert sending.send_due(now) == 1 + 3 * LANES
    assert states() == {"sent": 1 + 3 * LANES}
    assert len({mail.to for mail in channel.taken}) == len(channel.tried) == 1 + 3 * LANES
    assert len(together.threads) == 1 + LANES and channel.opened == LANES


def test_a_quick_server_gets_one_connection(now, channel, monkeypatch):
    monkeypatch.setattr(connecting, "SLOW", 60.0)
    make.deliveries(make.campaign(), 9)
    sending.send_due(now)
    assert (channel.opened, states()) == (1, {"sent": 9})


def test_connections_are_kept_from_slice_to_slice(now, channel):
    make.deliveries(make.campaign(), 30)
    with Connections() as connections:
        while sending.send_due(now, 10, connections=connections):
            pass
    assert channel.opened <= LANES and states() == {"sent": 30}


def test_where_the_server_lets_no_more_in_the_others_carry_on(now, channel, monkeypatch):
    real, refused = channel.open, threading.Event()

    def one_at_most():
        if channel.opened:
            refused.set()
            return Again("421 too many", outage=True)
        return real()

    def answer(mail):
        assert threading.current_thread() is threading.main_thread() or refused.wait(5)
        return Sent()

    channel.answer = answer
    monkeypatch.setattr(channel, "open", one_at_most)
    make.deliveries(make.campaign(), 20)
    with Connections() as connections:
        # Whose lane was let in last may find that the others are done: then it goes in the next.
        while sending.send_due(now, connections=connections):
            assert Delivery.objects.filter(state="sent").count() >= 16
    assert states() == {"sent": 20} and connections.most < LANES
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}


def test_an_outage_stops_all_lanes_and_burns_no_try(now, channel):
    together = Together(channel)
    together.outcome = lambda mail: (
        Sent() if len(channel.tried) == 1 else Again("421 busy", outage=True)
    )
    make.deliveries(make.campaign(), 20)
    assert sending.send_due(now) == 20
    assert len(channel.tried) == 1 + LANES
    waiting = Delivery.objects.filter(state="waiting").values_list("attempts", "reason")
    assert set(waiting) == {(0, "421 busy")} and len(waiting) == 19


def test_all_lanes_heed_who_has_had_enough(now, channel):
    make.deliveries(make.campaign(), 20)
    sending.send_due(now, enough=lambda: len(channel.tried) >= 5)
    assert 5 <= states()["sent"] < 5 + LANES and states()["waiting"] == 20 - states()["sent"]


def test_what_happens_meanwhile_stops_all_lanes(now, channel, monkeypatch):
    """They wait for the look of the worker's own thread, which finds that everybody has left."""
    real = transmitting.unchanged

    def look(claimed, token, now):
        Enrollment.objects.update(state="left", reason="unsubscribed", due_at=None)
        return real(claimed, token, now)

    monkeypatch.setattr(transmitting, "unchanged", look)
    make.deliveries(make.campaign(), 20)
    assert sending.send_due(now, clock=lambda: 0.2 * len(channel.tried)) == 20
    assert states()["sent"] <= 3 + LANES
    assert states()["skipped"] == 20 - states()["sent"]


class Stopped(BaseException):
    """As SystemExit: the worker must go."""


@pytest.mark.parametrize("signal", [signals.pre_transmit, signals.post_transmit])
def test_a_lane_that_comes_to_grief_stops_the_others_in_order(now, channel, signal):
    def stop(**kwargs):
        if len(channel.tried) >= 3:
            raise Stopped

    make.deliveries(make.campaign(), 20)
    signal.connect(stop)
    try:
        with pytest.raises(Stopped):
            sending.send_due(now)
    finally:
        signal.disconnect(stop)
    assert states()["sent"] == len(channel.taken) <= 3 + LANES
    assert states()["waiting"] == 20 - len(channel.taken)


def test_a_lane_stopped_amid_a_message_leaves_one_doubt(now, channel):
    def answer(mail):
        if len(channel.tried) == 3:
            raise Stopped
        return Sent()

    channel.answer = answer
    make.deliveries(make.campaign(), 10)
    with pytest.raises(Stopped):
        sending.send_due(now)
    assert states()["uncertain"] == 1 and states()["sent"] == len(channel.taken)


def test_a_worker_stopped_while_lanes_are_out_waits_for_their_answers(now, channel, monkeypatch):
    all_in_hand, go_on = (threading.Barrier(LANES + 1, timeout=5) for _ in range(2))

    def answer(mail):
        if threading.current_thread() is not threading.main_thread():
            all_in_hand.wait()
            go_on.wait()
        return Sent()

    def look(self):
        all_in_hand.wait()
        self.over = True
        go_on.wait()
        raise Stopped

    channel.answer = answer
    make.deliveries(make.campaign(), 10)
    monkeypatch.setattr(transmitting.Slice, "_is_due", look)
    with pytest.raises(Stopped):
        sending.send_due(now)
    assert states() == {"sent": 1 + LANES, "waiting": 9 - LANES}


def test_a_lane_that_hangs_is_left_behind_in_doubt(now, channel, monkeypatch, settings):
    settings.WAGTAIL_DRIP_SOCKET_SECONDS = 0
    hung, release = threading.Barrier(LANES + 1, timeout=5), threading.Event()

    def answer(mail):
        if len(channel.tried) > 1:
            hung.wait()
            release.wait(5)
        return Sent()

    def look(self):
        hung.wait()
        raise Stopped

    channel.answer = answer
    make.deliveries(make.campaign(), 10)
    monkeypatch.setattr(transmitting.Slice, "_is_due", look)
    with pytest.raises(Stopped):
        sending.send_due(now)
    assert states() == {"sent": 1, "uncertain": LANES, "waiting": 9 - LANES}
    release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("drip-lane"):
            thread.join(5)
    assert states()["uncertain"] == LANES and len(channel.tried) == 1 + LANES


def test_without_a_journal_no_lane_sends(now, channel, monkeypatch, caplog):
    real, lines = journal.Journal.start, []

    def full(journal, *args):
        lines.append(args)
        if len(lines) > 3:
            raise NoJournal(journal.path, "disk full")
        real(journal, *args)

    monkeypatch.setattr(journal.Journal, "start", full)
    make.deliveries(make.campaign(), 20)
    assert sending.send_due(now) == 0
    assert "disk full" in caplog.text
    assert states() == {"sent": 3, "waiting": 17} and len(channel.tried) == 3


def test_doubt_after_doubt_stops_all_lanes(now, channel):
    channel.answer = lambda mail: Sent() if len(channel.tried) == 1 else Uncertain("no answer")
    make.deliveries(make.campaign(), 30)
    sending.send_due(now)
    assert 3 <= states()["uncertain"] < 3 + LANES and states()["sent"] == 1
