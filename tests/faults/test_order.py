"""Several clusters and ticks on the same people: each gets each mail once, in the flow's order."""

from __future__ import annotations

from itertools import groupby

from tests import factories as make
from tests.faults.rig import assert_exact, pick
from wagtail_drip.models import Delivery, Enrollment

STEPS = 5


def test_two_then_four_clusters_over_five_steps(start, tell):
    amount = pick(100, 10_000)
    names = [f"n{number}" for number in range(1, STEPS + 1)]
    nodes = {
        name: make.send(make.step(f"Step {name}"), follower)
        for name, follower in zip(names, [*names[1:], ""], strict=True)
    }
    make.enrollments(make.campaign(nodes=nodes), amount)
    rig = start(WAGTAIL_DRIP_SLICE=pick(60, 500))
    rig.start_clusters(2)
    rig.call_workers(4)
    ticks = [rig.start("drip_tick", "--until-idle") for _ in range(2)]
    rig.until_taken(amount)
    rig.start_clusters(2)
    rig.call_workers(4)
    rig.until_settled()
    assert [tick.wait(60) for tick in ticks] == [0, 0]
    account = tell(rig.account("two, then four clusters, five steps"))
    assert (account.planned, account.taken) == (STEPS * amount, STEPS * amount)
    assert_exact(account)
    node_of = dict(Delivery.objects.values_list("message_id", "node"))
    in_order = sorted(rig.sink.taken, key=lambda one: (one.recipient, one.ended))
    for _who, mails in groupby(in_order, key=lambda one: one.recipient):
        assert [node_of[one.message_id] for one in mails] == names
    assert set(Enrollment.objects.values_list("state", flat=True)) == {"completed"}
