"""The contract of a channel: one screen.

A channel opens a session; a session transmits one mail at a time and answers with an outcome,
never with an exception of its own transport. One session belongs to one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class Sent:
    """Taken by the server or provider."""

    provider_id: str = ""
    # Of a text message, as the delivery keeps them; 0: it is none.
    characters: int = 0
    segments: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused for good; trying again would change nothing.

    `opted_out`: the provider says that this address wants nothing more, and it is to be suppressed.
    """

    reason: str
    opted_out: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """Not taken, and certainly not sent. May be tried again.

    `outage`: the fault is the server's or the line's, not this message's, so the try burns no
    attempt and the rest of the slice waits too.
    """

    reason: str
    outage: bool = False


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The line broke after the message may have been taken. Never repeated on its own."""

    reason: str


Outcome = Sent | Refused | Again | Uncertain


class Session:
    """An open connection, reused for many messages. A context manager."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def ready(self) -> Again | None:
        """Be connected; None: it is. Called before each mail, and before its last check.

        It may take as long as the server likes; `transmit` should not have to wait for that.
        """
        return None

    @property
    def is_telling(self) -> bool:
        """Whether the time that `transmit` takes is the server's, and not spent in watching it."""
        return True

    def transmit(self, mail: Any) -> Outcome:
        """Send one `content.personalizing.Mail`; at most once."""
        raise NotImplementedError

    def close(self) -> None:
        """Let the connection go; raises nothing."""


class Channel:
    """One way outwards, registered by `register_drip_channels` under its slug."""

    slug: str
    label: str | Promise
    icon: str = "mail"
    # What editors write in a step of this channel: a `content.messages.MessageBlock`. None: a mail,
    # with subject, preheader and body, and `transmit` gets a Mail; else it gets a Message.
    block: Any = None
    # The attribute of the person that `Message.to` is; "": it needs none of theirs.
    address: str = "email"
    # Whether the links of its texts are to be as short as can be.
    short_links: bool = False
    # Whether what goes is a message to the person, as their caps count them.
    counts: bool = True
    # Whether several connections may be used side by side where it is slow.
    parallel: bool = True
    # Whether the same message twice is taken once. Then none is ever in doubt: it is tried again.
    repeatable: bool = False

    def address_of(self, person: Any) -> str:
        """Where a message to `person` (a content.personalizing.Recipient) goes; "": nowhere."""
        return str(getattr(person, self.address, "")) if self.address else ""

    def obstacle(self) -> str:
        """Why the site can't use it as it is set up, for the gate and the line; "": it can."""
        return ""

    def open(self) -> Session | Again:
        """A session, or `Again(outage=True)` where the server can't be reached now."""
        raise NotImplementedError
