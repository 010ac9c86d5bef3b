"""One file, one cluster, and a site that writes to it at the same time."""

from __future__ import annotations

import random
from itertools import count

from django.test import Client

from tests import factories as make
from tests.faults.rig import SEED, assert_exact, pick
from tests.faults.sink import Sink
from tests.faults.visitors import visiting
from wagtail_drip import api
from wagtail_drip.models import Delivery


def test_one_cluster_is_killed_while_visitors_write(start, tell):
    amount, kills = pick(400, 2000), pick(3, 5)
    campaign = make.campaign()
    make.deliveries(campaign, amount)
    rig = start(Sink(delay=0.004))
    rig.start_clusters(1)
    rig.call_workers(2)
    numbers = count()

    def sign_up(number: int) -> None:
        api.record("user_signed_up", email=f"v{next(numbers)}@visitors.example", key=str(number))

    def look(number: int) -> None:
        assert Client().get("/").status_code in (200, 302, 404)

    rng = random.Random(SEED)
    with visiting(sign_up, look, sign_up) as visitors:
        for part in range(1, kills + 1):
            rig.until_taken(part * amount * 2 // 3 // kills)
            rig.until(lambda: rig.kill_a_sender(rng), "there is one to kill")
    rig.until_settled()
    assert visitors.errors == [] and visitors.done > 20
    assert_exact(tell(rig.account("SQLite, workers killed")), doubt=rig.may_be_in_doubt)
    assert Delivery.objects.count() > amount
