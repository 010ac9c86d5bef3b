"""What a mail shows of the site and leads to there, and whether it still is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.utils.translation import gettext as _
from wagtail.blocks import Block, ChooserBlock, ListBlock, StreamBlock, StructBlock
from wagtail.models import Page

from ..chosen import DOCUMENT, PAGE, links
from ..streams import stored


def gone(block: Block, value: Any, raw: Any) -> list[str]:
    """What was chosen in a block and is no longer there, in sentences. No query.

    `raw`: the block's stored data. It names what was chosen; `value` has None in its place.
    """
    models = (chooser.target_model for chooser in _lost(block, value, raw))
    names = dict.fromkeys(str(model._meta.verbose_name) for model in models)
    return [_("What was chosen there no longer exists: %s.") % name for name in names]


def _lost(block: Block, value: Any, raw: Any) -> Iterator[Any]:
    """The choosers in the block, however deep, whose choice is gone."""
    if isinstance(block, ChooserBlock):
        if raw and value is None:
            yield block
    elif isinstance(block, StreamBlock):
        # A plain stream drops what it doesn't know.
        known = [one for one in raw or () if one.get("type") in block.child_blocks]
        values = [one.get("value") for one in known] or stored(value)
        for child, inner in zip(value or (), values, strict=False):
            yield from _lost(child.block, child.value, inner)
    elif isinstance(block, ListBlock) and isinstance(raw, list):
        for item, inner in zip(value or (), raw, strict=False):
            bare = inner.get("value") if isinstance(inner, dict) and "type" in inner else inner
            yield from _lost(block.child_block, item, bare)
    elif isinstance(block, StructBlock) and isinstance(raw, dict):
        for name, child_block in block.child_blocks.items():
            inner = value.get(name) if isinstance(value, Mapping) else value
            yield from _lost(child_block, inner, raw.get(name))


def broken(source: str) -> list[str]:
    """Why its links lead nowhere, in sentences; [] where all can be opened. Two queries at most."""
    leads = links(source)
    return [*_pages(leads[PAGE]), *_documents(leads[DOCUMENT])]


def _pages(ids: list[int]) -> list[str]:
    if not ids:
        return []
    rows = Page.objects.filter(pk__in=ids).values_list("pk", "title", "live")
    found = {pk: (title, live) for pk, title, live in rows}
    gone = [_("A page that it leads to no longer exists.")] * bool(set(ids) - found.keys())
    drafts = [title for title, live in found.values() if not live]
    return [*gone, *(_('The page "%s" that it leads to is not published.') % t for t in drafts)]


def _documents(ids: list[int]) -> list[str]:
    if not ids or not apps.is_installed("wagtail.documents"):
        return []
    from wagtail.documents import get_document_model

    there = get_document_model().objects.filter(pk__in=ids).values_list("pk", flat=True)
    gone = set(ids) - set(there)
    return [_("A document that it leads to no longer exists.")] * bool(gone)
