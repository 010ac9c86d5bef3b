from __future__ import annotations

import email
from email import policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wagtail_drip.content import mime
from wagtail_drip.content.mime import Bodies, Section, header, mailbox, quoted, stuffed

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300)


def parse(lines: str) -> email.message.EmailMessage:
    return email.message_from_bytes(lines.encode() + b"\r\n", policy=policy.default)


def decoded(body: bytes, kind: str) -> str:
    head = f"MIME-Version: 1.0\r\nContent-Type: {mime._TYPE}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=policy.default)
    return message.get_body((kind,)).get_content().replace("\r\n", "\n")


@settings(deadline=None)
@given(TEXT.map(mime.one_line))
def test_any_subject_comes_back(subject):
    line = header("Subject", subject)
    assert max(map(len, line.split("\r\n"))) <= 76 or subject.isascii()
    assert parse(line)["Subject"] == subject


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: x@y.example", "a\nb", "a\0b", "a\u2028b", "a\x85b", "\x0b"]
)
def test_nothing_in_a_value_ends_its_line(evil):
    line = header("Subject", evil)
    assert len(line.splitlines()) == 1 and "\0" not in line
    assert parse(line).keys() == ["Subject"]


def test_a_long_ascii_subject_is_folded_at_spaces():
    lines = header("Subject", "many words " * 40).split("\r\n")
    assert max(map(len, lines)) <= 76 and "=?" not in lines[0]


def test_a_word_too_long_for_a_line_is_encoded():
    line = header("Subject", "x" * 2000)
    assert max(map(len, line.split("\r\n"))) <= 76
    assert parse(line)["Subject"] == "x" * 2000


def test_what_looks_like_an_encoded_word_stays_what_was_typed():
    assert parse(header("Subject", "=?utf-8?q?Hi?="))["Subject"] == "=?utf-8?q?Hi?="


@pytest.mark.parametrize(
    ("given_", "name"),
    [
        ("books@x.example", ""),
        ("Books <books@x.example>", "Books"),
        ("Bücher für alle und noch ein sehr langer Name dazu <books@x.example>", None),
        ('"A, B" <books@x.example>', "A, B"),
    ],
)
def test_a_sender_comes_back(given_, name):
    line = mailbox("From", given_)
    address = parse(line)["From"].addresses[0]
    assert address.addr_spec == "books@x.example"
    assert name is None or address.display_name == name
    assert max(map(len, line.split("\r\n"))) <= 78


@pytest.mark.parametrize(
    "bad", ["", "a", "a@b\r\nBcc: c@d.example", "a@b>,<c@d", "a,b@c.example", "a b@c"]
)
def test_what_is_no_address_is_refused(bad):
    with pytest.raises(ValueError, match="not an e-mail address"):
        mime.check_address(bad)


@pytest.mark.parametrize("bad", ["", "a\r\nb", "a b", "<a><b>", "é@x"])
def test_what_is_no_message_id_is_refused(bad):
    with pytest.raises(ValueError, match="identifier"):
        mime.in_brackets(bad)


@pytest.mark.parametrize("before", [0, 1, 70, 72, 73, 74, 75, 76, 77, 150, 152])
@pytest.mark.parametrize("filler", ["x", "=", "é", " ", "\n"])
def test_a_hole_may_stand_at_any_column(before, filler):
    text = filler * before
    for value in ("", "v", "=", "é" * 100, "a b ", ".", " "):
        body = Bodies([text, 0, text], [0, text, 0]).fill([(quoted(value), quoted(value))])
        assert decoded(body, "plain") == text + value + text
        assert decoded(body, "html") == value + text + value
        assert max(map(len, body.split(b"\r\n"))) <= 76


DOTTED = st.text(st.sampled_from(".a\n =é"), max_size=200)


@settings(deadline=None)
@given(st.lists(DOTTED, min_size=2, max_size=4), DOTTED, st.booleans())
def test_on_the_wire_each_dot_that_begins_a_line_is_doubled(texts, value, there):
    """As RFC 5321 4.5.2 has it of the whole: a line with a dot alone would end the mail."""
    parts = [*texts, 0, *texts, Section(1, (*texts, 0, texts[0]))]
    bodies = Bodies(parts, parts)
    values = [(quoted(value), quoted(value)), (b"", b"") if there else None]
    wire = bodies.fill(values, on_the_wire=True)
    assert wire == stuffed(bodies.fill(values))
    lines = wire.split(b"\r\n")
    assert all(line.startswith(b"..") for line in lines if line.startswith(b"."))


def test_holes_side_by_side():
    body = Bodies([0, 1, 0], [1]).fill([(b"a", b"b"), (b"c", b"d")])
    assert (decoded(body, "plain"), decoded(body, "html")) == ("aca", "d")


@settings(deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=4))
def test_any_text_comes_back(texts):
    body = Bodies(texts, texts).fill(())
    assert decoded(body, "plain") == "".join(texts)
    assert max(map(len, body.split(b"\r\n"))) <= 76


def test_no_text_can_end_a_part():
    assert decoded(Bodies([f"\n--{mime.BOUNDARY}--\n"], [""]).fill(()), "plain").count("--") == 2
