"""django-q2 set as it should not be, and with the other broker: nothing rests on it."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django_q.conf import Conf
from redis import Redis
from redis.exceptions import RedisError

from tests import factories as make
from tests.faults.rig import SEED, assert_exact, pick
from tests.faults.sink import Sink
from wagtail_drip import checks

REDIS = "redis://127.0.0.1:6379/7"
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


@pytest.fixture
def redis(monkeypatch) -> Iterator[dict[str, Any]]:
    """This process's django-q2 uses it too; its settings are read at import."""
    client = Redis.from_url(REDIS)
    try:
        client.ping()
    except RedisError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Redis at {REDIS}: {error}")
    name = f"drip-faults-{uuid.uuid4().hex[:8]}"
    here = {"ORM": None, "REDIS": REDIS, "PREFIX": name, "CLUSTER_NAME": name}
    for option, value in here.items():
        monkeypatch.setattr(Conf, option, value)
    yield {"Q_CLUSTER.orm": None, "Q_CLUSTER.redis": REDIS, "Q_CLUSTER.name": name}
    for key in client.scan_iter(f"*{name}*"):
        client.delete(key)


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
