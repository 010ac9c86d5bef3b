"""Streams that hooks add blocks to: the blocks they don't know, they show and keep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.functional import cached_property
from django.utils.html import escape
from django.utils.translation import gettext_lazy
from wagtail.admin.staticfiles import versioned_static
from wagtail.admin.telepath import register
from wagtail.blocks import Block, ChoiceBlock, FieldBlock, StreamBlock, StreamValue
from wagtail.blocks.stream_block import StreamBlockAdapter

from .chosen import Brought, at_once

UNKNOWN = "unknown"  # the form's stand-in; it is never stored

# The blocks for each place, while a stream is being built. Streams inside one another offer the
# same ones: each built anew would double them with every level, and the editor with them.
_shared: ContextVar[dict[Any, list[tuple[str, Block]]] | None] = ContextVar("shared", default=None)


@contextmanager
def sharing() -> Iterator[dict[Any, list[tuple[str, Block]]]]:
    """The pool of the outermost stream that is being built, by the place in it."""
    if (pool := _shared.get()) is not None:
        yield pool
        return
    token = _shared.set(pool := {})
    try:
        yield pool
    finally:
        _shared.reset(token)


class UnknownBlock(FieldBlock):
    """Stands in for a block whose type nobody registers any more, and keeps its data."""

    is_offered = False

    def __init__(self, **kwargs: Any) -> None:
        self.field = forms.JSONField(
            required=False,
            widget=forms.Textarea(attrs={"readonly": True, "rows": 2}),
            help_text=gettext_lazy(
                "This site doesn't know this block any more. Remove it to publish."
            ),
        )
        super().__init__(**kwargs)

    def value_from_form(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) and value else value

    def render_basic(self, value: Any, context: Any = None) -> str:
        return escape(f"[{kind(value)}]")

    class Meta:
        label = gettext_lazy("Unknown block")
        icon = "warning"
        group = gettext_lazy("Unknown")


def kind(value: Any) -> str:
    """The type of the block that an UnknownBlock's value stands in for."""
    return str(value.get("type", "")) if isinstance(value, dict) else ""


class TextChoiceBlock(ChoiceBlock):
    """Of choices that are texts: reading one asks nobody what may be chosen.

    Wagtail looks each value up among the choices to learn its type, which for choices out of the
    database is a query for each block.
    """

    def normalize_choice(self, value: Any) -> str | None:
        return None if value is None else str(value)


class OpenStreamBlock(StreamBlock):
    """A StreamBlock over what hooks registered. What it doesn't know it shows and keeps.

    Wagtail drops blocks of an unknown type on reading, and the next save loses them: an app
    taken out for a day would cut holes into campaigns and mails.
    """

    def __init__(self, local_blocks: Any = None, **kwargs: Any) -> None:
        super().__init__([*(local_blocks or []), (UNKNOWN, UnknownBlock())], **kwargs)

    def to_python(self, value: Any) -> StreamValue:
        if isinstance(value, str) and value:
            try:
                value = json.loads(value)
            except ValueError:
                return self.empty_value(raw_text=value)
        return super().to_python(self._wrapped(value))

    def bulk_to_python(self, values: Any) -> list[StreamValue]:
        wrapped = [self._wrapped(stream) for stream in values]
        found = super().bulk_to_python(wrapped)
        for value, stream in zip(found, wrapped, strict=True):
            value.stored = stream  # Wagtail keeps it for outermost streams alone
        return found

    def get_prep_value(self, value: Any) -> list[dict[str, Any]]:
        return with_ids(unwrapped(super().get_prep_value(value)))

    def value_from_datadict(self, data: Any, files: Any, prefix: str) -> StreamValue:
        if not isinstance(data, Brought):  # a stream inside another one has it already
            data = Brought(data, self, prefix)
        return super().value_from_datadict(data, files, prefix)

    def get_form_state(self, value: Any) -> list[dict[str, Any]]:
        with at_once(self, value):
            return super().get_form_state(value)

    def _wrapped(self, stream: Any) -> Any:
        if not isinstance(stream, list) or not all(isinstance(item, dict) for item in stream):
            return stream
        return [self._wrap(item) for item in unwrapped(stream)]

    def _wrap(self, item: dict[str, Any]) -> dict[str, Any]:
        if item.get("type") in self.child_blocks:
            return item
        inner = {"type": item.get("type"), "value": item.get("value")}
        return {"type": UNKNOWN, "value": inner, "id": item.get("id")}


class OpenStreamAdapter(StreamBlockAdapter):
    """Keeps blocks that can be shown, but not added, out of the picker."""

    js_constructor = "wagtail_drip.OpenStreamBlock"

    def js_args(self, block: Any) -> list[Any]:
        name, groups, initial, meta = super().js_args(block)
        children = block.child_blocks.items()
        kept = [name for name, child in children if not getattr(child, "is_offered", True)]
        return [name, groups, initial, {**meta, "notOffered": kept}]

    @cached_property
    def media(self) -> forms.Media:
        script = versioned_static("wagtail_drip/open_stream.js")
        return super().media + forms.Media(js=[script])


register(OpenStreamAdapter(), OpenStreamBlock)


def unwrapped(stream: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Raw stream data with each stand-in replaced by what it stands for."""
    return [
        {**item["value"], "id": item.get("id")}
        if item.get("type") == UNKNOWN and isinstance(item.get("value"), dict)
        else item
        for item in stream
    ]


def raw(value: Any) -> list[dict[str, Any]]:
    """A stream's value as the raw data it is stored as."""
    return unwrapped(list(value.raw_data)) if isinstance(value, StreamValue) else list(value or [])


def stored(children: Any) -> list[Any]:
    """What is stored of each block of a stream's value; [] where that isn't known.

    Of what was chosen and is gone, the stored data has the name still, and the value has None.
    """
    if not isinstance(children, StreamValue):
        return []
    found = getattr(children, "stored", None) or children.raw_data
    return [one.get("value") for one in found] if len(found) == len(children) else []


def with_ids(stream: Any) -> Any:
    """Give every stream block in this raw data that has none an id, in place, and return it.

    Wagtail assigns ids to a stream's own blocks only, not to those of streams inside.
    """
    if isinstance(stream, list):
        for item in stream:
            if isinstance(item, dict) and "type" in item and "value" in item:
                item["id"] = item.get("id") or str(uuid4())
                with_ids(item["value"])
            else:
                with_ids(item)
    elif isinstance(stream, dict):
        for item in stream.values():
            with_ids(item)
    return stream
