from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wagtail_drip.content.bidi import isolated
from wagtail_drip.content.compiling import compile_message
from wagtail_drip.content.mime import one_line
from wagtail_drip.content.personalizing import Fault, Hold, Mail, personalize, tidy

from .support import (
    BRAND,
    DATE,
    LEAVE,
    Answering,
    envelope,
    heading,
    make_all,
    make_one,
    parsed,
    part,
    person,
    soup,
    source,
)

GREETING = {"subject": "Hi {{ first_name|you }}"}


def greeting(**fields):
    return source(heading("Dear {{ first_name|you }},"), **GREETING, **fields)


def test_every_header_is_there():
    message = parsed(
        make_one(greeting(), person(campaign="welcome"), reply_to="Me <me@shop.example>")
    )
    assert message["From"] == "Lantern <books@shop.example>"
    assert message["To"] == "p1@example.com"
    assert message["Reply-To"] == "Me <me@shop.example>"
    assert message["Date"] == "Mon, 02 Mar 2026 09:00:00 +0000"
    assert message["Message-ID"] == "<0123@shop.example>"
    assert message["MIME-Version"] == "1.0"
    assert message["List-Unsubscribe"] == f"<{LEAVE}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "<welcome.shop.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert [p.get_content_type() for p in message.iter_parts()] == ["text/plain", "text/html"]


def test_a_transactional_mail_says_why_it_comes_and_offers_no_one_click():
    mine = {"one_click": False, "preferences_url": "https://shop.example/mine/"}
    mail = make_one(greeting(because="you placed an order."), **mine)
    assert "you placed an order." in mail.text and "you placed an order." in mail.html
    assert LEAVE not in mail.text + mail.html and LEAVE.encode() not in mail.as_bytes()
    assert not any(name.startswith("List-Unsubscribe") for name in mail.headers)
    assert parsed(mail)["List-Unsubscribe"] is None


def test_the_further_headers_are_for_ordinary_back_ends_too():
    mail = make_one(
        greeting(), headers={"X-Campaign": "wélcome"}, tags=("a",), metadata={"drip": "t"}
    )
    own = ["Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Auto-Submitted"]
    assert list(mail.headers) == [*own, "X-Campaign"]
    assert all(parsed(mail)[name] == value for name, value in mail.headers.items())
    assert (mail.tags, mail.metadata) == (("a",), {"drip": "t"})


def test_bytes_say_what_the_attributes_say():
    mail = make_one(greeting(), person(first_name='Zoë <b> & "x" = {{ email }}'))
    assert parsed(mail)["Subject"] == mail.subject
    assert part(mail, "plain") == mail.text
    assert part(mail, "html") == mail.html


def test_line_ends_are_crlf_alone():
    raw = make_one(greeting(), person(first_name="a\rb\nc")).as_bytes()
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")


@pytest.mark.parametrize("name", ["x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com", "x\0y"])
def test_a_name_injects_no_header(name):
    message = parsed(make_one(greeting(), person(first_name=name)))
    assert message["Bcc"] is None
    assert message["Subject"] == "Hi " + name.replace("\r\n", " ").replace("\n", " ").replace(
        "\0", " "
    )


def test_markup_in_a_name_is_text():
    mail = make_one(greeting(), person(first_name="<script>alert(1)</script>"))
    assert soup(mail).find("script") is None
    assert soup(mail).h1.get_text() == "Dear <script>alert(1)</script>,"
    assert "Dear <script>alert(1)</script>," in part(mail, "plain")


COMPILED: list = []


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=120))
def test_any_name_comes_back(name):
    if not COMPILED:
        COMPILED.append(compile_message(greeting()))
    who = person()
    answers = {"first_name": {1: name}}
    mail = personalize(COMPILED[0], [who], {1: envelope()}, answers, date=DATE)[1]
    shown = isolated(tidy(name).strip(), "ltr") or "you"
    assert parsed(mail)["Subject"] == one_line(f"Hi {shown}")
    assert f"Dear {shown}," in part(mail, "plain")
    assert part(mail, "html") == mail.html
    assert max(map(len, mail.as_bytes().split(b"\r\n"))) <= 300


@pytest.mark.parametrize(
    "bad", ["x" * 20_000_000, "half \ud800 a pair", type("B", (), {"__str__": None})()]
)
def test_a_bad_value_faults_its_own_recipient_alone(register, bad):
    register(Answering(lambda who: bad if who.id == 2 else "fine"))
    made = make_all(source(heading("{{ extra|x }}")), [person(1), person(2), person(3)])
    assert [type(made[n]).__name__ for n in (1, 2, 3)] == ["FilledMail", "Fault", "FilledMail"]


def test_a_held_value_holds_its_own_recipient_alone(register):
    register(Answering(lambda who: Hold("no code yet") if who.id == 2 else "C0DE"))
    made = make_all(source(heading("{{ extra|x }}")), [person(1), person(2)])
    assert made[2] == Hold("no code yet")
    assert isinstance(made[1], Mail)


def test_a_field_that_raises_faults_the_guilty_alone(register):
    field = Answering(lambda who: 1 // (who.id - 2))
    register(field)
    made = make_all(source(heading("{{ extra|x }}")), [person(n) for n in (1, 2, 3)])
    assert isinstance(made[2], Fault) and "ZeroDivisionError" in made[2].reason
    assert isinstance(made[1], Mail) and isinstance(made[3], Mail)


@pytest.mark.parametrize(
    "fields",
    [
        {"leave_url": "javascript:alert(1)"},
        {"leave_url": "https://x.example/>\r\nBcc: y"},
        {"from_email": "nobody"},
        {"reply_to": "no one"},
        {"message_id": "a b"},
        {"list_id": "a\r\nb"},
        {"headers": {"Bcc": "x@y.example"}},
        {"headers": {"list-id": "<again>"}},
        {"headers": {"X: y\r\nZ": "1"}},
    ],
)
def test_an_envelope_that_cannot_be_is_a_fault(fields):
    assert isinstance(make_one(greeting(), **fields), Fault)


@pytest.mark.parametrize(
    "address", ["a@b.example, c@d.example", "a@b\r\nBcc: x@y.example", "nobody"]
)
def test_an_address_that_is_none_is_a_fault(address):
    assert isinstance(make_one(greeting(), person(email=address)), Fault)


def test_an_address_beyond_ascii_goes_out_as_utf8():
    raw = make_one(greeting(), person(email="jürgen@example.com")).as_bytes()
    assert "To: jürgen@example.com\r\n".encode() in raw


def test_a_recipient_without_envelope_is_a_fault():
    compiled = compile_message(greeting())
    made = personalize(compiled, [person()], {}, {"first_name": {}}, date=DATE)
    assert isinstance(made[1], Fault)


def test_the_leave_link_is_the_same_in_header_and_both_bodies():
    mail = make_one(greeting())
    assert soup(mail).find("a", string="Unsubscribe")["href"] == LEAVE
    assert f"Unsubscribe: {LEAVE}\n" in part(mail, "plain")


def test_a_mail_may_be_built_by_hand():
    mail = Mail(
        to="a@b.example", from_email="c@d.example", subject="Hé", text="t ", html="<p>h</p>"
    )
    assert parsed(mail)["Subject"] == "Hé"
    assert (part(mail, "plain"), part(mail, "html")) == ("t ", "<p>h</p>")


def test_the_foot_names_brand_and_address():
    text = part(make_one(greeting()), "plain")
    assert f"{BRAND.name}\n{BRAND.postal_address}\nUnsubscribe:" in text
