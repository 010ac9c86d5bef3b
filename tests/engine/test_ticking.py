from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from wagtail import hooks

from tests import factories
from wagtail_drip.channels.base import Again, Sent
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.engine import ticking
from wagtail_drip.engine.connecting import Connections
from wagtail_drip.engine.ticking import Counts, backlog, pump, tick
from wagtail_drip.models import Delivery, Enrollment, Heartbeat

pytestmark = pytest.mark.django_db


class Line:
    """Stands in for the engine: `work` says how many events each pass finds, from the first."""

    def __init__(self, monkeypatch, work: list[int]):
        self.work, self.passes, self.seen = work, 0, []
        for name in ("recover", "advance_due", "send_due"):
            monkeypatch.setattr(ticking, name, lambda now, **options: 0)
        monkeypatch.setattr(ticking, "enroll_new", self.enroll_new)

    def enroll_new(self, now):
        self.passes += 1
        beat = Heartbeat.objects.get()
        self.seen.append((beat.pump_until, beat.nudged_at))
        return self.work.pop(0) if self.work else 0


def test_one_pass_runs_the_whole_line(now):
    factories.campaign()
    factories.event(factories.contact("ann@example.com"), at=now)
    counts = tick(now)
    assert (counts.events, counts.sent, counts.any) == (1, 1, True)
    assert mail.outbox[0].to == ["ann@example.com"]
    # Its delivery ended in this pass, so the person went on in this pass as well.
    assert Enrollment.objects.get().state == "completed"
    assert Heartbeat.objects.get().beat_at == now
    assert tick(now) == Counts()


def test_the_pass_does_its_duties_in_order(monkeypatch, now):
    done = []
    for name in ("recover", "enroll_new", "advance_due", "send_due"):
        monkeypatch.setattr(ticking, name, lambda now, name=name, **kw: done.append(name) or 1)
    assert tick(now) == Counts(recovered=1, events=1, advanced=2, sent=1)
    assert done == ["recover", "enroll_new", "advance_due", "send_due", "advance_due"]


def test_trouble_with_one_duty_is_raised_after_the_others_had_their_turn(monkeypatch, now):
    factories.campaign()
    factories.event(factories.contact())

    def recover(now):
        raise OSError("no room for a journal")

    monkeypatch.setattr(ticking, "recover", recover)
    with pytest.raises(OSError, match="no room"):
        tick(now)
    assert len(mail.outbox) == 1
    assert not Heartbeat.objects.filter(beat_at__isnull=False)


def test_each_duty_of_a_pass_is_told_when_it_begins(monkeypatch, now):
    """Those before the sending may take long, and a rest counts from the server's answer."""
    told = []
    moments = iter(now + timedelta(seconds=number) for number in range(1000))
    monkeypatch.setattr(ticking, "recover", lambda now, **options: told.append(now) or 0)
    monkeypatch.setattr(ticking, "send_due", lambda now, **options: told.append(now) or 0)
    with Connections() as connections:
        ticking._pass(lambda: next(moments), lambda: False, connections)
    assert len(told) == 2 and told[1] - told[0] >= timedelta(seconds=5)


def test_a_pump_in_trouble_leaves_no_heartbeat(monkeypatch, now):
    def enroll_new(now):
        raise ValueError("broken")

    monkeypatch.setattr(ticking, "enroll_new", enroll_new)
    with pytest.raises(ValueError):
        pump(lambda: now, 50)
    assert Heartbeat.objects.get().beat_at is None


def test_a_pump_goes_on_until_nothing_is_due_and_looks_once_more(monkeypatch, now):
    line = Line(monkeypatch, [3, 2])
    counts = pump(lambda: now, 50, monotonic=lambda: 0)
    assert (counts.events, counts.unfinished) == (5, False)
    assert line.passes == 4
    claimed = [until is not None for until, _nudged in line.seen]
    assert claimed == [True, True, True, False]


class Asked:
    """Counts how often each of the duties is asked; none finds anything."""

    def __init__(self, monkeypatch, *names: str) -> None:
        self.times = dict.fromkeys(names, 0)
        for name in names:
            monkeypatch.setattr(ticking, name, self._duty(name))

    def _duty(self, name):
        def duty(now, **options):
            self.times[name] += 1
            return 0

        duty.__name__ = name
        return duty


@pytest.mark.parametrize("helps", [False, True])
def test_what_a_nudge_may_be_about_is_asked_again_at_a_pump_s_end(monkeypatch, now, helps):
    """Nobody is told of the nudge that was spared: of the rest, the next tick thinks."""
    asked = Asked(monkeypatch, "resume_due", "import_due", "move_due", "recover")
    pump(lambda: now, 50, monotonic=lambda: 0, helps=helps)
    assert asked.times == {"resume_due": 2, "import_due": 2, "move_due": 1, "recover": 1}


@pytest.mark.parametrize(("helps", "times"), [(False, 1), (True, 0)])
def test_who_helps_leaves_the_minutes_own_duties_to_the_tick(monkeypatch, now, helps, times):
    asked = Asked(monkeypatch, "brake", "note_dates", "occur")
    monkeypatch.setattr(ticking, "SELDOM", (ticking.brake,))
    monkeypatch.setattr(ticking, "TIMELY", (ticking.note_dates, ticking.occur))
    pump(lambda: now, 50, monotonic=lambda: 0, helps=helps)
    assert set(asked.times.values()) == {times}


def test_who_helps_for_long_asks_what_time_brings_about_too(monkeypatch, now):
    asked = Asked(monkeypatch, "note_dates", "occur")
    Line(monkeypatch, [1] * 9)
    clock = iter(now + timedelta(seconds=seconds) for seconds in range(0, 10_000, 2))
    pump(lambda: next(clock), 50, monotonic=lambda: 0, helps=True)
    assert min(asked.times.values()) >= 1


def test_what_came_while_nudges_were_spared_is_found(monkeypatch, now):
    # Nothing, then an event just as the pump takes its claim back: it pumps on.
    line = Line(monkeypatch, [0, 1, 1, 0])
    assert pump(lambda: now, 50, monotonic=lambda: 0).events == 2
    assert line.passes == 5


def test_a_pump_stops_when_its_time_is_over_and_says_what_is_left(monkeypatch, now):
    line = Line(monkeypatch, [1] * 99)
    ticks = iter(range(0, 1000, 10))
    assert pump(lambda: now, 25, monotonic=lambda: next(ticks)).unfinished
    assert line.passes < 6
    assert Heartbeat.objects.get().pump_until is None


def test_a_pump_takes_the_nudge_and_claims_a_little_time_ahead(monkeypatch, now):
    Heartbeat.objects.update_or_create(pk=1, defaults={"nudged_at": now})
    line = Line(monkeypatch, [])
    pump(lambda: now, 50, monotonic=lambda: 0)
    assert line.seen[0] == (now + ticking.AHEAD, None)


@pytest.mark.parametrize(("refusals", "done"), [(2, True), (9, False)])
def test_a_pump_waits_for_a_short_rest_and_leaves_a_long_one_to_the_tick(now, refusals, done):
    """A server that asks to go slower now and then must not cost a minute each time."""
    factories.deliveries(factories.campaign(), 3)
    left, clock = [Again("454 slower", outage=True)] * refusals, [now, 0.0]

    def sleep(seconds: float) -> None:
        clock[:] = [clock[0] + timedelta(seconds=seconds), clock[1] + seconds]

    channel = MemoryChannel(lambda mail: left.pop() if left else Sent())
    with hooks.register_temporarily("register_drip_channels", lambda: {"email": channel}):
        pump(lambda: clock[0], 50, monotonic=lambda: clock[1], sleep=sleep)
    sent = Delivery.objects.filter(state="sent", attempts=1).count()
    assert sent == (3 if done else 0)
    assert 0.7 <= clock[1] <= 10 and (done or len(channel.tried) <= 4)


def test_a_killed_pumps_claim_runs_out_soon():
    assert timedelta(seconds=30) >= ticking.AHEAD


def test_backlog_counts_each_kind_up_to_a_bound(now):
    campaign = factories.campaign()
    factories.enrollments(campaign, 3)
    factories.enrollments(campaign, 1, due_at=now + timedelta(days=1))
    factories.deliveries(campaign, 2)
    factories.event(factories.contact())
    assert backlog(now, 10) == 6
    assert backlog(now, 2) == 5


def test_a_series_goes_out_in_order_and_once(now):
    first, second = factories.step("First"), factories.step("Second")
    nodes = {
        "n1": factories.send(first, "n2"),
        "n2": factories.wait("n3", amount=2),
        "n3": factories.send(second),
    }
    factories.campaign(nodes=nodes)
    factories.event(factories.contact("ann@example.com"))
    for days in (0, 1, 2, 3):
        pump(lambda days=days: now + timedelta(days=days), 50)
    assert [message.subject for message in mail.outbox] == ["First", "Second"]
    second_one = Delivery.objects.get(node="n3")
    assert second_one.created_at == now + timedelta(days=2)


def test_a_crowd_is_decided_in_several_batches_and_mails_go_out_in_between(monkeypatch, now):
    left, done = [5], []

    def advance_due(now):
        done.append("batch")
        left[0] = max(0, left[0] - 1)
        return ticking.BATCH if left[0] else 1

    def send_due(now, connections, **options):
        done.append("crowded" if connections.crowded else "at leisure")
        return 0

    monkeypatch.setattr(ticking, "advance_due", advance_due)
    monkeypatch.setattr(ticking, "send_due", send_due)
    with Connections() as connections:
        for _pass in range(2):
            ticking._pass(lambda: now, lambda: False, connections)
    assert done == ["batch"] * 3 + ["crowded"] + ["batch"] * 2 + ["at leisure"]


def test_while_a_crowd_is_decided_slices_are_short():
    with Connections() as connections:
        connections.went(4000, 8.0)
        usual = connections.slice_size()
        connections.crowded = True
        assert connections.slice_size() == usual // 10
