"""Back ends other than plain SMTP, and what their errors mean."""

from __future__ import annotations

import smtplib
import socket

import django
import pytest
from anymail.exceptions import (
    AnymailAPIError,
    AnymailRecipientsRefused,
    AnymailRequestsAPIError,
    AnymailUnsupportedFeature,
)
from django.core import mail as django_mail
from django.core.mail.backends.locmem import EmailBackend as Locmem
from django.core.mail.backends.smtp import EmailBackend
from requests import ConnectionError, ConnectTimeout, ReadTimeout, Response
from requests.adapters import HTTPAdapter

from tests.channels.mails import mail
from wagtail_drip.channels.answers import of_error
from wagtail_drip.channels.base import Again, Refused, Sent, Uncertain
from wagtail_drip.channels.email import BackendSession, EmailChannel, speaks_plain_smtp


def transmit(message):
    with EmailChannel().open() as session:
        return session.transmit(message)


def test_another_back_end_gets_an_ordinary_message():
    assert transmit(mail(reply_to="help@example.com")) == Sent()
    [message] = django_mail.outbox
    assert (message.to, message.reply_to) == (["ann@example.com"], ["help@example.com"])
    assert message.alternatives[0][0] == "<p>One</p>"
    headers = message.message()
    assert (headers["Message-ID"], headers["List-Id"]) == ("<1@example.com>", "<l.example.com>")
    assert headers["Date"] == "Mon, 02 Mar 2026 09:00:00 +0000"


def test_anymail_gets_metadata_and_tags_and_tells_its_id(settings):
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    outcome = transmit(mail(metadata={"drip": "abc"}, tags=["welcome"]))
    [message] = django_mail.outbox
    assert (message.metadata, message.tags) == ({"drip": "abc"}, ["welcome"])
    assert outcome == Sent(provider_id=str(message.anymail_status.message_id)) == Sent("0")


def test_resend_gets_a_key_that_is_the_same_for_each_attempt(settings, monkeypatch):
    settings.EMAIL_BACKEND = "anymail.backends.resend.EmailBackend"
    settings.ANYMAIL = {"RESEND_API_KEY": "x"}
    keys = []

    def answer(self, request, **kwargs):
        keys.append(request.headers["Idempotency-Key"])
        response = Response()
        response.status_code, response._content = 200, b'{"id": "r1"}'
        return response

    monkeypatch.setattr(HTTPAdapter, "send", answer)
    with EmailChannel().open() as session:
        tried = [session.transmit(mail(metadata={"drip": token})) for token in ("a", "a", "b")]
    assert keys == ["a", "a", "b"] and tried == [Sent("r1")] * 3


@pytest.mark.skipif(django.VERSION < (6, 1), reason="MAILERS came with Django 6.1")
def test_the_default_mailer_is_used_where_mailers_are_set(settings):
    backend = "django.core.mail.backends.smtp.EmailBackend"
    options = {"host": "127.0.0.1", "port": 1}
    settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
    outcome = EmailChannel().open()
    assert outcome.outage and "refused" in outcome.reason


def test_headers_that_break_out_are_refused():
    assert isinstance(transmit(mail(subject="a\nBcc: b@example.com")), Refused)
    assert django_mail.outbox == []


def test_a_back_end_that_takes_nothing_has_refused():
    class Nothing(Locmem):
        def send_messages(self, messages):
            return 0

    assert isinstance(BackendSession(Nothing()).transmit(mail()), Refused)


def test_a_back_end_that_does_not_open_is_an_outage(monkeypatch):
    def fail(self):
        raise OSError("no route")

    monkeypatch.setattr(Locmem, "open", fail)
    outcome = EmailChannel().open()
    assert isinstance(outcome, Again) and outcome.outage


def test_only_smtp_that_nobody_alters_gets_our_bytes():
    class Login(EmailBackend):
        def open(self):
            return super().open()

    class Signing(EmailBackend):
        def _send(self, message):
            return super()._send(message)

    assert speaks_plain_smtp(EmailBackend()) and speaks_plain_smtp(Login())
    assert not speaks_plain_smtp(Signing()) and not speaks_plain_smtp(Locmem())


def api_error(status: int) -> AnymailRequestsAPIError:
    response = Response()
    response.status_code = status
    return AnymailRequestsAPIError("no", response=response)


@pytest.mark.parametrize(
    ("status", "kind", "outage"),
    [
        (400, Refused, None),
        (422, Refused, None),
        (401, Again, True),
        (429, Again, True),
        (503, Again, True),
        (408, Again, False),
        (500, Uncertain, None),
        (504, Uncertain, None),
    ],
)
def test_what_an_api_status_means(status, kind, outage):
    outcome = of_error(api_error(status))
    assert isinstance(outcome, kind)
    assert getattr(outcome, "outage", None) is outage


def with_cause(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


class NewConnectionError(Exception):
    """As urllib3 names it."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (with_cause(AnymailAPIError("x"), ReadTimeout()), Uncertain),
        (with_cause(AnymailAPIError("x"), ConnectionError("aborted")), Uncertain),
        (with_cause(AnymailAPIError("x"), ConnectTimeout()), Again),
        (with_cause(AnymailAPIError("x"), ConnectionError(NewConnectionError())), Again),
        (AnymailRecipientsRefused(), Refused),
        (AnymailUnsupportedFeature("tags"), Again),
        (smtplib.SMTPRecipientsRefused({"a@b": (550, b"no")}), Refused),
        (smtplib.SMTPRecipientsRefused({"a@b": (450, b"later")}), Again),
        (smtplib.SMTPSenderRefused(553, b"no", "s@b"), Again),
        (smtplib.SMTPDataError(554, b"spam"), Refused),
        (smtplib.SMTPAuthenticationError(535, b"no"), Again),
        (smtplib.SMTPServerDisconnected("gone"), Uncertain),
        (ConnectionRefusedError(), Again),
        (socket.gaierror(), Again),
        (TimeoutError(), Uncertain),
        (KeyError("bug"), Uncertain),
    ],
)
def test_what_an_exception_means(error, kind):
    assert isinstance(of_error(error), kind)
