"""A slice goes out while the next is made: what holds for one holds for the one that waits."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection, connections
from wagtail import hooks

from tests import factories as make
from wagtail_drip.channels.base import Again, Sent
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.engine import dispatching, recovering, resting, sending, ticking, transmitting
from wagtail_drip.engine.connecting import Connections
from wagtail_drip.engine.dispatching import Dispatcher
from wagtail_drip.engine.settling import ALONE
from wagtail_drip.engine.transmitting import Slice
from wagtail_drip.models import Campaign, Delivery, Enrollment

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time"),
]
SLICE = 4


class Relay:
    """Holds the first message back until the second slice is made, or `open` is set."""

    def __init__(self) -> None:
        self.channel = MemoryChannel(self.take)
        self.begun, self.open = threading.Event(), threading.Event()
        self.threads, self.outcome = set(), lambda mail: Sent()

    def take(self, mail):
        self.threads.add(threading.current_thread().name)
        self.begun.set()
        assert self.open.wait(20)
        return self.outcome(mail)


@pytest.fixture
def relay(site_rows, settings):
    settings.WAGTAIL_DRIP_SLICE = SLICE
    relay = Relay()
    with hooks.register_temporarily("register_drip_channels", lambda: {"email": relay.channel}):
        yield relay


@pytest.fixture
def two_made(monkeypatch, relay):
    """Once the first message is under way and two slices are made: what it is given happens, and
    the relay answers."""
    real, made, happens = sending.make_mails, [], []

    def make_mails(claimed, now):
        mails = real(claimed, now)
        made.append(len(mails))
        if len(made) == 2:
            assert relay.begun.wait(20)
            for one in happens:
                one()
            relay.open.set()
        return mails

    monkeypatch.setattr(sending, "make_mails", make_mails)
    return happens.append


@pytest.fixture
def long_wait(monkeypatch):
    """Seconds go by for each slice that waits for its turn."""
    real = Slice.put_aside

    def put_aside(slice_: Slice) -> None:
        real(slice_)
        slice_.checked -= 2 * transmitting.RECHECK

    monkeypatch.setattr(Slice, "put_aside", put_aside)


def states() -> dict[str, int]:
    found = list(Delivery.objects.values_list("state", flat=True))
    return {state: found.count(state) for state in sorted(set(found))}


def test_one_slice_goes_out_while_the_next_is_made(now, relay, two_made):
    make.deliveries(make.campaign(), 3 * SLICE)
    waiting = []
    two_made(lambda: waiting.append(len(relay.channel.taken)))
    assert ticking.pump(lambda: now, 50).sent == 3 * SLICE
    assert waiting == [0], "the second was made before the first message was answered"
    assert states() == {"sent": 3 * SLICE}
    assert len({mail.to for mail in relay.channel.taken}) == len(relay.channel.tried) == 3 * SLICE
    assert relay.channel.opened == 1 and threading.main_thread().name not in relay.threads
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}


def test_who_leaves_while_their_slice_waits_gets_nothing(now, relay, two_made, long_wait):
    topic = make.topic()
    campaign = make.campaign(topic=topic)
    rows = make.deliveries(campaign, 2 * SLICE)
    for row in rows:
        make.consent(row.contact, topic)
    two_made(lambda: Enrollment.objects.update(state="left", reason="unsubscribed", due_at=None))
    ticking.pump(lambda: now, 50)
    # Those of the first slice are looked at within a second; those of the second at their turn.
    assert states().get("sent", 0) <= SLICE and states()["skipped"] >= SLICE


def test_a_pause_while_a_slice_waits_gives_it_back(now, relay, two_made, long_wait):
    make.deliveries(make.campaign(), 2 * SLICE)
    two_made(lambda: Campaign.objects.update(paused_at=now))
    ticking.pump(lambda: now, 50)
    waiting = Delivery.objects.filter(state="waiting")
    assert waiting.count() >= SLICE and set(waiting.values_list("attempts", "claim")) == {(0, "")}


def test_an_outage_puts_off_the_slice_that_waits(now, relay, two_made):
    make.deliveries(make.campaign(), 2 * SLICE)
    relay.outcome = lambda mail: Again("421 busy", outage=True)
    rests = threading.Event()
    ticking.pump(lambda: now, 50, sleep=lambda seconds: rests.set(), stop=rests.is_set)
    assert len(relay.channel.tried) == 1 and states() == {"waiting": 2 * SLICE}
    due = set(Delivery.objects.values_list("due_at", "attempts"))
    assert due == {(resting.resting_until(now), 0)}


def test_who_has_had_enough_begins_nothing_that_waits(now, relay, two_made):
    make.deliveries(make.campaign(), 2 * SLICE)
    stopped = threading.Event()
    two_made(stopped.set)
    assert ticking.pump(lambda: now, 50, stop=stopped.is_set).unfinished
    assert states() == {"sent": 1, "waiting": 2 * SLICE - 1}
    assert set(Delivery.objects.filter(state="waiting").values_list("attempts")) == {(0,)}


def test_a_suspect_is_made_when_nothing_is_on_its_way(now, relay, monkeypatch):
    """If it kills its worker again, no other's message is in doubt."""
    campaign = make.campaign()
    make.deliveries(campaign, SLICE)
    suspect, *others = make.deliveries(campaign, SLICE)
    later = now + timedelta(seconds=1)
    Delivery.objects.filter(pk__in=[row.pk for row in others]).update(due_at=later)
    Delivery.objects.filter(pk=suspect.pk).update(claim=ALONE, due_at=later)
    real_make, real_claim, answered = sending.make_mails, sending.claim, {}

    def make_mails(claimed, now):
        answered[len(claimed)] = len(relay.channel.taken)
        return real_make(claimed, now)

    def claim(*args):
        claimed = real_claim(*args)
        if claimed.alone:  # it waits from here on
            threading.Timer(0.3, relay.open.set).start()
        return claimed

    monkeypatch.setattr(sending, "make_mails", make_mails)
    monkeypatch.setattr(sending, "claim", claim)
    assert ticking.pump(lambda: later, 50).sent == 2 * SLICE
    assert (answered[SLICE], answered[1]) == (0, SLICE) and states() == {"sent": 2 * SLICE}


def test_trouble_with_one_slice_is_told_and_spoils_no_other(now, relay, monkeypatch):
    make.deliveries(make.campaign(), 3 * SLICE)
    relay.open.set()
    real, failed = dispatching._transmit, []

    def send(prepared):
        if not failed:
            failed.append(prepared)
            raise ValueError("broken")
        return real(prepared)

    monkeypatch.setattr(dispatching, "_transmit", send)
    with pytest.raises(ValueError, match="broken"):
        ticking.pump(lambda: now, 50)
    # The other slice went out or back, as it came: none of it is in doubt.
    assert states()["sending"] == SLICE and "uncertain" not in states()
    failed[0].slice.journal.close()  # as its worker's end does
    recovering.recover(now)
    ticking.pump(lambda: now, 50)
    assert states() == {"sent": 3 * SLICE}


def test_a_slice_that_never_begins_goes_back_as_it_came(now, relay, monkeypatch):
    """The database was gone when its turn came: nobody is blamed, and nothing waits for a lease."""
    make.deliveries(make.campaign(), 2 * SLICE)
    relay.open.set()
    real, asked = dispatching.read_committed, []

    def read_committed():
        asked.append(1)
        if len(asked) == 1:
            raise OperationalError("the database is gone")
        return real()

    monkeypatch.setattr(dispatching, "read_committed", read_committed)
    with pytest.raises(OperationalError, match="is gone"):
        ticking.pump(lambda: now, 50)
    waiting = Delivery.objects.filter(state="waiting").values_list("claim", "attempts")
    assert set(waiting) == {("", 0)} and "sending" not in states() and "uncertain" not in states()
    ticking.pump(lambda: now, 50)
    assert states() == {"sent": 2 * SLICE}


def test_what_is_no_slice_is_left_to_whoever_is_free_first(now, relay, monkeypatch):
    """It could not begin before the slice in hand has gone; just before that, all is taken."""
    make.deliveries(make.campaign(), SLICE + 1)
    sizes, real = [], sending.make_mails

    def make_mails(claimed, now):
        sizes.append((len(claimed), len(relay.channel.taken)))
        return real(claimed, now)

    monkeypatch.setattr(sending, "make_mails", make_mails)
    with Connections() as connections_, Dispatcher(connections_) as dispatcher:
        connections_.crowded = True  # so that nothing is waited for
        assert dispatcher.send_due(now) == dispatcher.send_due(now) == 0
        assert relay.begun.wait(20) and sizes == [(SLICE, 0)]
        relay.open.set()
        connections_.crowded = False
        assert dispatcher.send_due(now) + dispatcher.send_due(now) == SLICE + 1
    assert sizes[1][0] == 1 and states() == {"sent": SLICE + 1}


def test_who_waits_is_looked_at_before_its_turn(now, relay, long_wait, monkeypatch):
    """So that the thread goes on at once: by the worker's own thread, when the end is near."""
    make.deliveries(make.campaign(), 2 * SLICE)
    looks, real = [], Slice.look

    def look(slice_):
        looks.append((threading.current_thread().name, len(relay.channel.taken), slice_.checked))
        real(slice_)
        looks.append(slice_.checked)
        relay.open.set()

    monkeypatch.setattr(Slice, "look", look)
    with Connections() as connections_, Dispatcher(connections_) as dispatcher:
        connections_.pace = 10.0  # a second: the end is near from the first message on
        while not looks:
            dispatcher.send_due(now)
        dispatcher.finish()
    assert states() == {"sent": 2 * SLICE}
    (thread, gone, before), after = looks[:2]
    assert thread == threading.current_thread().name and gone == 0 and after > before


def test_an_old_look_is_none(now, relay, monkeypatch):
    """Its turn came later than was thought: not one goes on what was seen while it waited."""
    make.deliveries(make.campaign(), 2 * SLICE)
    real = Slice.look

    def look(slice_):
        slice_.checked -= 2 * transmitting.RECHECK
        real(slice_)
        slice_.checked -= 2 * transmitting.RECHECK
        Enrollment.objects.update(state="left", reason="unsubscribed", due_at=None)
        relay.open.set()

    monkeypatch.setattr(Slice, "look", look)
    with Connections() as connections_, Dispatcher(connections_) as dispatcher:
        connections_.pace = 10.0
        while not relay.open.is_set():
            dispatcher.send_due(now)
        dispatcher.finish()
    assert states()["skipped"] >= SLICE


def test_where_a_rate_holds_nothing_waits(now, relay):
    make.deliveries(make.campaign(rate=600), 2 * SLICE)
    relay.open.set()
    with Connections() as connections_, Dispatcher(connections_) as dispatcher:
        before = Delivery.objects.filter(state="sending").count()
        assert dispatcher.send_due(now) > 0 and before == 0
        assert not Delivery.objects.filter(state="sending").exists()


def kill_once_another_waits(relay: Relay, now) -> None:
    waits, real = threading.Event(), Slice.put_aside

    def put_aside(slice_: Slice) -> None:
        real(slice_)
        waits.set()

    def die(mail) -> None:
        assert waits.wait(20)
        os.kill(os.getpid(), signal.SIGKILL)

    relay.outcome = die
    with patch.object(Slice, "put_aside", put_aside):
        ticking.pump(lambda: now, 50)


def test_a_kill_blames_nobody_who_waits(now, relay):
    """One is in doubt; of the slice that waits none is under suspicion, and none burns a try."""
    make.deliveries(make.campaign(), 2 * SLICE)
    relay.open.set()
    connections.close_all()
    pid = os.fork()
    if not pid:
        try:
            kill_once_another_waits(relay, now)
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    assert states() == {"sending": 2 * SLICE}
    assert recovering.recover(now) == 2 * SLICE
    assert states() == {"uncertain": 1, "waiting": 2 * SLICE - 1}
    waiting = Delivery.objects.filter(state="waiting").values_list("claim", "attempts")
    assert set(waiting) == {("", 0)}
    ticking.pump(lambda: now + timedelta(seconds=1), 50)
    assert states() == {"sent": 2 * SLICE - 1, "uncertain": 1}
