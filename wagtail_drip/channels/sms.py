"""Text messages: words of few characters to a person's mobile number.

What sends them is the site's back end (`WAGTAIL_DRIP_SMS_BACKEND`): a class with `obstacle()` and
`open()` as `Channel` has them, whose session gets a Message with `to` (E.164) and `text`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.blocks import TextBlock

from ..conf import conf
from ..content import phone
from ..content.messages import Message, MessageBlock
from ..content.segments import GSM7, Count, count
from .base import Again, Channel, Outcome, Refused, Sent, Session

LONGEST = 1600  # characters that providers take as one message
MOST_NAMED = 10  # characters that a warning names


class TextMessageBlock(MessageBlock):
    words_in = ("text",)
    linked_in = ("text",)

    text = TextBlock(
        label=gettext_lazy("Text"),
        rows=4,
        help_text=gettext_lazy(
            "You may write {{ first_name|friend }}. Whole addresses of pages become links. "
            "Characters and segments are counted under Checks and in the preview."
        ),
    )

    class Meta:
        label = gettext_lazy("Text message")
        icon = "mobile-alt"
        label_format = "{text}"
        preview = "sms"

    def problems(self, value: Any) -> list[str]:
        text = str(value.get("text") or "")
        if not text.strip():
            return [_("It has no text.")]
        if (found := count(text)).characters > LONGEST:
            said = {"number": found.characters, "most": LONGEST}
            return [_("It has %(number)d characters; a text message has %(most)d at most.") % said]
        return []

    def notes(self, message: Message) -> list[str]:
        return [counted(count(message.text))]

    def advice(self, message: Message) -> list[str]:
        found, told = count(message.text), []
        if found.segments > conf.SMS_SEGMENTS:
            text = _("It has more than %d segments, and each is paid for.")
            told.append(text % conf.SMS_SEGMENTS)
        if found.dear:
            text = _(
                "These characters leave room for 70 in a segment instead of 160, since phones "
                "don't have them in their short alphabet: %s"
            )
            named = " ".join(map(shown, found.dear[:MOST_NAMED]))
            told.append(text % named + (" …" if len(found.dear) > MOST_NAMED else ""))
        return told

    def shown(self, message: Message) -> list[tuple[str, str]]:
        return [
            (_("To"), message.to or _("no number")),
            (_("Length"), counted(count(message.text))),
        ]


def counted(found: Count) -> str:
    """The count as editors read it."""
    short = found.encoding == GSM7
    return ngettext(
        "%(characters)d characters in %(segments)d segment (%(encoding)s)",
        "%(characters)d characters in %(segments)d segments (%(encoding)s)",
        found.segments,
    ) % {
        "characters": found.characters,
        "segments": found.segments,
        "encoding": _("short alphabet, GSM-7") if short else _("all alphabets, UCS-2"),
    }


def shown(char: str) -> str:
    """A character by itself; by its number where there is nothing to see."""
    return char if char.isprintable() and not char.isspace() else f"U+{ord(char):04X}"


class SmsChannel(Channel):
    """`backend`: what sends; default the one that the site has set."""

    slug = phone.SMS
    label = gettext_lazy("Text message")
    icon = "mobile-alt"
    block = TextMessageBlock()
    short_links = True

    def __init__(self, backend: Any = None) -> None:
        self._backend = backend

    def address_of(self, person: Any) -> str:
        return phone.number_of(person.attributes)

    def obstacle(self) -> str:
        if self._backend is None and not conf.SMS_BACKEND:
            return _("This site sends no text messages: WAGTAIL_DRIP_SMS_BACKEND is not set.")
        try:
            return str(self.backend().obstacle())
        except Exception as error:  # a site's own back end, or a path that leads nowhere
            return _("The back end of text messages can't be used: %s") % error

    def backend(self) -> Any:
        if self._backend is None:
            self._backend = import_string(conf.SMS_BACKEND)()
        return self._backend

    def open(self) -> Session | Again:
        if trouble := self.obstacle():
            return Again(trouble, outage=True)
        session = self.backend().open()
        return session if isinstance(session, Again) else SmsSession(session)


class SmsSession(Session):
    """Counts what the back end's session sends, and sends nothing to nobody."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def ready(self) -> Again | None:
        return self.session.ready()

    def transmit(self, mail: Message) -> Outcome:
        if not mail.to:
            return Refused(_("They have no usable number."))
        found = count(mail.text)
        if not found.characters:
            return Refused(_("It has no text."))
        if found.characters > LONGEST:
            said = {"number": found.characters, "most": LONGEST}
            return Refused(
                _("It has %(number)d characters; a text message has %(most)d at most.") % said
            )
        outcome = self.session.transmit(mail)
        if isinstance(outcome, Sent):
            return replace(outcome, characters=found.characters, segments=found.segments)
        return outcome

    def close(self) -> None:
        self.session.close()
