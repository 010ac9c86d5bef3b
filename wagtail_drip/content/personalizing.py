"""From a compiled message to one person's mail: recipients, slots, and the mail itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from . import mime
from .bidi import isolated

if TYPE_CHECKING:
    from .compiling import CompiledMessage

# A merge field is a few words. What is longer than this is a mistake and would make a bad mail.
MOST_CHARACTERS = 10_000
LEAVE = "leave_url"  # the slot of the unsubscribe link
PREFERENCES = "preferences_url"  # the slot of the link to the reader's own page
PLACE = "\ue002"  # stands for it in what person blocks give
REACTION = "reaction"  # the slot of the signed token in links that are counted
ONE_CLICK = "List-Unsubscribe=One-Click"  # RFC 8058
AUTO = "auto-generated"  # RFC 3834
OWN = {
    "message-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-id",
    "auto-submitted",
}

_SPECIAL = re.compile("[&<>\"']")
_LINK = re.compile(r"https?://[!#-;=?-~]{1,900}")  # visible ASCII but for quotes and angle brackets
# Line ends are \n by then. XML and HTML know no other controls than it and the tab.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Recipient:
    """What merge fields and person blocks may know of one delivery. Plain values, no models."""

    id: int  # the delivery's primary key; `values()` answers by it
    contact_id: int
    email: str
    first_name: str = ""
    last_name: str = ""
    language: str = ""
    time_zone: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    user_id: Any = None
    data: Mapping[str, Any] = field(default_factory=dict)  # of the event that enrolled
    campaign: str = ""  # slug
    node: str = ""
    enrollment_id: int | None = None
    track_clicks: bool = True
    track_opens: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """Given instead of a value: this recipient's mail must wait, for this reason (shown)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Given instead of a mail: this recipient's mail can't be made, for this reason (shown)."""

    reason: str


def for_staff() -> AbstractContextManager[None]:
    """What is said within it is in the site's own language, whatever mail is being made.

    Why a mail waits is kept with its delivery: editors read it there, not the mail's reader.
    """
    return translation.override(settings.LANGUAGE_CODE)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the engine knows of one delivery and the content doesn't."""

    message_id: str  # `<token@domain>`
    leave_url: str  # absolute; the same in the header and at the foot
    from_email: str  # `Name <address>` or `address`
    preferences_url: str = ""  # default: the leave link, whose page leads there
    reaction: str = ""  # what signs this mail's clicks and opens (links.sign_reaction)
    reply_to: str = ""
    list_id: str = ""  # default: `<campaign.domain of the sender>`
    headers: Mapping[str, str] = field(default_factory=dict)  # further ones
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    one_click: bool = True  # whether mail programs offer to leave; not for transactional mails


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a compiled message that each person fills: a merge field, a block, the link."""

    name: str
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a person block gives for one person: finished HTML, and the same as text."""

    html: str
    text: str


Word = str | Fragment  # what fills a slot
GATE = "gate:"  # begins the name of a slot that only says whether what is behind it is there


class Mail:
    """One person's mail: `as_bytes()` for SMTP, the attributes for any other back end.

    `headers` are those beside From, To, Subject, Date, Reply-To and MIME's. `to` is bare.
    """

    subject: str
    text: str
    html: str
    headers: dict[str, str]

    def __init__(
        self,
        *,
        to: str,
        from_email: str,
        subject: str,
        text: str,
        html: str,
        reply_to: str = "",
        headers: Mapping[str, str] | None = None,
        message_id: str = "",
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        date: datetime | None = None,
    ) -> None:
        self.to, self.from_email, self.reply_to, self.date = to, from_email, reply_to, date
        self.message_id, self.metadata, self.tags = message_id, dict(metadata or {}), tuple(tags)
        self.subject, self.text, self.html = subject, text, html
        self.headers = dict(headers or {})

    def as_bytes(self) -> bytes:
        """The message: CRLF, body lines of at most 76 bytes."""
        bodies = mime.Bodies([tidy(self.text)], [tidy(self.html)])
        subject = mime.header("Subject", self.subject).encode()
        return subject + mime.head(self, self.headers) + bodies.fill(())

    def on_the_wire(self) -> bytes:
        """As SMTP takes it between DATA and the final dot."""
        return mime.stuffed(self.as_bytes())


class FilledMail(Mail):
    """A mail cut out of a compiled message. Its texts are built when somebody asks for them.

    Raises ValueError where an address or a header of the envelope can't stand in a mail.
    """

    def __init__(
        self,
        compiled: CompiledMessage,
        words: Sequence[Word | None],
        recipient: Recipient,
        envelope: Envelope,
        date: datetime,
    ) -> None:
        self._compiled, self._words, self._envelope = compiled, words, envelope
        self.to, self.date = recipient.email, date
        self.from_email, self.reply_to = envelope.from_email, envelope.reply_to
        self.message_id = mime.in_brackets(envelope.message_id)
        self.metadata, self.tags = dict(envelope.metadata), tuple(envelope.tags)
        self._list_id = mime.list_id(envelope.list_id, recipient.campaign, envelope.from_email)
        if not OWN.isdisjoint(name.lower() for name in envelope.headers):
            raise ValueError(f"The envelope's headers {list(envelope.headers)} are ours to set.")
        leave = {
            "List-Unsubscribe": f"<{envelope.leave_url}>",
            "List-Unsubscribe-Post": ONE_CLICK,
        }
        self._leave = leave if envelope.one_click else {}
        self._head = mime.head(
            self,
            envelope.headers,
            f"Message-ID: {self.message_id}\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in self._leave.items())
            + f"List-Id: {self._list_id}\r\n"
            f"Auto-Submitted: {AUTO}\r\n",
        )

    @cached_property
    def headers(self) -> dict[str, str]:  # type: ignore[override]
        return {
            "Message-ID": self.message_id,
            **self._leave,
            "List-Id": self._list_id,
            "Auto-Submitted": AUTO,
            **self._envelope.headers,
        }

    @cached_property
    def subject(self) -> str:  # type: ignore[override]
        return mime.one_line(self._joined(self._compiled.subject, as_text))

    @cached_property
    def text(self) -> str:  # type: ignore[override]
        return self._joined(self._compiled.text, as_text)

    @cached_property
    def html(self) -> str:  # type: ignore[override]
        return self._joined(self._compiled.html, as_html)

    def as_bytes(self) -> bytes:
        return self._filled(on_the_wire=False)

    def on_the_wire(self) -> bytes:
        return self._filled(on_the_wire=True)  # no line of a header begins with a dot

    def _filled(self, *, on_the_wire: bool) -> bytes:
        compiled = self._compiled
        subject = compiled.subject_line or mime.header("Subject", self.subject).encode()
        filled = [None if word is None else encoded(word) for word in self._words]
        return subject + self._head + compiled.bodies.fill(filled, on_the_wire=on_the_wire)

    def _joined(self, parts: Iterable[mime.Part], how: Callable[[Word], str]) -> str:
        return "".join(self._part(part, how) for part in parts)

    def _part(self, part: mime.Part, how: Callable[[Word], str]) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, mime.Section):
            return "" if self._words[part.gate] is None else self._joined(part.parts, how)
        word = self._words[part]
        return "" if word is None else how(word)


def as_text(word: Word) -> str:
    return word if isinstance(word, str) else word.text


def as_html(word: Word) -> str:
    return escape(word) if isinstance(word, str) else word.html


def encoded(word: Word) -> tuple[bytes, bytes]:
    """A word as it stands in the text body and in the HTML body, quoted-printable."""
    if isinstance(word, Fragment):
        return mime.quoted(word.text), mime.quoted(word.html)
    if word.isalnum() and word.isascii() and len(word) < mime.LINE:
        plain = word.encode()
        return plain, plain
    text = mime.quoted(word)
    return text, mime.quoted(escape(word)) if _SPECIAL.search(word) else text


def tidy(text: str) -> str:
    """Line ends as \\n, and no control characters besides."""
    return _CONTROLS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def personalize(
    compiled: CompiledMessage,
    recipients: Iterable[Recipient],
    envelopes: Mapping[int, Envelope],
    answers: Mapping[str, Mapping[int, Any]],
    *,
    date: datetime,
) -> dict[int, Mail | Hold | Fault]:
    """Each recipient's mail by id, or why there is none.

    `answers`: for each slot's name, by recipient's id, the value: str, Fragment, None, Hold or
    Fault.
    """
    return {
        recipient.id: _one(compiled, recipient, envelopes.get(recipient.id), answers, date)
        for recipient in recipients
    }


def _one(
    compiled: CompiledMessage,
    recipient: Recipient,
    envelope: Envelope | None,
    answers: Mapping[str, Mapping[int, Any]],
    date: datetime,
) -> Mail | Hold | Fault:
    if envelope is None:
        return Fault(_("It has no envelope."))
    if not _LINK.fullmatch(envelope.leave_url):
        return Fault(_("The unsubscribe link %r is not a web address.") % envelope.leave_url[:200])
    words: list[Word | None] = []
    for slot in compiled.slots:
        if compiled.sections and not compiled.is_seen(slot, recipient.id, answers):
            words.append(None)
            continue
        if slot.name.startswith(GATE):
            is_open = answers[slot.name].get(recipient.id, False)
            if isinstance(is_open, Hold | Fault):
                return is_open
            if is_open and slot.name in compiled.held:
                return compiled.held[slot.name]
            words.append("" if is_open else None)
            continue
        if slot.name in (LEAVE, REACTION):
            words.append(envelope.leave_url if slot.name == LEAVE else envelope.reaction)
            continue
        if slot.name == PREFERENCES:
            words.append(envelope.preferences_url or envelope.leave_url)
            continue
        word = _word(slot, answers[slot.name].get(recipient.id), compiled.rendering.direction)
        if isinstance(word, Hold | Fault):
            return word
        if isinstance(word, Fragment) and PLACE in word.html:
            word = Fragment(word.html.replace(PLACE, envelope.reaction), word.text)
        words.append(word)
    if compiled.words is not None:
        return _message(compiled, words, recipient, envelope, date)
    try:
        return FilledMail(compiled, words, recipient, envelope, date)
    except ValueError as error:
        return Fault(str(error))


def _message(
    compiled: CompiledMessage,
    words: Sequence[Word | None],
    recipient: Recipient,
    envelope: Envelope,
    date: datetime,
) -> Mail:
    from .messages import Message

    assert compiled.words is not None
    filled = ["" if word is None else as_text(word) for word in words]
    texts = {
        name: "".join(part if isinstance(part, str) else filled[part] for part in parts)  # type: ignore[index]
        for name, parts in compiled.texts.items()
    }
    return Message(texts, compiled.words, recipient, envelope, date)


def filled(given: Any, id: int, answers: Mapping[str, Mapping[int, Any]], direction: str) -> Any:
    """What a block gives one person, with the merge fields in its words; else why it can't."""
    from .merge_fields import OPEN, split

    if not isinstance(given, Fragment) or OPEN not in given.html + given.text:
        return given
    made = []
    for marked, how in ((given.html, escape), (given.text, str)):
        parts: list[str] = []
        for part in split(marked):
            if isinstance(part, str):
                parts.append(part)
                continue
            word = _word(part, answers.get(part.name, {}).get(id), direction)
            if isinstance(word, Hold | Fault):
                return word
            parts.append(how(as_text(word)))
        made.append("".join(parts))
    return Fragment(*made)


def _word(slot: Slot, value: Any, direction: str) -> Word | Hold | Fault:
    """What fills the slot: the value made harmless, or the fallback where there is none."""
    if isinstance(value, Hold | Fault | Fragment):
        return value
    try:
        word = "" if value is None else str(value)
        word.encode()
    except Exception:
        return Fault(_("%s has characters that no mail can carry.") % slot.name)
    if len(word) > MOST_CHARACTERS:
        return Fault(
            _("%(field)s has %(length)d characters; %(most)d are the most a mail takes.")
            % {"field": slot.name, "length": len(word), "most": MOST_CHARACTERS}
        )
    word = word if word.isalnum() else tidy(word).strip()
    return isolated(word, direction) or isolated(slot.fallback, direction)
