"""What steps of other channels than e-mail say: a block of the channel's, and one person's message.

Its texts have merge fields as mails do, filled by the same functions; what editors chose besides
goes to the channel as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import StreamValue, StructBlock

from .. import registry
from ..streams import OpenStreamBlock, UnknownBlock, kind
from .personalizing import Envelope, Mail, Recipient


class MessageBlock(StructBlock):
    """What a step of one channel consists of; the channel's `block`.

    `words_in`: its children that are texts with merge fields; the others are options. `linked_in`:
    those of them whose web addresses people follow.
    """

    words_in: tuple[str, ...] = ()
    linked_in: tuple[str, ...] = ()

    def problems(self, value: Any) -> list[str]:
        """Why such a message can't go out, in an editor's words."""
        return []

    def shown(self, message: Message) -> list[tuple[str, str]]:
        """What a preview tells of a message beside its texts: what it is, and how much."""
        return []

    def notes(self, message: Message) -> list[str]:
        """What is good to know of a message, beside its checks."""
        return []

    def advice(self, message: Message) -> list[str]:
        """What may be better in a message that can go out."""
        return []

    class Meta:
        label = gettext_lazy("Message")
        preview = "message"  # wagtail_drip/mail_preview_….html


class MessageStream(OpenStreamBlock):
    """Holds one block: that of the step's channel. They come from `register_drip_channels`."""

    def __init__(self, local_blocks: Any = None, **kwargs: Any) -> None:
        blocks = [
            (slug, channel.block)
            for slug, channel in registry.channels().items()
            if getattr(channel, "block", None) is not None
        ]
        super().__init__([*blocks, *(local_blocks or ())], **kwargs)

    class Meta:
        icon = "mail"
        max_num = 1


def _nowhere(person: Any) -> str:
    return ""


@dataclass(frozen=True)
class Words:
    """What editors wrote for a channel. `address_of`: the channel's."""

    stream: StreamValue
    address_of: Callable[[Any], str] = _nowhere

    @property
    def child(self) -> Any:
        """The block with its value; None where there is none, or nobody knows it any more."""
        first = next(iter(self.stream), None)
        return None if first is None or isinstance(first.block, UnknownBlock) else first

    @property
    def texts(self) -> dict[str, str]:
        if (child := self.child) is None:
            return {}
        return {name: str(child.value.get(name) or "") for name in child.block.words_in}

    @property
    def linked(self) -> tuple[str, ...]:
        """The names of those texts whose web addresses people follow."""
        return () if (child := self.child) is None else child.block.linked_in

    @property
    def options(self) -> dict[str, Any]:
        """The rest, as it is stored."""
        if (child := self.child) is None:
            return {}
        raw = child.block.get_prep_value(child.value)
        return {name: value for name, value in raw.items() if name not in child.block.words_in}

    def problems(self) -> list[str]:
        if child := self.child:
            return child.block.problems(child.value)
        if unknown := next(iter(self.stream), None):
            return [_("This site has no channel “%s”.") % kind(unknown.value)]
        return [_("There is nothing in it.")]


class Message(Mail):
    """One person's message for a channel. `texts` by name; `options`: what editors chose.

    `to`: the person's address on this channel. `token` names the delivery, the same for each try.
    """

    def __init__(
        self,
        texts: Mapping[str, str],
        words: Words,
        reader: Recipient,
        envelope: Envelope,
        date: datetime,
    ) -> None:
        self.texts, self.options, self.reader = dict(texts), words.options, reader
        text = "\n\n".join(text for text in self.texts.values() if text)
        super().__init__(
            to=words.address_of(reader),
            from_email=envelope.from_email,
            subject="",
            text=text,
            html="",
            message_id=envelope.message_id,
            metadata=envelope.metadata,
            tags=envelope.tags,
            date=date,
        )

    @property
    def token(self) -> str:
        return str(self.metadata.get("drip") or self.message_id)
