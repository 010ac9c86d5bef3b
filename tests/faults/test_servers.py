"""A mail server that refuses, hangs up, does not answer, is away, or asks to go slower."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tests import factories as make
from tests.faults.rig import SEED, assert_exact, pick
from tests.faults.sink import Sink, always_ok, by_seed
from wagtail_drip.engine import tracking
from wagtail_drip.models import Delivery


def test_a_server_that_refuses_and_hangs_up(start, tell):
    amount = pick(300, 5000)
    make.deliveries(make.campaign(), amount)
    shares = {"451 rcpt": 0.1, "451 end": 0.1, "550 rcpt": 0.01, "550 end": 0.01, "drop data": 0.05}
    rig = start(Sink(by_seed(SEED, shares)))
    rig.start_clusters(2)
    rig.call_workers(4)
    rig.until_settled()
    assert_exact(tell(rig.account("451, 550, drops in the body")))
    words = defaultdict(list)
    for one in rig.sink.tries:
        words[one.recipient].append(one.word)
    for row in Delivery.objects.select_related("contact"):
        *earlier, last = words[row.contact.email]
        told = {"ok": "sent", "550 rcpt": "failed", "550 end": "failed"}[last]
        assert row.state == told, (row.state, words[row.contact.email])
        assert not {"ok", "550 rcpt", "550 end"}.intersection(earlier)


def test_answers_that_never_come(start, tell):
    """Taken, and then silence: those are in doubt and no other, until somebody knows."""
    make.deliveries(make.campaign(), pick(200, 2000))
    rig = start(Sink(by_seed(SEED, {"drop end": 0.03, "hang end": 0.02})), EMAIL_TIMEOUT=6)
    rig.start_clusters(2)
    rig.call_workers(4)
    rig.until_settled()
    silent = {one.message_id for one in rig.sink.tries if one.word != "ok"}
    doubtful = {row.message_id: row for row in Delivery.objects.filter(state="uncertain")}
    assert doubtful.keys() == silent and len(silent) >= 6
    assert set(Counter(one.message_id for one in rig.sink.tries).values()) == {1}
    assert_exact(tell(rig.account("no answer after the message")), doubt=len(silent))
    settled_by_people(rig, list(doubtful.values()))


def settled_by_people(rig, rows: list[Delivery]) -> None:
    """A webhook that comes late, the command and the admin settle what nobody knew."""
    by_webhook, marked, repeated, *others = rows
    rig.sink.plan = always_ok  # before anything is sent again, which is at once
    assert tracking.note(by_webhook.token, tracking.DELIVERED, timezone.now())
    call_command("drip_resolve", "--sent", str(marked.pk))
    call_command("drip_resolve", "--resend", str(repeated.pk))
    editor = Client()
    editor.force_login(get_user_model().objects.create_superuser("editor", "e@example.com", "x"))
    for word, chosen in (("sent", others[::2]), ("resend", others[1::2])):
        said = {"delivery": [row.pk for row in chosen], "word": word, "confirmed": "1"}
        assert editor.post("/admin/drip/resolve/", said).status_code == 302
    rig.call_workers(2)
    rig.until_settled()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    again = {row.message_id for row in [repeated, *others[1::2]]}
    times = Counter(one.message_id for one in rig.sink.taken)
    assert {message for message, number in times.items() if number == 2} == again
    assert max(times.values()) == 2


def test_an_outage(start, tell):
    amount, seconds, workers = pick(200, 2000), pick(8, 600), 4
    make.deliveries(make.campaign(), amount)
    rig = start(Sink(delay=0.004))
    rig.start_clusters(2)
    rig.call_workers(workers)
    rig.until_taken(amount // 4)
    rig.sink.greeting = "421 closed for now"
    begun = time.time()
    rig.go_on_for(seconds)
    ended = time.time()
    assert not Delivery.objects.filter(state__in=("failed", "uncertain")).exists()
    assert set(Delivery.objects.filter(state="waiting").values_list("attempts", flat=True)) == {0}
    rig.sink.greeting = ""
    rig.until_settled()
    assert_exact(tell(rig.account(f"an outage of {seconds} s")))
    tries = [at for at in rig.sink.connections if begun < at < ended]
    each_second = Counter(int(at - begun) for at in tries)
    assert max(each_second.values(), default=0) <= workers
    assert Delivery.objects.filter(state="sent").count() == amount


def test_a_server_that_asks_to_go_slower(start, tell):
    """The whole host rests, longer each time and not to the second; no message's try is burnt."""
    amount = pick(150, 1500)
    make.deliveries(make.campaign(), amount)
    rig = start(Sink(by_seed(SEED, {"421 rcpt": 0.02, "454 rcpt": 0.02})))
    rig.start_clusters(2)
    rig.call_workers(4)
    rig.until_settled()
    assert_exact(tell(rig.account("421 and 454")))
    refusals = sorted(one.ended for one in rig.sink.tries if one.word != "ok")
    assert len(refusals) >= 3
    for at in refusals:
        # Whoever had not heard of it yet hears it at their next message; then nobody goes on.
        rested = [one for one in rig.sink.tries if at + 0.3 < one.begun < at + 0.7]
        assert not rested
    assert set(Delivery.objects.values_list("state", "attempts")) == {("sent", 1)}
