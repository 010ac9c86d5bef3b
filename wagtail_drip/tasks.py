"""The django-q2 edge: one schedule row, two tasks, and the nudge after a commit.

The database is the truth: whatever is lost here, the next tick finds. A site without django-q2
runs `drip_tick` from cron; then nothing here does anything.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache
from types import FrameType
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Q
from django.db.models.signals import post_migrate
from django.utils import timezone

from . import signals
from .conf import conf
from .models import Heartbeat

logger = logging.getLogger("wagtail_drip")

SCHEDULE = "wagtail_drip tick"
# A task that raises is not repeated (the next tick is), and successes don't crowd out the
# site's own results.
OPTIONS = {"ack_failure": True, "save": False}

# Another worker is called for each so many that are due.
WORTH_A_WORKER = 500
# A queued nudge that has not begun after this long counts as lost.
NUDGE_LOST = timedelta(seconds=5)
# Moments that lie further ahead than this were written by a clock that was wrong.
FAR = timedelta(minutes=1)
# The schedule's next run lies at most this far from now, or was set wrong or missed.
STRAYED = timedelta(minutes=3)


def connect() -> None:
    """Called once, when the apps are ready."""
    if not _has_cluster():
        return
    signals.work_waiting.connect(_on_work, dispatch_uid="wagtail_drip.tasks")
    post_migrate.connect(
        _on_migrate, sender=apps.get_app_config("django_q"), dispatch_uid="wagtail_drip.tasks"
    )


# Tasks


def tick() -> None:
    """Every minute: mend the schedule, call others to help where much is due, and pump."""
    # Imported where it runs: a web process, which only nudges, needs no channels and no MIME.
    from .engine import ticking

    _quietly(heal_schedule)
    per_worker = min(conf.SLICE, WORTH_A_WORKER)
    due = ticking.backlog(timezone.now(), per_worker * _workers())
    for _helper in range(min(_workers() - 1, due // per_worker)):
        _quietly(_enqueue)
    _pump(helps=False)


def pump() -> None:
    """Work off what is due. What is left after the time budget goes to another task."""
    _pump(helps=True)


def _pump(*, helps: bool) -> None:
    keep_shared()
    from .engine import stopping, ticking
    from .engine.retrying import was_cut

    with stopping.on_sigterm() as told:
        cluster_stops = _cluster_stops()
        try:
            done = ticking.pump(
                timezone.now, _budget(), stop=lambda: told() or cluster_stops(), helps=helps
            )
            unfinished = done.unfinished
        except Exception as error:
            if not was_cut(error):
                raise
            logger.exception("The database connection was cut; another task goes on")
            unfinished = True
        if unfinished:
            _quietly(_enqueue)


@cache
def keep_shared() -> None:
    """Let a worker's garbage collector pass over what it has inherited; once in each process.

    A collection writes into each object it looks at, and so gives every worker a copy of its own
    of what it shares with the process that forked it: some 40 MiB.
    """
    gc.freeze()


def nudge() -> None:
    """There is work: have a task look soon. At most one is queued, none while a pump runs.

    Never raises. Call it after a commit, or the task may look before there is anything.
    """
    if _has_cluster():
        _quietly(_nudge)


def _nudge() -> None:
    now = timezone.now()
    row = Heartbeat.objects.filter(pk=1).values_list("pump_until", "nudged_at").first()
    if row is None:
        Heartbeat.load()
    elif _is_spared(*row, now=now):
        return
    # In one short transaction: outside of one, django-q2 closes the connection to look afresh.
    with transaction.atomic():
        if Heartbeat.objects.filter(pk=1).filter(_not_spared(now)).update(nudged_at=now):
            _quietly(_heal_in_savepoint)
            _enqueue()


def _is_spared(pump_until: datetime | None, nudged_at: datetime | None, *, now: datetime) -> bool:
    running = pump_until is not None and now < pump_until <= now + FAR
    return running or (nudged_at is not None and now - NUDGE_LOST < nudged_at <= now + FAR)


def _not_spared(now: datetime) -> Q:
    """The same for the database, which alone can tell who of several came first."""
    far = now + FAR
    idle = Q(pump_until=None) | Q(pump_until__lte=now) | Q(pump_until__gt=far)
    lost = Q(nudged_at__lte=now - NUDGE_LOST) | Q(nudged_at__gt=far)
    return idle & (Q(nudged_at=None) | lost)


def _enqueue() -> None:
    from django_q.conf import Conf
    from django_q.tasks import async_task

    if Conf.SYNC:  # then it would run here and now, in the request
        return
    options = OPTIONS | ({"cluster": conf.CLUSTER} if conf.CLUSTER else {})
    async_task("wagtail_drip.tasks.pump", q_options=options)


def _budget() -> float:
    """Seconds for one pump: well below what the site's cluster kills or repeats tasks after."""
    from django_q.conf import Conf

    limits = [limit for limit in (Conf.TIMEOUT, Conf.RETRY) if limit]
    return min([conf.PUMP_SECONDS, *(limit * 0.6 for limit in limits)])


def _cluster_stops() -> Callable[[], bool]:
    """Tells whether the cluster that this worker belongs to is shutting down.

    django-q2 waits for its workers then and tells them nothing, so a deploy would wait for the
    whole budget. The sentinel, which knows, forked this worker: it is up our own stack.
    """
    from django_q.cluster import Sentinel

    frame: FrameType | None = sys._getframe()
    while frame := frame and frame.f_back:
        if isinstance(sentinel := frame.f_locals.get("self"), Sentinel):
            return sentinel.stop_event.is_set
    return lambda: False


def _workers() -> int:
    from django_q.conf import Conf

    return int(Conf.WORKERS)


# The schedule


def heal_schedule() -> bool:
    """Have exactly one schedule row, as it should be. True where something had to be mended."""
    from django_q.models import Schedule

    now = timezone.now()
    wanted = _wanted()
    rows = list(Schedule.objects.filter(name=SCHEDULE).order_by("pk"))
    if not rows:
        Schedule.objects.create(name=SCHEDULE, next_run=now, **wanted)
        return True
    first, *others = rows
    if others:
        Schedule.objects.filter(pk__in=[row.pk for row in others]).delete()
    changes = {name: value for name, value in wanted.items() if getattr(first, name) != value}
    # Missed runs would be replayed one by one where the site's cluster catches up.
    if first.next_run is None or abs(first.next_run - now) > STRAYED:
        changes["next_run"] = now
    if changes:
        Schedule.objects.filter(pk=first.pk).update(**changes)
    return bool(others or changes)


def _wanted() -> dict[str, Any]:
    return {
        "func": "wagtail_drip.tasks.tick",
        "hook": None,
        "args": None,
        "kwargs": repr({"q_options": OPTIONS}),
        "schedule_type": "I",
        "minutes": 1,
        "repeats": -1,
        "cron": None,
        "cluster": conf.CLUSTER,
        "intended_date_kwarg": None,
    }


def _on_work(**kwargs: Any) -> None:
    nudge()


def _on_migrate(plan: Iterable[tuple[Any, bool]] = (), **kwargs: Any) -> None:
    """`plan`: Django's, pairs of a migration and whether it was undone."""
    undone = {migration.app_label for migration, backwards in plan if backwards}
    # In a savepoint: with part of the migrations undone, the table may not be there.
    _quietly(_forget_schedule if "wagtail_drip" in undone else _heal_in_savepoint)


def _forget_schedule() -> None:
    """A site that takes the app out keeps no schedule that fails each minute."""
    from django_q.models import Schedule

    with transaction.atomic():
        Schedule.objects.filter(name=SCHEDULE).delete()


def _heal_in_savepoint() -> None:
    with transaction.atomic():
        heal_schedule()


def _has_cluster() -> bool:
    return apps.is_installed("django_q")


def _quietly(function: Any) -> None:
    try:
        function()
    except Exception:
        logger.exception("%s failed; the next tick tries again", function.__name__.strip("_"))
