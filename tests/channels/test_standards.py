"""Whatever people are called and editors write: what a mail server takes is a proper mail.

The bytes that went over SMTP, read by a parser that forgives nothing.
"""

from __future__ import annotations

import email
import email.policy
import re
from email.utils import parseaddr

import pytest
from django.core.mail import get_connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.content.support import BRAND, DATE, envelope, heading, person, source
from tests.smtp import MailServer
from wagtail_drip.channels.smtp import SmtpSession
from wagtail_drip.content.compiling import Brand, compile_message
from wagtail_drip.content.personalizing import Mail, personalize
from wagtail_drip.content.targets import Tracking

STRICT = email.policy.SMTP.clone(raise_on_defect=True)
# All that people type and paste: controls, line ends of every kind, right-to-left marks, emoji.
NASTY = ["\r\n.\r\n", "\r\nBcc: eve@evil.example", "\n\n", "\0", "\x85", "\u2028", "\u202e",
         "=?utf-8?q?x?=", "--=_wagtail_drip--", "<!--", "</body>", "{{ first_name }}", "é" * 80,
         "x" * 1200, "“”", "🎉", "\ue000", "\ue001", "\ue002", '"', "<b>", "&amp;"]  # fmt: skip
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
HOSTILE = st.lists(st.one_of(WORDS, st.sampled_from(NASTY)), min_size=1, max_size=5).map("".join)


@pytest.fixture(scope="module")
def server():
    with MailServer() as server:
        yield server


@pytest.fixture
def session(server, settings):
    for name, value in server.settings().items():
        setattr(settings, name, value)
    made = SmtpSession(get_connection("django.core.mail.backends.smtp.EmailBackend"))
    assert made.connect() is None
    yield made
    made.close()


def sent(server, session, *, subject, name, brand, sender) -> tuple[str, bytes]:
    message = source(
        heading(f"{{{{ first_name|you }}}} {name}"),
        ("text", f'<p>{name} <a href="https://x.example/">x</a></p>'),
        subject=subject,
        preheader=subject,
        brand=Brand(brand, BRAND.base_url, brand),
        tracking=Tracking(keys=lambda urls: dict.fromkeys(urls, "0" * 15 + "1"), opens=True),
    )
    escaped = sender.replace("\\", "\\\\").replace('"', '\\"')
    kind = envelope(from_email=f'"{escaped}" <books@shop.example>', reaction="a" * 64)
    who = person(first_name=name)
    answers = {"first_name": {1: name}}
    mail = personalize(compile_message(message), [who], {1: kind}, answers, date=DATE)[1]
    assert isinstance(mail, Mail)
    session.transmit(mail)
    taken = server.taken[-1]
    return taken.sender, taken.content


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_whatever_is_typed_a_proper_mail_goes_out(
    server, session, wagtail_urls, subject, name, brand, sender
):
    came_from, content = sent(
        server, session, subject=subject, name=name, brand=brand, sender=sender
    )
    head, _empty, _body = content.partition(b"\r\n\r\n")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\0" not in content and content.count(b"\r") == content.count(b"\n")
    assert content.count(b"\n") == content.count(b"\r\n")
    head.decode("ascii")
    message = email.message_from_bytes(content, policy=STRICT)
    assert sorted(message.keys()) == sorted([
        "Subject", "From", "To", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post",
        "List-Id", "Auto-Submitted", "Date", "MIME-Version", "Content-Type",
    ])  # fmt: skip
    assert message.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    for part in message.iter_parts():
        part.get_content()
    assert message["Auto-Submitted"] == "auto-generated" and message["To"] == "p1@example.com"
    # Aligned: who the mail says it is from, who the server is told, and who named the message.
    author = parseaddr(message["From"])[1]
    assert author == came_from == "books@shop.example"
    assert message["Message-ID"].strip("<>").rpartition("@")[2] == "shop.example"
    assert "Sender" not in message and re.fullmatch("<[^<>@ ]+>", message["List-Id"])


@pytest.fixture
def wagtail_urls(settings):
    settings.ROOT_URLCONF = "tests.recipients.urls"
    settings.WAGTAIL_DRIP_BASE_URL = "https://shop.example"
