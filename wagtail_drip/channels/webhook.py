"""Webhook: another system is told of a person, by a signed POST of JSON.

It is told once. It may be told again where it answered that it could not take it (429, 5xx), under
the same `id`; where nobody knows, a person decides.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from wagtail.blocks import (
    BooleanBlock,
    CharBlock,
    MultipleChoiceBlock,
    StructBlockValidationError,
    TextBlock,
)

from ..conf import conf
from ..content.messages import Message, MessageBlock
from . import guarded
from .base import Again, Channel, Outcome, Refused, Session

MOST_BYTES = 256 * 1024
# What another system may be told of a person beside attributes, by name.
FIELDS = {
    "email": gettext_lazy("E-mail address"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "language": gettext_lazy("Language"),
    "time_zone": gettext_lazy("Time zone"),
}
_KEYS = re.compile(r"[,\s]+")


class WebhookBlock(MessageBlock):
    words_in = ("text",)

    url = CharBlock(
        label=gettext_lazy("Address"),
        max_length=500,
        help_text=gettext_lazy("Starts with https://. Only hosts that this site knows are called."),
    )
    event = CharBlock(
        label=gettext_lazy("What it is told"),
        max_length=100,
        default="drip",
        help_text=gettext_lazy("A name that the other system tells its calls apart by."),
    )
    fields = MultipleChoiceBlock(
        label=gettext_lazy("Of the person"),
        choices=list(FIELDS.items()),
        default=["email"],
        required=False,
        help_text=gettext_lazy("Nothing else of them leaves this site."),
    )
    attributes = CharBlock(
        label=gettext_lazy("Attributes"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("Their keys, separated by commas, such as shoe_size, city."),
    )
    data = BooleanBlock(
        label=gettext_lazy("With the data of the event that made them enter"), required=False
    )
    text = TextBlock(
        label=gettext_lazy("Text"),
        required=False,
        rows=3,
        help_text=gettext_lazy(
            "For systems that post or show something. You may write {{ first_name|friend }}."
        ),
    )

    class Meta:
        label = gettext_lazy("Webhook")
        icon = "link-external"
        label_format = "{event}: {url}"

    def problems(self, value: Any) -> list[str]:
        found = []
        try:
            host = guarded.target(str(value.get("url") or "")).host
        except ValueError as error:
            found.append(str(error))
        else:
            if host not in conf.WEBHOOK_SECRETS:
                text = _(
                    "This site has no secret for %s: name the host in WAGTAIL_DRIP_WEBHOOK_SECRETS."
                )
                found.append(text % host)
        if not str(value.get("event") or "").strip():
            found.append(_("It isn't said what the other system is told."))
        return found

    def clean(self, value: Any) -> Any:
        value = super().clean(value)
        if not self.is_deferred_validation and value.get("url"):
            try:
                guarded.target(str(value["url"]))
            except ValueError as error:
                raise StructBlockValidationError(
                    block_errors={"url": ValidationError(str(error))}
                ) from None
        return value

    def shown(self, message: Message) -> list[tuple[str, str]]:
        body = json.dumps(payload(message), indent=2, ensure_ascii=False, default=str)
        return [
            (pgettext("an address", "To"), str(message.options.get("url") or "")),
            (_("It is told"), body),
        ]


class WebhookChannel(Channel):
    slug = "webhook"
    label = gettext_lazy("Webhook")
    icon = "link-external"
    block = WebhookBlock()
    address = ""
    counts = False

    def obstacle(self) -> str:
        if conf.WEBHOOK_SECRETS:
            return ""
        return _("This site calls no other system: WAGTAIL_DRIP_WEBHOOK_SECRETS names no host.")

    def open(self) -> Session | Again:
        return WebhookSession()


class WebhookSession(Session):
    """A connection for each call: they lead to many hosts, and few of them lead to the same."""

    def transmit(self, mail: Message) -> Outcome:
        try:
            to = guarded.target(str(mail.options.get("url") or ""))
        except ValueError as error:
            return Refused(str(error))
        secret = conf.WEBHOOK_SECRETS.get(to.host)
        if not secret:
            return Again(_("This site has no secret for %s.") % to.host)
        body = json.dumps(payload(mail), ensure_ascii=False, default=str).encode()
        if len(body) > MOST_BYTES:
            return Refused(_("There is more to tell than %d KB.") % (MOST_BYTES // 1024))
        stamp = str(int(mail.date.timestamp()))  # type: ignore[union-attr]
        headers = {
            "X-Drip-Id": mail.token,
            "X-Drip-Timestamp": stamp,
            "X-Drip-Signature": signature(secret, stamp, body),
        }
        return guarded.post(to, headers, body, conf.WEBHOOK_SECONDS)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `timestamp.body`, in hex; receivers compute the same."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def payload(message: Message) -> dict[str, Any]:
    """What the other system is told. Only what editors chose is in it."""
    options, reader = message.options, message.reader
    chosen = options.get("fields") or []
    contact = {name: getattr(reader, name) for name in FIELDS if name in chosen}
    keys = [key for key in _KEYS.split(str(options.get("attributes") or "")) if key]
    if keys:
        contact["attributes"] = {key: reader.attributes.get(key) for key in keys}
    told: dict[str, Any] = {
        "id": message.token,
        "event": options.get("event") or "drip",
        "at": message.date.isoformat() if message.date else "",
        "campaign": reader.campaign,
        "contact": contact,
    }
    if options.get("data"):
        told["data"] = dict(reader.data)
    if text := message.texts.get("text", ""):
        told["text"] = text
    return told
