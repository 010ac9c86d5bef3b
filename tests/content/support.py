"""What the tests of the content wing are made of. Plain functions; nothing is saved."""

from __future__ import annotations

import email
import io
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from typing import Any

from bs4 import BeautifulSoup
from django.core.files.images import ImageFile
from PIL import Image as Picture
from wagtail.images import get_image_model

from wagtail_drip.content.blocks import BodyBlock
from wagtail_drip.content.compiling import Brand, Source
from wagtail_drip.content.making import make
from wagtail_drip.content.merge_fields import MergeField
from wagtail_drip.content.personalizing import Envelope, Mail, Recipient

DATE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BRAND = Brand("Lantern & Sons", "https://shop.example", "1 Harbour Street\nBookham")
LEAVE = "https://shop.example/drip/leave/abc:d-_e=/"


def body(*blocks: tuple[str, Any]) -> Any:
    raw = [{"type": t, "value": v, "id": f"id-{n}"} for n, (t, v) in enumerate(blocks)]
    return BodyBlock().to_python(raw)


def heading(text: str, size: str = "large") -> tuple[str, Any]:
    return "heading", {"text": text, "size": size}


def source(*blocks: tuple[str, Any], **fields: Any) -> Source:
    """A message; without blocks it has one paragraph."""
    fields = {"subject": "News", "preheader": "", "language": "en", "brand": BRAND, **fields}
    return Source(body=body(*(blocks or [("text", "<p>Hello.</p>")])), **fields)


def person(id: int = 1, **fields: Any) -> Recipient:
    return Recipient(**{"id": id, "contact_id": id, "email": f"p{id}@example.com", **fields})


def envelope(**fields: Any) -> Envelope:
    fields.setdefault("message_id", "<0123@shop.example>")
    fields.setdefault("from_email", "Lantern <books@shop.example>")
    return Envelope(**{"leave_url": LEAVE, **fields})


def make_all(message: Source, people: list[Recipient], **fields: Any) -> dict[int, Any]:
    return make(message, people, {p.id: envelope(**fields) for p in people}, date=DATE)


def make_one(message: Source, who: Recipient | None = None, **fields: Any) -> Any:
    who = who or person()
    return make_all(message, [who], **fields)[who.id]


def parsed(mail: Mail) -> EmailMessage:
    message = email.message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(mail: Mail, kind: str) -> str:
    """The "plain" or "html" part as a reader gets it."""
    found = parsed(mail).get_body((kind,))
    assert found is not None
    return found.get_content().replace("\r\n", "\n")


def soup(mail: Mail) -> BeautifulSoup:
    return BeautifulSoup(part(mail, "html"), "html.parser")


def image(kind: str = "JPEG", size: tuple[int, int] = (1600, 900), mode: str = "RGB") -> Any:
    data = io.BytesIO()
    Picture.new(mode, size, (20, 80, 60)).save(data, kind)
    file = ImageFile(io.BytesIO(data.getvalue()), name=f"picture.{kind.lower()}")
    return get_image_model().objects.create(title="Picture", file=file)


class Answering(MergeField):
    """A merge field that answers by a function, and counts how often it was asked."""

    slug, label, sample = "extra", "Extra", "SAMPLE"

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, 0

    def values(self, recipients: Any) -> dict[int, Any]:
        self.asked += 1
        return {recipient.id: self.answer(recipient) for recipient in recipients}
