"""A channel that keeps what it is given: for tests, ours and an integrator's.

channel = MemoryChannel(lambda mail: Refused("no") if mail.to == "a@b.example" else Sent())
with hooks.register_temporarily("register_drip_channels", lambda: {"email": channel}):
    ...
assert [mail.to for mail in channel.taken] == [...]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .base import Again, Channel, Outcome, Sent, Session


def always_sent(mail: Any) -> Outcome:
    return Sent()


class MemoryChannel(Channel):
    """`answer(mail)` gives each outcome; `outage` set, no session opens."""

    label = "Memory"

    def __init__(
        self,
        answer: Callable[[Any], Outcome] = always_sent,
        *,
        slug: str = "email",
        outage: str = "",
    ) -> None:
        self.slug = slug
        self.answer = answer
        self.outage = outage
        self.tried: list[Any] = []  # every mail, in order
        self.taken: list[Any] = []  # those answered with Sent
        self.ready: Callable[[Session], Again | None] = lambda session: None
        self.opened = 0

    def open(self) -> Session | Again:
        self.opened += 1
        return Again(self.outage, outage=True) if self.outage else MemorySession(self)


class MemorySession(Session):
    def __init__(self, channel: MemoryChannel) -> None:
        self.channel = channel

    def ready(self) -> Again | None:
        return self.channel.ready(self)

    def transmit(self, mail: Any) -> Outcome:
        self.channel.tried.append(mail)
        outcome = self.channel.answer(mail)
        if isinstance(outcome, Sent):
            self.channel.taken.append(mail)
        return outcome
