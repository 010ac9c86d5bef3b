"""Real clusters, killed, refused and told to stop: nobody gets a mail twice, nobody loses one."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from itertools import groupby
from urllib.parse import urlsplit

from django.test import Client
from django.utils import timezone

from tests import factories as make
from tests.faults.rig import Rig
from tests.faults.sink import Sink, by_seed
from wagtail_drip.content.links import leave_url
from wagtail_drip.models import Consent, Delivery

SEED = 20260302


def test_workers_killed_while_they_send(start, tell):
    make.deliveries(make.campaign(), 1500)
    rig = start(Sink(delay=0.008))
    rig.start_clusters(2)
    rig.call_workers(4)
    rng = random.Random(SEED)
    for part in range(1, 6):
        rig.until_taken(part * 220)
        rig.until(lambda: rig.kill_a_sender(rng), "there is one to kill")
    rig.until_idle()
    account = tell(rig.account("workers killed"))
    assert (account.lost, account.doubled) == (0, 0)
    assert account.doubt <= account.kills == 5


def test_a_server_that_refuses_and_hangs_up(start, tell):
    make.deliveries(make.campaign(), 300)
    shares = {"451 rcpt": 0.1, "451 end": 0.1, "550 rcpt": 0.01, "550 end": 0.01, "drop data": 0.05}
    rig = start(Sink(by_seed(SEED, shares)))
    rig.start_clusters(2)
    rig.call_workers(4)
    while Delivery.objects.filter(state__in=Delivery.OPEN).exists():
        rig.until_idle()
        # Not to wait for half a minute: what may be tried again is due now.
        Delivery.objects.filter(state="waiting").update(due_at=timezone.now())
    account = tell(rig.account("451, 550, drops in the body"))
    assert (account.lost, account.doubled) == (0, 0)
    words = defaultdict(list)
    for one in rig.sink.tries:
        words[one.recipient].append(one.word)
    for row in Delivery.objects.select_related("contact"):
        *earlier, last = words[row.contact.email]
        assert (
            row.state
            == {"ok": "sent", "550": "failed", "drop data": "uncertain"}[
                last if last in ("ok", "drop data") else last[:3]
            ]
        ), (row.state, words[row.contact.email])
        assert not {"ok", "550 rcpt", "550 end"}.intersection(earlier)


def test_ticks_and_clusters_at_once_over_three_steps(start, tell):
    steps = [make.step(f"Step {number}") for number in (1, 2, 3)]
    nodes = {
        "n1": make.send(steps[0], "n2"),
        "n2": make.send(steps[1], "n3"),
        "n3": make.send(steps[2]),
    }
    people = make.enrollments(make.campaign(nodes=nodes), 150)
    rig = start(Sink())
    rig.start_clusters(2)
    rig.call_workers(4)
    ticks = [rig.start("drip_tick", "--until-idle") for _ in range(2)]
    rig.until_idle()
    assert [tick.wait(30) for tick in ticks] == [0, 0]
    account = tell(rig.account("ticks and clusters at once"))
    assert (account.planned, account.taken) == (450, 450)
    assert (account.lost, account.doubled, account.doubt) == (0, 0, 0)
    node_of = dict(Delivery.objects.values_list("message_id", "node"))
    in_order = sorted(rig.sink.taken, key=lambda one: (one.recipient, one.ended))
    for _who, mails in groupby(in_order, key=lambda one: one.recipient):
        assert [node_of[one.message_id] for one in mails] == ["n1", "n2", "n3"]
    assert {person.refresh_from_db() or person.state for person in people} == {"completed"}


def test_clusters_replaced_while_they_send(start, tell):
    make.deliveries(make.campaign(), 800)
    rig = start(Sink(delay=0.008))
    clusters = rig.start_clusters(2)
    rig.call_workers(4)
    for part in (1, 2):
        rig.until_taken(part * 200)
        clusters.pop(0).terminate()
        clusters += rig.start_clusters(1)
        rig.call_workers(2)
    rig.until_idle()
    account = tell(rig.account("clusters replaced"))
    assert (account.lost, account.doubled, account.doubt) == (0, 0, 0)


def leave_one_by_one(rows: list[Delivery], rig: Rig) -> dict[str, float]:
    """People click the link in their mail, whether it has come or not. When each was answered 200,
    by the Message-ID of the mail they must not get any more."""
    left: dict[str, float] = {}
    visitor = Client()
    for row in random.Random(SEED).sample(rows, len(rows)):
        if len(rig.sink.taken) + len(left) > 0.9 * len(rows):
            break
        path = urlsplit(leave_url(row.token)).path
        assert visitor.post(path).status_code == 200
        left[row.message_id] = time.time()
    return left


def test_who_leaves_while_mails_go_out_gets_none_a_second_later(start, tell):
    topic = make.topic()
    rows = make.deliveries(make.campaign(topic=topic), 500)
    Consent.objects.bulk_create(
        Consent(contact_id=row.contact_id, topic=topic, state="granted", changed_at=make.NOW)
        for row in rows
    )
    rig = start(Sink(delay=0.01))
    rig.start_clusters(1)
    rig.call_workers(2)
    rig.until_taken(10)
    left = leave_one_by_one(rows, rig)
    rig.until_idle()
    account = tell(rig.account("people leave"))
    assert (account.lost, account.doubled, account.doubt) == (0, 0, 0)
    too_late = [
        one for one in rig.sink.tries if one.begun > left.get(one.message_id, one.begun) + 1
    ]
    assert too_late == []
    assert Delivery.objects.filter(state="skipped", reason="unsubscribed").count() > 10
