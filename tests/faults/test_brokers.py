"""django-q2 set as it should not be, and with the other broker: nothing rests on it."""

from __future__ import annotations

import random

from django.core.management import call_command

from tests import factories as make
from tests.faults.rig import SEED, assert_exact, pick
from tests.faults.sink import Sink
from wagtail_drip import checks

WRONG = {
    "timeout": None, "retry": 5, "queue_limit": 50, "bulk": 10, "max_attempts": 0,
    "ack_failures": False, "catch_up": True,
}  # fmt: skip


def test_tasks_that_run_twice_send_nothing_twice(start, tell, settings):
    amount = pick(500, 5000)
    make.deliveries(make.campaign(), amount)
    rig = start(Sink(delay=pick(0.02, 0.005)), **{f"Q_CLUSTER.{k}": v for k, v in WRONG.items()})
    rig.start_clusters(2)
    rig.call_workers(12)
    rig.until_settled()
    assert_exact(tell(rig.account("tasks repeated after 5 s")))
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, **WRONG}
    found = {one.id.partition(".")[2]: one.hint for one in checks.cluster()}
    assert found.keys() == {"W010", "W012", "W013", "W014", "W015"} and all(found.values())


def test_a_worker_lost_with_its_task_costs_nothing_but_time(start, tell, redis):
    """Redis hands a task out once: a killed worker's is gone."""
    amount, kills = pick(500, 5000), pick(3, 10)
    make.deliveries(make.campaign(), amount)
    rig = start(Sink(delay=0.008), **redis)
    clusters = rig.start_clusters(2)
    rig.call_workers(4)
    rng = random.Random(SEED)
    for part in range(1, kills + 1):
        rig.until_taken(part * amount * 2 // 3 // kills)
        rig.until(lambda: rig.kill_a_sender(rng), "there is one to kill")
    rig.kill_cluster(clusters.pop())
    rig.start_clusters(1)
    rig.until_settled()
    assert_exact(tell(rig.account("Redis, workers killed")), doubt=rig.may_be_in_doubt)
    call_command("check", "--tag", "wagtail_drip")
