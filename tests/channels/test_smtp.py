"""Real SMTP on loopback: each failure is known by its moment."""

from __future__ import annotations

import email
import email.policy

import pytest
from django.core import mail as django_mail

from tests.channels.mails import mail
from tests.smtp import MailServer
from wagtail_drip.channels import smtp
from wagtail_drip.channels.base import Again, Refused, Sent, Uncertain
from wagtail_drip.channels.email import EmailChannel
from wagtail_drip.channels.smtp import SmtpSession


@pytest.fixture(params=[False, True], ids=["one by one", "pipelining"])
def server(request, settings):
    with MailServer(pipelining=request.param) as server:
        for name, value in server.settings().items():
            setattr(settings, name, value)
        settings.EMAIL_TIMEOUT = 2
        yield server


@pytest.fixture(autouse=True)
def calm(monkeypatch):
    monkeypatch.setattr(smtp, "_wary_until", 0.0)
    monkeypatch.setattr(smtp, "_carried", smtp.STRANGER_MESSAGES)


def outcomes(server, *words, mails=None):
    server.script = list(words)
    with EmailChannel().open() as session:
        return [session.transmit(m) for m in mails or [mail() for _ in words]]


def test_many_messages_share_one_connection(server):
    assert outcomes(server, *["ok"] * 5) == [Sent()] * 5
    assert (len(server.taken), server.connections) == (5, 1)


def test_what_is_taken_is_the_mail_itself(server):
    outcomes(server, "ok")
    [taken] = server.taken
    parsed = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert (taken.sender, taken.to) == ("shop@example.com", "ann@example.com")
    assert parsed["From"] == "The Shop <shop@example.com>"
    assert parsed.get_body(("plain",)).get_content().split() == ["One", ".dot", "three"]


@pytest.mark.parametrize("where", ["rcpt", "data", "end"])
def test_a_permanent_refusal_is_refused_and_the_next_goes(server, where):
    first, second = outcomes(server, f"550 {where}", "ok")
    assert isinstance(first, Refused) and "550" in first.reason
    assert (second, server.connections) == (Sent(), 1)


@pytest.mark.parametrize("where", ["mail", "rcpt", "data", "end"])
def test_try_later_for_one_message_is_no_outage(server, where):
    first, second = outcomes(server, f"451 {where}", "ok")
    assert isinstance(first, Again) and not first.outage
    assert (second, server.connections) == (Sent(), 1)


def test_a_refused_sender_is_not_the_recipients_fault(server):
    [outcome] = outcomes(server, "553 mail")
    assert isinstance(outcome, Again) and not outcome.outage


@pytest.mark.parametrize("word", ["421 mail", "421 end", "454 mail", "drop mail"])
def test_throttling_and_a_closed_line_are_outages(server, word):
    [outcome] = outcomes(server, word)
    assert isinstance(outcome, Again) and outcome.outage


@pytest.mark.parametrize("word", ["421 mail", "drop mail"])
def test_a_used_connection_that_closes_is_opened_again(server, word):
    assert outcomes(server, "ok", word, mails=[mail(), mail()]) == [Sent(), Sent()]
    assert server.connections == 2


def test_an_outage_of_a_fresh_connection_too_is_an_outage(server):
    _sent, outcome = outcomes(server, "ok", "421 mail", "421 mail", mails=[mail(), mail()])
    assert isinstance(outcome, Again) and outcome.outage


def test_a_drop_in_mid_body_was_not_sent(server):
    *_others, dropped, after = outcomes(server, "451 rcpt", "drop data", "ok")
    assert isinstance(dropped, Again) and not dropped.outage
    assert (after, len(server.taken)) == (Sent(), 1)


def test_a_stranger_is_given_time_to_hang_up_in_the_body(server, monkeypatch):
    monkeypatch.setattr(smtp, "_carried", 0)
    monkeypatch.setattr(smtp, "STRANGER_WAIT", 1.0)  # it answers at once, however busy it is here
    dropped, after = outcomes(server, "drop data", "ok")
    assert isinstance(dropped, Again) and not dropped.outage
    assert (after, len(server.taken)) == (Sent(), 1)


@pytest.mark.parametrize("word", ["421 rcpt", "454 rcpt", "454 mail", "421 end"])
def test_who_asks_to_go_slower_is_not_asked_again_at_once(server, word):
    _sent, outcome = outcomes(server, "ok", word, "ok", mails=[mail(), mail()])
    assert isinstance(outcome, Again) and outcome.outage and type(outcome) is Again
    assert server.connections == 1


def test_a_drop_after_the_final_dot_is_uncertain(server):
    first, second = outcomes(server, "drop end", "ok")
    assert isinstance(first, Uncertain)
    assert (second, len(server.taken)) == (Sent(), 2)


def test_silence_after_the_final_dot_is_uncertain(server, settings):
    settings.EMAIL_TIMEOUT = 0.2
    [outcome] = outcomes(server, "hang end")
    assert isinstance(outcome, Uncertain)


def test_no_server_is_an_outage(server, settings):
    settings.EMAIL_PORT = 1
    assert EmailChannel().open().outage


def test_an_address_beyond_ascii_is_refused_not_mangled(server):
    [outcome] = outcomes(server, mails=[mail("jürgen@example.com")])
    assert isinstance(outcome, Refused) and outcome.reason.startswith("5.6.7")
    assert server.taken == []


def test_where_the_server_offers_it_an_address_beyond_ascii_is_reached(settings):
    with MailServer(smtputf8=True) as server:
        for name, value in server.settings().items():
            setattr(settings, name, value)
        mails = [mail("jürgen@example.com"), mail("ann@example.com")]
        assert outcomes(server, mails=mails) == [Sent(), Sent()]
        assert [taken.to for taken in server.taken] == ["jürgen@example.com", "ann@example.com"]


@pytest.mark.parametrize("server", [True], indirect=True)
def test_who_refused_the_recipient_and_waits_for_a_body_gets_an_empty_one(server):
    first, second = outcomes(server, "550 rcpt 354", "ok")
    assert isinstance(first, Refused) and "550" in first.reason
    assert (second, server.connections, server.empty, len(server.taken)) == (Sent(), 1, 1, 1)


@pytest.mark.parametrize("server", [True], indirect=True)
def test_an_empty_mail_is_never_sent_to_somebody(server):
    """The sender was refused, the recipient was not, and a body is awaited."""
    first, second = outcomes(server, "451 mail 354", "ok")
    assert isinstance(first, Again) and "451" in first.reason
    assert (second, server.connections, server.empty, len(server.taken)) == (Sent(), 2, 0, 1)


def test_an_answer_too_many_is_not_taken_for_the_last_one(server):
    [outcome] = outcomes(server, "double data")
    assert isinstance(outcome, Again) and server.taken == []


def test_a_line_break_never_reaches_the_conversation(server):
    [outcome] = outcomes(server, mails=[mail("a@example.com>\r\nRCPT TO:<b@example.com")])
    assert isinstance(outcome, Refused)
    assert server.taken == []


def test_a_provider_that_knows_repeated_messages_gets_their_key(server, monkeypatch):
    monkeypatch.setitem(smtp.IDEMPOTENCY_KEYS, "127.0.0.1", "Resend-Idempotency-Key")
    outcomes(server, "ok", mails=[mail(metadata={"drip": "abc"})])
    assert email.message_from_bytes(server.taken[0].content)["Resend-Idempotency-Key"] == "abc"


def test_the_socket_waits_only_so_long(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.WAGTAIL_DRIP_SOCKET_SECONDS = 7
    assert SmtpSession(django_mail.get_connection()).backend.timeout == 7
