"""Mails for the channels' tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from wagtail_drip.content.personalizing import Mail


def mail(to: str = "ann@example.com", **fields: Any) -> Mail:
    fields.setdefault("from_email", "The Shop <shop@example.com>")
    fields.setdefault("subject", "Hello")
    fields.setdefault("text", "One\n.dot\nthree\n")
    fields.setdefault("html", "<p>One</p>")
    fields.setdefault("headers", {"Message-ID": "<1@example.com>", "List-Id": "<l.example.com>"})
    fields.setdefault("message_id", "<1@example.com>")
    fields.setdefault("date", datetime(2026, 3, 2, 9, tzinfo=UTC))
    return Mail(to=to, **fields)
