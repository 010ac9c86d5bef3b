"""One slice goes out: statuses, outcomes, and what must stop it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail as django_mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from wagtail import hooks
from wagtail.models import Locale

from tests import factories as make
from wagtail_drip import signals
from wagtail_drip.channels.base import Again, Refused, Sent, Uncertain
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.content.personalizing import Fault, Hold
from wagtail_drip.engine import answering, journal, resting, sending, transmitting
from wagtail_drip.engine.journal import NoJournal
from wagtail_drip.models import Campaign, Contact, Delivery, Enrollment, Heartbeat, Step
from wagtail_drip.models.consent import suppress

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel():
    channel = MemoryChannel()
    with hooks.register_temporarily("register_drip_channels", lambda: {"email": channel}):
        yield channel


def only(**fields) -> Delivery:
    """One delivery, due now, with its enrollment."""
    [row] = make.deliveries(make.campaign(**fields), 1)
    return row


def again(row):
    return type(row).objects.get(pk=row.pk)


def again_after_sending(row, now):
    sending.send_due(now)
    return again(row)


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def test_what_is_due_is_sent_and_its_people_go_on(now):
    row = only()
    assert sending.send_due(now) == 1
    row, enrollment = again(row), again(row.enrollment)
    assert (row.state, row.settled_at, row.attempts, row.claim) == ("sent", now, 1, "")
    assert row.step.translation_key == row.step_key
    assert (enrollment.arrived_at, enrollment.due_at) == (now, now)
    [message] = django_mail.outbox
    assert message.to == [row.contact.email]
    assert message.extra_headers["Message-ID"] == row.message_id


def test_sent_once_is_never_due_again(now, channel):
    only()
    assert [sending.send_due(now), sending.send_due(now + timedelta(days=9))] == [1, 0]
    assert len(channel.tried) == 1


def test_nothing_due_leaves_nothing_behind(now, channel):
    make.deliveries(make.campaign(), 1, due_at=now + timedelta(seconds=1))
    assert sending.send_due(now) == 0
    assert channel.opened == 0 and not list(journal.folder().iterdir())


def test_higher_priority_goes_first_then_the_longest_due(now, channel):
    campaign = make.campaign()
    [late] = make.deliveries(campaign, 1, due_at=now)
    [early] = make.deliveries(campaign, 1, due_at=now - timedelta(hours=1))
    [urgent] = make.deliveries(campaign, 1, priority=5)
    sending.send_due(now)
    assert [mail.metadata["drip"] for mail in channel.taken] == [
        row.token for row in (urgent, early, late)
    ]


def test_one_mail_a_person_and_slice(now, channel):
    person = make.contact()
    for slug in ("a", "b"):
        make.delivery(make.enrollment(make.campaign(slug), person))
    assert sending.send_due(now) == 1
    assert states() == ["sent", "waiting"]


def test_limit_is_the_most_one_slice_takes(now, channel):
    make.deliveries(make.campaign(), 5)
    assert [sending.send_due(now, 3), sending.send_due(now, 3)] == [3, 2]


def test_sender_reply_list_and_tags_come_from_step_and_campaign(now, channel):
    step = make.step(sender_name='The "Step"')
    topic = make.topic()
    row = only(
        nodes={"n1": make.send(step)},
        topic=topic,
        sender_email="camp@example.com",
        reply_to="help@example.com",
    )
    make.consent(row.contact, topic)
    sending.send_due(now)
    [mail] = channel.taken
    assert mail.from_email == '"The \\"Step\\"" <camp@example.com>'
    assert (mail.reply_to, mail.tags) == ("help@example.com", ("welcome",))
    assert mail.metadata == {"drip": row.token}
    assert mail.headers["List-Id"].startswith(f"<topic-{topic.pk}.")


# Outcomes


def test_refused_fails_with_the_servers_words(now, channel):
    channel.answer = lambda mail: Refused("550 no such user")
    row = only()
    sending.send_due(now)
    row = again(row)
    assert (row.state, row.reason) == ("failed", "550 no such user")
    assert again(row.enrollment).due_at == now


def test_uncertain_is_kept_and_never_repeated(now, channel):
    channel.answer = lambda mail: Uncertain("no answer")
    row = only()
    sending.send_due(now)
    sending.send_due(now + timedelta(days=30))
    assert again(row).state == "uncertain" and len(channel.tried) == 1
    assert again(row.enrollment).due_at == now


def test_again_waits_longer_each_time_and_does_not_fail(now, channel):
    channel.answer = lambda mail: Again("451 later")
    row = only()
    delays = []
    for _ in range(6):
        sending.send_due(now)
        row = again(row)
        delays.append(row.due_at - now)
        now = row.due_at
    assert (row.state, row.attempts, row.reason) == ("waiting", 6, "451 later")
    assert delays[0] < timedelta(minutes=1) and delays[-1] > timedelta(minutes=10)
    assert again(row.enrollment).due_at is None


def test_again_for_days_and_many_tries_gives_up(now, channel):
    channel.answer = lambda mail: Again("452 mailbox full")
    [row] = make.deliveries(make.campaign(), 1, attempts=9, created_at=now - timedelta(days=4))
    sending.send_due(now)
    assert again(row).state == "failed"


def test_an_outage_puts_the_rest_back_and_burns_no_try(now, channel):
    channel.answer = lambda mail: Again("421 busy", outage=True)
    make.deliveries(make.campaign(), 5)
    assert sending.send_due(now) == 5
    assert len(channel.tried) == 1
    rows = Delivery.objects.values_list("state", "attempts", "reason").distinct()
    assert list(rows) == [("waiting", 0, "421 busy")]
    assert all(row.due_at > now for row in Delivery.objects.all())


def test_in_an_outage_the_pace_is_shared_and_slackens(now, channel):
    channel.outage = "connection refused"
    make.deliveries(make.campaign(), 3)
    for second in range(600):
        sending.send_due(now + timedelta(seconds=second), 1)
    assert 8 < channel.opened < 30
    channel.outage = ""
    sending.send_due(now + timedelta(seconds=700))
    assert states() == ["sent"] * 3


def test_doubt_after_doubt_stops_the_slice(now, channel):
    channel.answer = lambda mail: Uncertain("500 from the API")
    make.deliveries(make.campaign(), 10)
    sending.send_due(now)
    assert sorted(states()) == ["uncertain"] * 3 + ["waiting"] * 7


def test_a_channel_that_raises_leaves_a_doubt(now, channel):
    channel.answer = lambda mail: 1 / 0
    row = only()
    sending.send_due(now)
    assert again(row).state == "uncertain" and "ZeroDivisionError" in again(row).reason


def poisoned(monkeypatch, obstacle):
    """The first recipient's mail can't be made; the others' can."""
    real = sending.make

    def make_mails(source, recipients, envelopes, *, date):
        made = real(source, recipients, envelopes, date=date)
        return made | {min(made): obstacle}

    monkeypatch.setattr(sending, "make", make_mails)


def test_poison_is_parked_after_its_tries_and_others_go(now, channel, monkeypatch):
    poisoned(monkeypatch, Fault("a name of 20 MB"))
    first, _second = make.deliveries(make.campaign(), 2)
    sending.send_due(now)
    for _ in range(2):
        sending.send_due(again(first).due_at)
    assert states() == ["failed", "sent"]
    assert (again(first).reason, again(first).attempts) == ("a name of 20 MB", 3)


def test_a_suspect_goes_in_a_slice_of_its_own(now, channel):
    campaign = make.campaign()
    one, other = make.deliveries(campaign, 2, claim="alone", attempts=1)
    make.deliveries(campaign, 3, due_at=now - timedelta(seconds=1))
    slices = []
    while sending.send_due(now):
        slices.append(len(channel.taken))
    assert slices == [3, 4, 5]
    assert (again(one).claim, again(other).attempts) == ("", 2)


def test_a_task_timed_out_while_making_suspects_them_all(now, channel, monkeypatch):
    def for_ever(*args, **kwargs):
        raise SystemExit

    make.deliveries(make.campaign(), 2)
    monkeypatch.setattr(sending, "make", for_ever)
    for expected in [("waiting", 1)] * 2, [("waiting", 2), ("waiting", 1)]:
        with pytest.raises(SystemExit):
            sending.send_due(now)
        assert list(Delivery.objects.order_by("pk").values_list("state", "attempts")) == expected


def test_a_mail_that_must_wait_says_why_and_burns_no_try(now, channel, monkeypatch):
    poisoned(monkeypatch, Hold("The book is not published."))
    row = only()
    sending.send_due(now)
    row = again(row)
    assert (row.state, row.reason, row.attempts) == ("waiting", "The book is not published.", 0)
    assert row.due_at == now + timedelta(minutes=15)


def test_a_step_that_can_not_be_made_waits_and_says_why(now, channel, monkeypatch):
    monkeypatch.setattr(sending, "make", lambda *a, **k: 1 / 0)
    row = again_after_sending(only(), now)
    assert (row.state, row.attempts) == ("waiting", 0) and "ZeroDivisionError" in row.reason


# Who may send at all


def test_off_claims_nothing(now, channel, settings):
    settings.WAGTAIL_DRIP_SENDING = "off"
    only()
    assert sending.send_due(now) == 0 and "off" in sending.may_send()
    assert states() == ["waiting"]


def test_the_first_one_to_send_is_remembered(now, channel, settings):
    only()
    sending.send_due(now)
    assert Heartbeat.load().base_url == settings.BASE_URL
    settings.WAGTAIL_DRIP_BASE_URL = "https://copy.example.com"
    only(slug="other")
    assert sending.send_due(now) == 0 and "--adopt" in sending.may_send()
    assert len(channel.tried) == 1


def test_a_site_without_an_address_sends_nothing(now, channel, settings):
    settings.WAGTAIL_DRIP_BASE_URL = settings.WAGTAILADMIN_BASE_URL = ""
    only()
    assert sending.send_due(now) == 0 and "BASE_URL" in sending.may_send()


def test_under_the_allowlist_others_wait(now, channel, settings):
    settings.WAGTAIL_DRIP_SENDING = "allowlist"
    settings.WAGTAIL_DRIP_ALLOWLIST = ["Me@example.org", "ours.example"]
    campaign = make.campaign()
    for address in ("me@example.org", "you@ours.example", "you@example.org"):
        make.delivery(make.enrollment(campaign, make.contact(address)))
    sending.send_due(now)
    assert states() == ["sent", "sent", "waiting"]
    assert "allowlist" in Delivery.objects.get(state="waiting").reason
    assert sending.send_due(now) == 0


# While a slice is on its way


class Clock:
    """A worker's monotonic clock that each mail moves."""

    def __init__(self, channel, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds
        channel.answer = self.answer
        self.each = lambda: None

    def __call__(self) -> float:
        return self.now

    def answer(self, mail):
        self.now += self.seconds
        self.each()
        return Sent()


def leave(campaign):
    Enrollment.objects.update(state="left", reason="unsubscribed", due_at=None)


def withdraw(campaign):
    campaign.topic.consents.update(state="withdrawn")


def pause(campaign):
    Campaign.objects.update(paused_at=make.NOW)


def stop(campaign):
    Campaign.objects.update(live=False)


def erase(campaign):
    Contact.objects.update(erased_at=make.NOW)


def suppress_all(campaign):
    for contact in Contact.objects.all():
        suppress(contact.email, reason="bounced", at=make.NOW)


def start_again(campaign):
    Campaign.objects.update(started_at=make.NOW + timedelta(hours=1))


def want_a_rest(campaign):
    Contact.objects.update(paused_until=make.NOW + timedelta(days=30))


@pytest.mark.parametrize(
    ("happens", "state", "reason"),
    [
        (leave, "skipped", "unsubscribed"),
        (withdraw, "skipped", "unsubscribed"),
        (stop, "skipped", "stopped"),
        (erase, "skipped", "erased"),
        (pause, "waiting", ""),
        (suppress_all, "skipped", "suppressed"),
        (start_again, "skipped", "stopped"),
        (want_a_rest, "waiting", "The reader wants no mail until then."),
    ],
)
def test_what_happens_while_sending_stops_the_rest(now, channel, happens, state, reason):
    topic = make.topic()
    campaign = make.campaign(topic=topic)
    for row in make.deliveries(campaign, 5):
        make.consent(row.contact, topic)
    clock = Clock(channel, seconds=0.45)
    clock.each = lambda: happens(campaign) if len(channel.tried) == 2 else None
    assert sending.send_due(now, clock=clock) == 5
    assert len(channel.taken) == 2
    rest = Delivery.objects.exclude(state="sent").values_list("state", "reason", "attempts")
    assert set(rest) == {(state, reason, 0)}


def test_a_goal_that_is_met_while_sending_stops_the_mail(now, channel):
    goals = [make.condition("event_happened", event="bought", since="entering")]
    rows = make.deliveries(make.campaign(goals=goals), 5)
    clock = Clock(channel, seconds=0.45)
    clock.each = lambda: (
        [make.event(row.contact, "bought", at=now) for row in rows]
        if len(channel.tried) == 2
        else None
    )
    sending.send_due(now, clock=clock)
    assert len(channel.taken) == 2
    assert Delivery.objects.filter(state="skipped", reason="goal").count() == 3


def test_what_no_glance_sees_is_seen_within_seconds(now, channel):
    make.deliveries(make.campaign(), 20)
    clock = Clock(channel, seconds=0.5)
    clock.each = lambda: Step.objects.update(live=False) if len(channel.tried) == 2 else None
    sending.send_due(now, clock=clock)
    assert 2 < len(channel.taken) <= 2 + (transmitting.EXAMINE + transmitting.RECHECK) / 0.5


def test_what_a_person_has_settled_while_sending_is_not_begun(now, channel):
    make.deliveries(make.campaign(), 5)
    clock = Clock(channel, seconds=0.45)
    clock.each = lambda: Delivery.objects.update(state="sent") if len(channel.tried) == 2 else None
    sending.send_due(now, clock=clock)
    assert len(channel.taken) == 2


def test_a_look_at_a_slice_is_one_statement(now, channel, monkeypatch):
    make.deliveries(make.campaign(), 60)
    sending.send_due(now, 20)
    looks, real = [], transmitting.unchanged
    monkeypatch.setattr(transmitting, "unchanged", lambda *args: looks.append(1) or real(*args))
    for seconds in (0, transmitting.EXAMINE / 21):
        with CaptureQueriesContext(connection) as captured:
            sending.send_due(now, 20, clock=Clock(channel, seconds=seconds))
        looks.append(-len(captured))
    assert looks[0] < 0 and len(looks) > 4, "the first one had no look, the second several"
    assert sum(looks) == 2 * looks[0]


@pytest.mark.parametrize("seconds", [0.001, 0.45])
def test_the_server_asks_one_worker_to_wait_and_all_of_the_host_do(now, channel, seconds):
    """At their next message, however long it is until their next look at the database."""
    make.deliveries(make.campaign(), 5)
    clock, until = Clock(channel, seconds=seconds), []
    moment = now + timedelta(seconds=0.5)
    clock.each = lambda: until.append(resting.rest(moment)) if len(channel.tried) == 2 else None
    sending.send_due(now, clock=clock)
    assert len(channel.tried) == 2
    rest = Delivery.objects.exclude(state="sent").values_list("state", "due_at", "attempts")
    assert set(rest) == {("waiting", until[0], 0)}


def test_no_message_starts_in_the_last_third_of_the_lease(now, channel, settings):
    settings.WAGTAIL_DRIP_LEASE_SECONDS = 90
    make.deliveries(make.campaign(), 5)
    assert sending.send_due(now, clock=Clock(channel, seconds=25)) == 5
    assert sorted(states()) == ["sent"] * 3 + ["waiting"] * 2
    assert set(Delivery.objects.filter(state="waiting").values_list("attempts")) == {(0,)}


def test_who_has_had_enough_begins_no_other_message(now, channel):
    make.deliveries(make.campaign(), 4)
    assert sending.send_due(now, enough=lambda: len(channel.tried) == 2) == 4
    assert sorted(states()) == ["sent", "sent", "waiting", "waiting"]
    assert sending.send_due(now, enough=lambda: True) == 0


def test_a_slow_connection_is_waited_for_before_the_last_check(now, channel):
    topic = make.topic()
    campaign = make.campaign(topic=topic)
    [row] = make.deliveries(campaign, 1)
    make.consent(row.contact, topic)
    clock = Clock(channel, seconds=0)

    def ready(session):
        if not clock.now:
            clock.now = 5  # the server takes its time, and meanwhile:
            withdraw(campaign)

    channel.ready = ready
    sending.send_due(now, clock=clock)
    assert (states(), channel.tried) == (["skipped"], [])


def test_what_is_known_is_written_down_on_the_way(now, channel):
    make.deliveries(make.campaign(), 4)
    clock, seen = Clock(channel, seconds=8.1), []
    clock.each = lambda: seen.append(states().count("sent"))
    sending.send_due(now, clock=clock)
    assert seen == [0, 1, 2, 3]


def test_a_database_too_slow_to_check_in_time_still_lets_one_go(now, channel, monkeypatch):
    make.deliveries(make.campaign(), 3)
    clock, real = Clock(channel, seconds=0.0), transmitting.check

    def slow(*args):
        clock.now += 2
        return real(*args)

    monkeypatch.setattr(transmitting, "check", slow)
    clock.each = lambda: setattr(clock, "now", clock.now + 1)
    sending.send_due(now, clock=clock)
    assert states() == ["sent"] * 3


class Stopped(BaseException):
    """As SystemExit: the worker must go."""


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        (signals.pre_transmit, ["sent", "waiting", "waiting"]),
        (signals.post_transmit, ["sent", "sent", "waiting"]),
    ],
)
def test_a_worker_told_to_stop_leaves_order(now, channel, signal, expected):
    def stop(**kwargs):
        if len(channel.tried) == (1 if signal is signals.pre_transmit else 2):
            raise Stopped

    make.deliveries(make.campaign(), 3)
    signal.connect(stop)
    try:
        with pytest.raises(Stopped):
            sending.send_due(now)
    finally:
        signal.disconnect(stop)
    assert states() == expected


def test_a_worker_stopped_amid_a_message_leaves_a_doubt(now, channel):
    def stop(mail):
        raise Stopped

    channel.answer = stop
    make.deliveries(make.campaign(), 2)
    with pytest.raises(Stopped):
        sending.send_due(now)
    assert states() == ["uncertain", "waiting"]


def test_no_journal_no_mail(now, channel, monkeypatch, caplog):
    def full(journal, *args):
        raise NoJournal(journal.path, "disk full")

    monkeypatch.setattr(journal.Journal, "start", full)
    only()
    assert sending.send_due(now) == 0
    assert "disk full" in caplog.text and "WAGTAIL_DRIP_JOURNAL_DIR" in caplog.text
    assert states() == ["waiting"] and channel.tried == []


# Numbers


def queries(amount: int, now) -> int:
    topic = make.topic(f"topic{amount}")
    goals = [make.condition("event_happened", event="bought", since="entering")]
    campaign = make.campaign(f"many{amount}", topic=topic, goals=goals)
    for row in make.deliveries(campaign, amount):
        make.consent(row.contact, topic)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert sending.send_due(now, clock=lambda: 0.0) == amount
    return len(captured)


def test_queries_do_not_grow_with_the_slice(now, channel):
    queries(3, now)  # what is asked once a process
    assert queries(10, now) == queries(500, now) < 30


def test_planned_is_the_sum_of_all_states(now, channel):
    answers = iter([Sent(), Refused("no"), Uncertain("?"), Again("later"), Sent()])
    channel.answer = lambda mail: next(answers)
    campaign = make.campaign()
    rows = make.deliveries(campaign, 6)
    Enrollment.objects.filter(pk=rows[5].enrollment_id).update(state="left", reason="goal")
    sending.send_due(now)
    planned = Delivery.objects.filter(campaign=campaign).count()
    assert planned == 6
    assert sorted(states()) == ["failed", "sent", "sent", "skipped", "uncertain", "waiting"]


def test_a_translation_is_sent_to_those_who_read_it(now, channel):
    step = make.step("Hello")
    german = Locale.objects.create(language_code="de")
    make.step("Hallo", locale=german, translation_key=step.translation_key)
    campaign = make.campaign(nodes={"n1": make.send(step)})
    for language in ("de-at", "fr", ""):
        make.delivery(make.enrollment(campaign, make.contact(language=language)))
    sending.send_due(now)
    assert [mail.subject for mail in channel.taken] == ["Hallo", "Hello", "Hello"]


def test_an_unpublished_mail_is_held_by_name(now, channel):
    row = only()
    Step.objects.update(live=False)
    assert sending.send_due(now) == 1
    row = again(row)
    assert (row.state, row.reason) == ("waiting", "The mail “welcome 1” is not published.")
    assert answering.LONGEST_RETRY > row.due_at - now > timedelta(0)
