"""The mail that every contestant sends: 18.7 KB with eight links, a greeting and a way to leave."""

from __future__ import annotations

from typing import Any

GREETING = "Hello {{ first_name|friend }},"
WORDS = (
    "A good series of mails has one thing to say each time – a welcome, a lesson, a gentle "
    "reminder – and lets the reader act on it in less than a minute. These words stand where an "
    "editor’s would, with a café or two among them."
)
LESSONS, PARAGRAPHS = 7, 15


def body() -> list[dict[str, Any]]:
    """The raw stream of a step."""
    blocks = [block("text", f"<p>{GREETING}</p>")]
    for number in range(1, LESSONS + 1):
        link = {"label": f"Read lesson {number}", "url": f"/lessons/{number}/", "page": None}
        blocks += [
            block("heading", {"text": f"Lesson {number}", "size": "small"}),
            block("text", f"<p>{WORDS}</p>"),
            block("button", link),
        ]
    blocks.append(block("text", "".join(f"<p>{WORDS}</p>" for _ in range(PARAGRAPHS))))
    return blocks


def block(slug: str, value: Any) -> dict[str, Any]:
    return {"type": slug, "value": value}
