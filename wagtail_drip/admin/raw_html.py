"""HTML of one's own in mails: who may not write it keeps what others wrote, and no more.

What a form may hold is compared with what the row holds: block by block, by their ids. So it
makes no difference how a POST came about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from wagtail.blocks.base import BlockWidget

from ..content.raw_block import KEEP, RawBlock
from ..models import Step
from ..streams import raw, sharing

PERMISSION = f"{Step._meta.app_label}.write_html"


def may_write_html(user: Any) -> bool:
    return bool(user and user.has_perm(PERMISSION))


class KeepsHtml:
    """Mixed into the form of something with a mail's body in its field `body`."""

    fields: dict[str, Any]
    instance: Any
    for_user: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.written: dict[str, Any] = {}
        self.bound_to_keep = "body" in self.fields and not may_write_html(self.for_user)
        if self.bound_to_keep:
            self.written = dict(written(raw(self.instance.body)))
            field = self.fields["body"]
            with sharing() as pool:
                pool[KEEP] = []
                block = type(self.instance._meta.get_field("body").stream_block)(
                    required=field.block.required
                )
            block.set_name("body")
            field.block, field.widget = block, BlockWidget(block)

    def clean_body(self) -> Any:
        body = self.cleaned_data["body"]  # type: ignore[attr-defined]
        if self.bound_to_keep:
            given = list(written(body.get_prep_value()))
            most = max(Counter(id for id, _html in given).values(), default=0)
            if most > 1 or any(self.written.get(id) != html for id, html in given):
                raise ValidationError(
                    _("You may not write HTML: leave the HTML blocks as they were, or out.")
                )
        return body


def written(stream: Any) -> Iterator[tuple[str, Any]]:
    """(id, HTML) of the HTML blocks in raw stream data, however deep."""
    if isinstance(stream, list):
        for item in stream:
            yield from written(item)
    elif isinstance(stream, dict):
        if stream.get("type") == RawBlock.slug and "value" in stream:
            yield str(stream.get("id")), stream["value"]
        else:
            for inner in stream.values():
                yield from written(inner)
