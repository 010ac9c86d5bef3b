from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import OperationalError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django_q.cluster import Sentinel
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from wagtail_drip import api, tasks
from wagtail_drip.engine import ticking
from wagtail_drip.engine.ticking import Counts
from wagtail_drip.models import Event, Heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queue(monkeypatch):
    """The database as broker, whatever broker the environment names."""
    monkeypatch.setattr(Conf, "ORM", "default")
    OrmQ.objects.all().delete()


@pytest.fixture
def pumped(monkeypatch):
    calls = []

    def pump(clock, seconds, **options):
        calls.append(seconds)
        return Counts()

    monkeypatch.setattr(ticking, "pump", pump)
    return calls


def queued() -> list[str]:
    return [task.task["func"] for task in OrmQ.objects.all()]


# The schedule


def test_migrating_leaves_one_schedule_row():
    row = Schedule.objects.filter(name=tasks.SCHEDULE)
    assert row.update(next_run=timezone.now()) == 1  # the suite migrated minutes ago
    assert not tasks.heal_schedule()


@pytest.mark.parametrize(
    "damage",
    [
        {"repeats": 0},
        {"next_run": None},
        {"next_run": timezone.now() + timedelta(days=9)},
        {"next_run": timezone.now() - timedelta(days=9)},  # a cluster would replay each minute
        {"func": "other.task"},
        {"kwargs": "nonsense("},
        {"minutes": 60, "schedule_type": "D"},
        {"cluster": "elsewhere"},
    ],
)
def test_a_damaged_row_is_mended(damage):
    Schedule.objects.update(**{"next_run": timezone.now()} | damage)
    assert tasks.heal_schedule()
    row = Schedule.objects.get(name=tasks.SCHEDULE)
    assert abs(row.next_run - timezone.now()) < timedelta(minutes=2)
    assert all(getattr(row, name) == value for name, value in tasks._wanted().items())
    assert not tasks.heal_schedule()


def test_a_missing_row_is_made_and_a_second_one_removed():
    Schedule.objects.all().delete()
    assert tasks.heal_schedule()
    kept = Schedule.objects.get()
    Schedule.objects.create(name=tasks.SCHEDULE, func="x.y")
    other = Schedule.objects.create(name="the site's own", func="x.y")
    assert tasks.heal_schedule()
    assert set(Schedule.objects.all()) == {kept, other}


def test_django_q2_makes_our_task_of_the_row(monkeypatch):
    # It would close the connection that the test's transaction lives in.
    monkeypatch.setattr("django_q.scheduler.close_old_django_connections", lambda: None)
    Schedule.objects.update(next_run=timezone.now() - timedelta(seconds=1))
    scheduler()
    task = OrmQ.objects.get().task
    assert task["func"] == "wagtail_drip.tasks.tick"
    assert task["ack_failure"] is True and task["save"] is False
    assert Schedule.objects.get().next_run > timezone.now()


def test_another_cluster_may_be_named(settings):
    settings.WAGTAIL_DRIP_CLUSTER = "drip"
    tasks.heal_schedule()
    assert Schedule.objects.get().cluster == "drip"
    tasks.nudge()
    assert OrmQ.objects.get().key == "drip"


# The nudge


def test_many_nudges_queue_one_task():
    for _ in range(3):
        tasks.nudge()
    assert queued() == ["wagtail_drip.tasks.pump"]


def test_a_spared_nudge_costs_one_query(django_assert_num_queries):
    tasks.nudge()
    with django_assert_num_queries(1):
        tasks.nudge()


@pytest.mark.parametrize(
    ("beat", "enqueues"),
    [
        ({"pump_until": timedelta(seconds=9)}, 0),
        ({"pump_until": timedelta(seconds=-1)}, 1),  # that pump was killed
        ({"nudged_at": timedelta(seconds=-2)}, 0),
        ({"nudged_at": timedelta(seconds=-6)}, 1),  # that task was lost
        ({"pump_until": timedelta(hours=2)}, 1),  # that clock was wrong
        ({"nudged_at": timedelta(hours=2)}, 1),
    ],
)
def test_when_a_nudge_is_spared(beat, enqueues):
    row = {name: timezone.now() + delta for name, delta in beat.items()}
    Heartbeat.objects.update_or_create(pk=1, defaults=row)
    tasks.nudge()
    assert len(queued()) == enqueues


def test_of_two_at_once_the_database_picks_one(monkeypatch):
    tasks.nudge()
    monkeypatch.setattr(tasks, "_is_spared", lambda *args, now: False)
    tasks.nudge()
    assert len(queued()) == 1


def test_a_failing_broker_is_logged_and_the_nudge_not_remembered(monkeypatch, caplog):
    def fail():
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks, "_enqueue", fail)
    tasks.nudge()
    assert "no broker" in caplog.text
    assert Heartbeat.objects.get().nudged_at is None


@pytest.mark.django_db(transaction=True)
def test_recording_nudges_after_the_commit():
    with transaction.atomic():
        api.record("user_signed_up", email="ann@example.com")
        assert not queued()
    assert queued() == ["wagtail_drip.tasks.pump"]


@pytest.mark.django_db(transaction=True)
def test_a_failing_nudge_costs_the_caller_nothing(monkeypatch):
    def fail():
        raise RuntimeError

    monkeypatch.setattr(tasks, "_nudge", fail)
    api.record("user_signed_up", email="ann@example.com")
    assert Event.objects.count() == 1


def test_without_django_q2_all_is_quiet(monkeypatch, caplog):
    monkeypatch.setattr(apps, "is_installed", lambda name: False)
    tasks.connect()
    tasks.nudge()
    assert not queued() and not caplog.records


def test_nothing_runs_in_the_request_where_tasks_are_synchronous(monkeypatch, pumped):
    monkeypatch.setattr(Conf, "SYNC", True)
    tasks.nudge()
    assert not pumped


# The tasks


def test_tick_mends_the_schedule_and_pumps(pumped):
    Schedule.objects.all().delete()
    tasks.tick()
    assert Schedule.objects.count() == len(pumped) == 1


def test_the_tick_s_pump_is_the_minutes_own_and_others_help_it(monkeypatch):
    """Else nobody would ever brake a campaign, or each nudge would look for one to brake."""
    told = []
    monkeypatch.setattr(
        ticking, "pump", lambda clock, seconds, stop, helps: told.append(helps) or Counts()
    )
    tasks.tick()
    tasks.pump()
    assert told == [False, True]


@pytest.mark.parametrize(("due", "helpers"), [(0, 0), (99, 0), (100, 1), (500, 3)])
def test_tick_calls_as_many_to_help_as_there_is_work_for(
    due, helpers, monkeypatch, settings, pumped
):
    settings.WAGTAIL_DRIP_SLICE = 100
    monkeypatch.setattr(Conf, "WORKERS", 4)
    monkeypatch.setattr(ticking, "backlog", lambda now, most: due)
    tasks.tick()
    assert queued() == ["wagtail_drip.tasks.pump"] * helpers


def test_a_cut_connection_costs_no_more_than_the_task(monkeypatch):
    def pump(*args, **options):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(ticking, "pump", pump)
    monkeypatch.setattr(connection, "vendor", "postgresql")
    tasks.pump()
    assert queued() == ["wagtail_drip.tasks.pump"]


def test_other_trouble_is_not_tried_again_and_again(monkeypatch):
    monkeypatch.setattr(ticking, "pump", lambda *args, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tasks.pump()
    assert queued() == []


def test_a_worker_sees_that_its_cluster_stops():
    class Cluster(Sentinel):
        def __init__(self):
            self.stop_event = threading.Event()

        def spawn_worker(self):
            return tasks._cluster_stops()

    cluster = Cluster()
    stops = cluster.spawn_worker()
    assert not stops()
    cluster.stop_event.set()
    assert stops() and not tasks._cluster_stops()()


def test_what_is_left_goes_to_another_task(monkeypatch):
    monkeypatch.setattr(ticking, "pump", lambda clock, seconds, **kw: Counts(unfinished=True))
    tasks.pump()
    assert queued() == ["wagtail_drip.tasks.pump"]


@pytest.mark.parametrize(
    ("timeout", "retry", "seconds"), [(120, 300, 50), (None, 60, 36), (30, 60, 18)]
)
def test_a_pump_ends_well_before_the_cluster_kills_or_repeats_it(
    timeout, retry, seconds, monkeypatch, pumped
):
    monkeypatch.setattr(Conf, "TIMEOUT", timeout)
    monkeypatch.setattr(Conf, "RETRY", retry)
    tasks.pump()
    assert pumped == [seconds]


def test_errors_of_the_edge_do_not_stop_the_line(monkeypatch, pumped, caplog):
    def fail():
        raise RuntimeError("schedule")

    monkeypatch.setattr(tasks, "heal_schedule", fail)
    with caplog.at_level(logging.ERROR):
        tasks.tick()
    assert len(pumped) == 1 and "schedule" in caplog.text


def test_taking_the_app_out_takes_its_schedule_along():
    loader = MigrationLoader(connection)
    undone = loader.get_migration("wagtail_drip", "0001_initial")
    tasks._on_migrate(plan=[(undone, True)])
    assert not Schedule.objects.exists()
