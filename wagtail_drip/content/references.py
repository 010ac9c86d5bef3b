"""What a mail shows of the site and leads to there, and whether it still is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
    return all_broken([source])[source]


def all_broken(sources: Iterable[str]) -> dict[str, list[str]]:
    """The same of many rich texts, by the text, in two queries at most."""
    leads = {source: links(source) for source in sources}
    pages = _pages([pk for one in leads.values() for pk in one[PAGE]])
    documents = _documents([pk for one in leads.values() for pk in one[DOCUMENT]])
    return {
        source: [*_page_troubles(one[PAGE], pages), *_document_troubles(one[DOCUMENT], documents)]
        for source, one in leads.items()
    }


def _pages(ids: list[int]) -> dict[int, tuple[str, bool]]:
    """Title, and whether it is published, of those that are there."""
    if not ids:
        return {}
    rows = Page.objects.filter(pk__in=ids).values_list("pk", "title", "live")
    return {pk: (title, live) for pk, title, live in rows}


def _page_troubles(ids: list[int], found: Mapping[int, tuple[str, bool]]) -> list[str]:
    gone = [_("A page that it leads to no longer exists.")] * bool(set(ids) - found.keys())
    drafts = [found[pk][0] for pk in dict.fromkeys(ids) if pk in found and not found[pk][1]]
    return [*gone, *(_('The page "%s" that it leads to is not published.') % t for t in drafts)]


def _documents(ids: list[int]) -> set[int] | None:
    """Those that are there; None: the site has no documents at all."""
    if not apps.is_installed("wagtail.documents"):
        return None
    if not ids:
        return set()
    from wagtail.documents import get_document_model

    return set(get_document_model().objects.filter(pk__in=ids).values_list("pk", flat=True))


def _document_troubles(ids: list[int], there: set[int] | None) -> list[str]:
    gone = set() if there is None else set(ids) - there
    return [_("A document that it leads to no longer exists.")] * bool(gone)
