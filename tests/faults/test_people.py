"""What people and editors say while mails go out holds at once for all that has not begun."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from django.test import Client
from django.utils import timezone

from tests import factories as make
from tests.faults.rig import SEED, Rig, assert_exact, pick
from tests.faults.sink import Sink
from wagtail_drip.content.links import leave_url
from wagtail_drip.engine import tracking
from wagtail_drip.engine.erasing import erase
from wagtail_drip.models import Consent, Delivery

AT_ONCE = 1.0  # seconds after the answer
AFTER_A_PAUSE = 5.0
Tell = Callable[[Delivery], object]


def by_link(row: Delivery) -> None:
    assert Client().post(urlsplit(leave_url(row.token)).path).status_code == 200


def bounce(row: Delivery) -> None:
    """Of an earlier mail of theirs: the provider may be late."""
    tracking.note(earlier(row).token, tracking.BOUNCED, timezone.now(), bounce_type=tracking.HARD)


def complain(row: Delivery) -> None:
    tracking.note(earlier(row).token, tracking.COMPLAINED, timezone.now())


def forget(row: Delivery) -> None:
    erase(row.contact, now=timezone.now())


def earlier(row: Delivery) -> Delivery:
    return Delivery.objects.get(contact_id=row.contact_id, state="sent", node="n0")


WAYS: dict[str, Tell] = {
    "unsubscribed": by_link, "suppressed": bounce, "complained": complain, "erased": forget,
}  # fmt: skip


def too_late(rig: Rig, told: dict[str, float], seconds: float) -> list[object]:
    """Messages that began so long after their person's word was answered."""
    return [
        one
        for one in rig.sink.tries
        if one.message_id in told and one.begun > told[one.message_id] + seconds
    ]


def test_who_leaves_while_mails_go_out_gets_none_a_second_later(start, tell):
    topic = make.topic()
    campaign = make.campaign(topic=topic)
    rows = make.deliveries(campaign, pick(400, 4000))
    for_earlier = make.campaign("earlier", topic=topic, nodes={"n0": make.send(make.step())})
    for row in rows:
        inside = make.enrollment(for_earlier, row.contact, state="completed", due_at=None)
        make.delivery(inside, state="sent", node="n0", message_id=f"<old{row.pk}@example.com>")
    Consent.objects.bulk_create(
        Consent(contact_id=row.contact_id, topic=topic, state="granted", changed_at=make.NOW)
        for row in rows
    )
    rig = start(Sink(delay=0.02))
    rig.start_clusters(1)
    rig.call_workers(2)
    rig.until_taken(10)
    told: dict[str, float] = {}
    ways = list(WAYS.values())
    for number, row in enumerate(random.Random(SEED).sample(rows, len(rows))):
        if len(rig.sink.taken) + len(told) > 0.9 * len(rows):
            break
        ways[number % len(ways)](row)
        told[row.message_id] = time.time()
    rig.until_settled()
    Delivery.objects.filter(node="n0").delete()
    assert_exact(tell(rig.account("people leave, bounce, complain, are erased")))
    assert too_late(rig, told, AT_ONCE) == []
    skipped = Delivery.objects.filter(state="skipped").values_list("reason", flat=True)
    assert {"unsubscribed", "suppressed", "erased"} <= set(skipped) and len(skipped) > 5


def test_a_paused_campaign_rests_and_a_stopped_one_ends(start, tell):
    campaign, other = make.campaign(), make.campaign("other")
    rows = make.deliveries(campaign, pick(200, 2000))
    others = make.deliveries(other, pick(200, 2000))
    rig = start(Sink(delay=0.02))
    rig.start_clusters(1)
    rig.call_workers(2)
    rig.until_taken(20)
    campaign.pause(timezone.now())
    paused = dict.fromkeys((row.message_id for row in rows), time.time())
    rig.until_taken(len(rig.sink.taken) + 20)
    other.unpublish()
    stopped = dict.fromkeys((row.message_id for row in others), time.time())
    rig.go_on_for(AFTER_A_PAUSE + 2)
    assert too_late(rig, paused, AFTER_A_PAUSE) == []
    assert too_late(rig, stopped, AT_ONCE) == []
    assert Delivery.objects.filter(campaign=campaign, state="waiting").exists()
    campaign.resume(timezone.now())
    rig.call_workers(2)
    rig.until_settled()
    assert_exact(tell(rig.account("paused, stopped")))
    assert set(Delivery.objects.filter(campaign=campaign).values_list("state", flat=True)) == {
        "sent"
    }
    assert Delivery.objects.filter(campaign=other, state="skipped", reason="stopped").exists()
