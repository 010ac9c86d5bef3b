"""Text messages: who gets them, when, and what is kept of each."""

from __future__ import annotations

import io
import json
import re
from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from wagtail import hooks

from tests import factories as make
from tests.queries import queries
from wagtail_drip.channels.base import Again, Refused, Sent, Uncertain
from wagtail_drip.channels.console import ConsoleTexts
from wagtail_drip.channels.memory import MemoryChannel
from wagtail_drip.channels.sms import SmsChannel
from wagtail_drip.content import links
from wagtail_drip.engine import advancing, journal, leaving, recovering, sending
from wagtail_drip.engine.checking import Go, check
from wagtail_drip.engine.foretelling import foretell
from wagtail_drip.engine.loading import load_to_make
from wagtail_drip.models import Contact, Delivery, Enrollment, Link, SendingTimes, Suppression
from wagtail_drip.models.consent import standing_against, suppress

pytestmark = pytest.mark.django_db
NUMBER = "+447400123456"


@pytest.fixture(autouse=True)
def plain(settings, tmp_path):
    settings.WAGTAIL_DRIP_JOURNAL_DIR = tmp_path / "journals"
    settings.WAGTAIL_DRIP_SMS_BACKEND = settings.WAGTAIL_DRIP_SMS_REGION = ""


@pytest.fixture
def memory():
    """What was given to the back end: `taken`, `tried`; `answer` says what it answers."""
    backend = MemoryChannel(slug="sms")
    channel = SmsChannel(backend)
    with hooks.register_temporarily("register_drip_channels", lambda: {"sms": channel}):
        yield backend


def text(words: str = "Hi {{ first_name|friend }}", name: str = "A text", **fields):
    message = json.dumps([{"type": "sms", "value": {"text": words}, "id": "m1"}])
    return make.step(name, channel="sms", subject="", message=message, **fields)


def topics():
    return make.topic("news"), make.topic("texts", channel="sms")


def somebody(*chosen, number: str = NUMBER, **fields) -> Contact:
    person = make.contact(attributes={"phone": number}, **fields)
    for topic in chosen:
        make.consent(person, topic)
    return person


def due(campaign, person: Contact, **fields) -> Delivery:
    row = make.enrollment(campaign, person, due_at=None)
    return make.delivery(row, channel="sms", **fields)


def campaign_of(step=None, **fields):
    return make.campaign(nodes={"n1": make.send(step or text(), "")}, **fields)


def after(row: Delivery, now) -> Delivery:
    sending.send_due(now)
    row.refresh_from_db()
    return row


def test_it_goes_to_whoever_agreed_and_is_counted(now, memory):
    news, texts = topics()
    campaign = campaign_of(topic=news, sms_topic=texts)
    row = after(due(campaign, somebody(news, texts, first_name="Zoë")), now)
    assert (row.state, row.characters, row.segments) == ("sent", 6, 1)
    [message] = memory.taken
    assert (message.to, message.text) == (NUMBER, "Hi Zoë")


# Consent of its own


def test_consent_to_mails_is_none_to_text_messages(now, memory):
    news, texts = topics()
    campaign = campaign_of(topic=news, sms_topic=texts)
    row = after(due(campaign, somebody(news)), now)
    assert (row.state, row.reason) == ("skipped", "no consent") and not memory.tried
    row.enrollment.refresh_from_db()
    assert (row.enrollment.state, row.enrollment.due_at) == ("active", now)  # and goes on


@pytest.mark.parametrize("sms_topic", [False, True])
def test_a_campaign_of_mails_alone_sends_none_whatever_was_published(now, memory, sms_topic):
    news, texts = topics()
    # As no gate lets it be: with no topic of text messages, or one of mails in its place.
    campaign = campaign_of(topic=news, sms_topic=news if sms_topic else None)
    row = after(due(campaign, somebody(news, texts)), now)
    assert (row.state, row.reason) == ("skipped", "no consent") and not memory.tried


def test_consent_that_has_run_out_is_none(now, memory):
    news, texts = topics()
    texts.expires_months = 1
    texts.save()
    person = somebody(news)
    make.consent(person, texts, changed_at=now - timedelta(days=40))
    assert after(due(campaign_of(topic=news, sms_topic=texts), person), now).reason == "no consent"


def test_a_transactional_one_needs_none_unless_it_has_a_topic(now, memory):
    _news, texts = topics()
    receipt = campaign_of()
    updates = campaign_of(slug="updates", sms_topic=texts)
    stranger = somebody()
    assert after(due(receipt, stranger), now).state == "sent"
    assert after(due(updates, somebody(number="+447400123457")), now).reason == "no consent"


def test_a_series_of_text_messages_alone(now, memory):
    _news, texts = topics()
    campaign = campaign_of(sms_topic=texts, transactional_reason="")
    willing, other = somebody(texts), somebody(number="+447400123457")
    from wagtail_drip.engine.entering import refusals

    assert set(refusals(campaign, [willing, other], now)) == {other.pk}
    row = due(campaign, willing)
    mail = make.delivery(make.enrollment(campaign, somebody(texts), due_at=None))
    assert after(row, now).state == "sent"
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("skipped", "no consent")  # no mail on consent to texts
    last = due(campaign, somebody(texts, number="+447400123458"))
    leaving.leave_topic(last.contact, texts, at=now, source="a test")
    last.refresh_from_db()
    assert (last.state, last.reason) == ("skipped", "unsubscribed")


def test_whoever_leaves_while_the_slice_goes_out_gets_none(now, memory):
    news, texts = topics()
    campaign = campaign_of(topic=news, sms_topic=texts)
    rows = [due(campaign, somebody(news, texts, number=f"+44740012345{n}")) for n in range(3)]
    seconds = [0.0]

    def answer(mail):
        seconds[0] += 1
        last = rows[-1].contact
        leaving.leave_topic(last, texts, at=now, source="a test")
        return Sent()

    memory.answer = answer
    sending.send_due(now, clock=lambda: seconds[0])
    rows[-1].refresh_from_db()
    assert (rows[-1].state, rows[-1].reason) == ("skipped", "no consent")
    assert len(memory.tried) == 2


def test_what_people_get_by_a_topic_never_changes():
    texts = make.topic("texts", channel="sms")
    texts.channel = "email"
    with pytest.raises(ValueError):
        texts.save()
    assert "STOP" in make.topic("more", channel="sms").agreement


# The number


@pytest.mark.parametrize("number", ["", "nonsense", "0170 1234567", "+4917"])
def test_no_usable_number_skips_that_one_alone(now, memory, number):
    campaign = campaign_of()
    bad, good = due(campaign, somebody(number=number)), due(campaign, somebody())
    sending.send_due(now)
    bad.refresh_from_db(), good.refresh_from_db()
    assert (bad.state, bad.reason, good.state) == ("skipped", "no number", "sent")


def test_a_number_of_the_country_of_the_site(now, memory, settings):
    settings.WAGTAIL_DRIP_SMS_REGION = "DE"
    after(due(campaign_of(), somebody(number="0170 1234567")), now)
    assert memory.taken[0].to == "+491701234567"


def test_a_suppressed_number_gets_nothing_and_its_owner_goes_on(now, memory):
    assert suppress(" +44 7400 123456", reason="unsubscribed", at=now)
    assert not suppress(NUMBER, reason="unsubscribed", at=now)
    assert standing_against("+44 7400 123456") == Suppression.objects.get(kind="number")
    row = after(due(campaign_of(), somebody()), now)
    assert (row.state, row.reason, memory.tried) == ("skipped", "number suppressed", [])
    assert str(row.Reason(row.reason).label) == "number suppressed"
    assert Enrollment.objects.get().state == "active"
    assert NUMBER not in str(Suppression.objects.values())


def test_a_number_suppressed_for_marketing_still_gets_what_is_transactional(now, memory):
    news, texts = topics()
    suppress(NUMBER, reason="manual", scope="marketing", at=now)
    row = after(due(campaign_of(topic=news, sms_topic=texts), somebody(news, texts)), now)
    assert row.reason == "number suppressed"
    assert after(due(campaign_of(slug="receipt"), somebody()), now).state == "sent"


def test_on_the_allowlist_the_number_itself_must_stand(now, memory, settings):
    settings.WAGTAIL_DRIP_SENDING = "allowlist"
    settings.WAGTAIL_DRIP_ALLOWLIST = ["example.com", "+447400123457"]
    campaign = campaign_of()
    row, other = due(campaign, somebody()), due(campaign, somebody(number="+447400123457"))
    sending.send_due(now)
    row.refresh_from_db(), other.refresh_from_db()
    assert (row.state, other.state) == ("waiting", "sent") and "allowlist" in row.reason


# When


def test_quiet_hours_hold_all_but_what_is_transactional(now, memory):
    news, texts = topics()
    SendingTimes(site=make.site(), quiet_from=time(8), quiet_to=time(11)).save()
    series = due(campaign_of(topic=news, sms_topic=texts), somebody(news, texts))
    receipt = due(campaign_of(slug="receipt"), somebody(number="+447400123457"))
    # Its mails go at any hour; who agreed to text messages about it did not agree to nights.
    updates = campaign_of(slug="updates", sms_topic=texts)
    update = due(updates, somebody(texts, number="+447400123458"))
    sending.send_due(now)
    found = []
    for row in (series, receipt, update):
        row.refresh_from_db()
        found.append((row.state, row.due_at))
    eleven = now + timedelta(hours=2)
    assert found == [("waiting", eleven), ("sent", now), ("waiting", eleven)]


def test_who_wants_a_pause_has_one(now, memory):
    news, texts = topics()
    until = now + timedelta(days=3)
    row = due(campaign_of(topic=news, sms_topic=texts), somebody(news, texts, paused_until=until))
    assert after(row, now).due_at == until


# Exactly once


def test_killed_between_claim_and_answer_it_is_in_doubt_and_never_doubled(now, memory):
    row = due(campaign_of(), somebody())
    token = "b" * 32
    Delivery.objects.update(state="sending", claim=token, lease_until=now, attempts=1)
    writer = journal.Journal(token)
    writer._line("start", row.pk, 0)
    writer.close()
    recovering.recover(now)
    row.refresh_from_db()
    assert row.state == "uncertain"
    assert after(row, now + timedelta(days=2)).state == "uncertain" and not memory.tried


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Uncertain("no answer"), "uncertain"),
        (Again("busy"), "waiting"),
        (Again("down", outage=True), "waiting"),
        (Refused("no such number"), "failed"),
    ],
)
def test_each_outcome_has_its_state(now, memory, outcome, state):
    memory.answer = lambda mail: outcome
    row = after(due(campaign_of(), somebody()), now)
    assert (row.state, row.segments, len(memory.tried)) == (state, None, 1)
    assert (row.due_at > now) is (state == "waiting")


def test_who_the_provider_says_has_opted_out_is_suppressed(now, memory):
    memory.answer = lambda mail: Refused("21610 opted out", opted_out=mail.to)
    assert after(due(campaign_of(), somebody()), now).state == "failed"
    found = standing_against(NUMBER)
    assert found and (found.reason, found.scope) == ("unsubscribed", "all")
    assert after(due(campaign_of(slug="more"), somebody()), now).reason == "number suppressed"


def test_an_outage_of_texts_keeps_no_mail_back(now, memory, mailoutbox):
    memory.outage = "down"
    row = due(campaign_of(), somebody())
    make.deliveries(make.campaign("mails"), 2)
    assert after(row, now).state == "waiting" and len(mailoutbox) == 2


def test_without_a_back_end_it_waits_and_says_why(now):
    row = after(due(campaign_of(), somebody()), now)
    assert row.state == "waiting" and "WAGTAIL_DRIP_SMS_BACKEND" in row.reason
    assert row.attempts == 0


def test_queries_do_not_grow_with_the_people(now, memory):
    news, texts = topics()
    campaign = campaign_of(topic=news, sms_topic=texts)
    rows = [due(campaign, somebody(news, texts, number=f"+44740012345{n}")) for n in range(9)]
    few, many = (load_to_make([row.pk for row in some]) for some in (rows[:1], rows))
    assert len(queries(check, few, now)) == len(queries(check, many, now))
    assert all(isinstance(found, Go) for found in check(many, now).values())


def test_each_of_many_keeps_its_own_length_in_one_statement(now, memory):
    campaign = campaign_of(text("y" * 40 + "{{ first_name|x }}"))
    people = [somebody(number=f"+44740012345{n}", first_name="x" * 30 * (n + 1)) for n in range(5)]
    rows = [due(campaign, person) for person in people]
    with CaptureQueriesContext(connection) as captured:
        sending.send_due(now)
    written = [one for one in captured if re.search(r"\Wsegments\W =", one["sql"])]
    found = list(Delivery.objects.order_by("pk").values_list("characters", "segments"))
    assert found == [(70, 1), (100, 1), (130, 1), (160, 1), (190, 2)] and len(rows) == 5
    assert len(written) == 1


def test_the_plan_says_who_would_not_get_it_and_why(now, memory):
    news, texts = topics()
    campaign = campaign_of(topic=news, sms_topic=texts)
    for chosen, number, told in (
        ((news,), NUMBER, "no consent"),
        ((news, texts), "", "no number"),
        ((news, texts), NUMBER, ""),
    ):
        plan = foretell(campaign, somebody(*chosen, number=number), start=now)
        said = " ".join(item.because.sentence() for item in plan.items)
        assert ("Not sent" in said) is bool(told), said
        assert not told or str(Delivery.Reason(told).label) in said
    assert not Delivery.objects.exists() and not memory.tried


# Its words and links


def test_links_are_whole_short_and_counted(now, memory, client, settings):
    settings.WAGTAIL_DRIP_BASE_URL = "https://shop.example"
    words = "See /shop/books/ and (https://other.example/a?b=1). Not this/that"
    row = after(due(campaign_of(text(words)), somebody()), now)
    sent = memory.taken[0].text
    urls = re.findall(r"https://\S+/", sent)
    assert sent.startswith("See https://shop.example/drip/c/") and sent.endswith("Not this/that")
    assert len(urls) == 2 and all(len(url) < len("https://shop.example") + 45 for url in urls)
    targets = {"https://shop.example/shop/books/", "https://other.example/a?b=1"}
    assert set(Link.objects.values_list("url", flat=True)) == targets
    response = client.get(urls[0].removeprefix("https://shop.example"))
    assert response.url == "https://shop.example/shop/books/"
    row.refresh_from_db()
    assert row.reactions.get().kind == "clicked"
    key = Link.objects.first().key
    forged = reverse("wagtail_drip:click", args=[key, links.short_reactions()(row.pk)[:-1] + "x"])
    assert client.get(forged).status_code == 302 and row.reactions.count() == 1


def test_whoever_wants_nobody_to_see_gets_the_address_itself(now, memory):
    words = "See https://other.example/a"
    after(due(campaign_of(text(words)), somebody(track_clicks=False)), now)
    assert memory.taken[0].text == words


def test_an_address_with_a_field_in_it_is_left_alone(now, memory):
    words = "See https://other.example/?n={{ first_name|x }}&b=2 now"
    after(due(campaign_of(text(words)), somebody(first_name="Ann")), now)
    assert memory.taken[0].text == "See https://other.example/?n=Ann&b=2 now"


@pytest.mark.parametrize(
    "signed", ["", "-", "1", "1-", "zzzzzzzzzzzzzzz-a", "1-é", "0-aaaaaaaaaaaa"]
)
def test_short_signatures_that_are_none(signed):
    with pytest.raises(links.BadSignature):
        links.read_short_reaction(signed)
    assert links.read_short_reaction(links.short_reactions()(7)) == 7


def test_the_console_shows_each(now):
    stream = io.StringIO()
    channel = SmsChannel(ConsoleTexts(stream))
    with hooks.register_temporarily("register_drip_channels", lambda: {"sms": channel}):
        row = after(due(campaign_of(), somebody()), now)
    assert row.state == "sent" and f"To: {NUMBER}\n\nHi friend\n" in stream.getvalue()


def test_nobody_is_planned_by_another_channel_than_the_step_has(now, memory):
    campaign = campaign_of()
    make.enrollment(campaign, somebody())
    advancing.advance_due(now)
    assert Delivery.objects.get().channel == "sms"
