"""The mail that every contestant sends: 18.7 KB with eight links, a greeting and a way to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wagtail_drip.models import Step

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


def preview_form(step: Step, blocks: int) -> dict[str, str]:
    """What the editor sends of a mail with so many blocks: words, pictures, links to pages."""
    from wagtail.models import Page

    from tests.content.support import image

    page, picture = Page.objects.get(depth=2), image()
    linked = f'<p>A lesson in one. <a linktype="page" id="{page.pk}">{WORDS}</a></p>'
    kinds: list[dict[str, Any]] = [
        block("heading", {"text": GREETING, "size": "large"}),
        block("text", linked),
        block("image", {"image": picture.pk, "alt": "A lesson", "page": page.pk, "url": ""}),
        block("button", {"label": "Read it", "page": page.pk, "url": ""}),
    ]
    form = {"name": step.name, "subject": step.subject, "body-count": str(blocks)}
    for number in range(blocks):
        kind, start = kinds[number % len(kinds)], f"body-{number}"
        form |= {f"{start}-deleted": "", f"{start}-order": str(number), f"{start}-id": ""}
        form[f"{start}-type"] = kind["type"]
        value = kind["value"]
        if isinstance(value, str):
            widget = step.body.stream_block.child_blocks["text"].field.widget
            value = {"": widget.format_value(value)}
        for name, said in value.items():
            form[f"{start}-value{name and '-' + name}"] = str(said)
    return form
