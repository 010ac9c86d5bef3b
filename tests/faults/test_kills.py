"""Workers and clusters killed, replaced, or with a wrong clock, while they send."""

from __future__ import annotations

import random

import pytest

from tests import factories as make
from tests.faults.rig import SEED, assert_exact, pick
from tests.faults.sink import Sink

WORKERS = pick(2, 4)  # of a cluster
SIZE = {"Q_CLUSTER.workers": WORKERS, "Q_CLUSTER.queue_limit": WORKERS}
# Seconds that the server takes for a message: long enough to be killed amid one.
DELAY = pick(0.008, 0.004)


@pytest.mark.parametrize("connections", [1, 4])
def test_workers_killed_while_they_send(start, tell, connections):
    amount, kills = pick(600, 10_000), pick(4, 20)
    make.deliveries(make.campaign(), amount)
    rig = start(Sink(delay=DELAY), WAGTAIL_DRIP_CONNECTIONS=connections, **SIZE)
    rig.start_clusters(2)
    rig.call_workers(2 * WORKERS)
    rng = random.Random(SEED)
    for part in range(1, kills + 1):
        rig.until_taken(part * amount * 3 // 4 // kills)
        rig.until(lambda: rig.kill_a_sender(rng), "there is one to kill")
    rig.until_settled()
    account = tell(rig.account(f"workers killed, connections: {connections}"))
    assert rig.kills == kills
    assert_exact(account, doubt=rig.may_be_in_doubt)


def test_clusters_killed_and_started_again(start, tell):
    amount, kills = pick(600, 10_000), pick(2, 10)
    make.deliveries(make.campaign(), amount)
    rig = start(Sink(delay=pick(0.008, 0.04)), **SIZE)  # so slow that the last kill is amid it too
    clusters = rig.start_clusters(2)
    rig.call_workers(2 * WORKERS)
    for part in range(1, kills + 1):
        rig.until_taken(part * amount * 3 // 4 // kills)
        killed = clusters.pop(0)
        rig.until(lambda: rig.claims_of(killed), "it sends")  # noqa: B023
        rig.kill_cluster(killed)
        rig.go_on_for(pick(0.1, 2))
        clusters += rig.start_clusters(1)
        rig.call_workers(WORKERS)
    rig.until_settled()
    account = tell(rig.account("clusters killed"))
    assert rig.kills >= kills
    assert_exact(account, doubt=rig.may_be_in_doubt)


def test_clusters_replaced_while_they_send(start, tell):
    """As a deploy does it. None of them is in doubt about its last message."""
    amount, deploys = pick(700, 6000), pick(2, 10)
    make.deliveries(make.campaign(), amount)
    rig = start(Sink(delay=DELAY), **SIZE)
    clusters = rig.start_clusters(2)
    rig.call_workers(2 * WORKERS)
    for part in range(1, deploys + 1):
        rig.until_taken(part * amount * 3 // 4 // deploys)
        clusters.pop(0).terminate()
        clusters += rig.start_clusters(1)
        rig.call_workers(WORKERS)
    rig.until_settled()
    assert_exact(tell(rig.account("clusters replaced")))


def test_a_host_whose_clock_is_off_by_two_hours(start, tell):
    """Leases are by the database's clock; what is due early or late is one thing, twice another."""
    amount = pick(400, 4000)
    make.deliveries(make.campaign(), amount)
    rig = start(Sink(delay=DELAY), **SIZE)
    rig.start_clusters(1)
    rig.start_clusters(1, CLOCK_OFFSET=7200)
    rig.start_clusters(1, CLOCK_OFFSET=-7200)
    rig.call_workers(3 * WORKERS)
    rng = random.Random(SEED)
    for part in (1, 2, 3):
        rig.until_taken(part * amount // 4)
        rig.until(lambda: rig.kill_a_sender(rng), "there is one to kill")
    rig.until_settled()
    assert_exact(tell(rig.account("clocks off by 2 h")), doubt=rig.may_be_in_doubt)
