"""What is chosen in a stream and linked in its texts, loaded at once for a form that shows it.

Wagtail's widgets ask for each chosen page, for its parent and for each picture's thumbnail one by
one, and so do links in texts: the editor of a long mail would open with hundreds of queries, and
each preview ask for every choice twice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.apps import apps
from django.db.models import Model, Prefetch, prefetch_related_objects
from wagtail.blocks import (
    Block,
    ChooserBlock,
    ListBlock,
    PageChooserBlock,
    RichTextBlock,
    StreamBlock,
    StructBlock,
)
from wagtail.images.blocks import ImageChooserBlock
from wagtail.images.models import AbstractImage
from wagtail.models import Page
from wagtail.snippets.blocks import SnippetChooserBlock

PAGE, DOCUMENT = "page", "document"
_LINK = re.compile(r"<a\b[^>]*>")
_KIND = re.compile(rf'\blinktype="({PAGE}|{DOCUMENT})"')
_ID = re.compile(r'\bid="(\d{1,18})"')

FRESH = "_drip_fresh"  # an attribute of what was loaded for the form that is being read

# What links lead to while a form is filled in, by kind and primary key.
_known: ContextVar[Mapping[str, Mapping[int, Any]] | None] = ContextVar("known", default=None)


def links(source: str) -> dict[str, list[int]]:
    """The primary keys of the pages and documents that a rich text leads to, by kind."""
    found: dict[str, list[int]] = {PAGE: [], DOCUMENT: []}
    for tag in _LINK.findall(source):
        if (kind := _KIND.search(tag)) and (pk := _ID.search(tag)):
            found[kind[1]].append(int(pk[1]))
    return found


def inside(block: Block, value: Any) -> Iterator[tuple[Block, Any]]:
    """The fields of a block, however deep, each with its value."""
    if isinstance(block, StreamBlock):
        for child in value or ():
            yield from inside(child.block, child.value)
    elif isinstance(block, ListBlock):
        for item in value or ():
            yield from inside(block.child_block, item)
    elif isinstance(block, StructBlock):
        for name, child in block.child_blocks.items():
            yield from inside(child, value.get(name) if isinstance(value, Mapping) else None)
    else:
        yield block, value


@contextmanager
def at_once(block: Block, value: Any) -> Iterator[None]:
    """While it lasts, showing `value` in a form asks the database as often for much as for little.

    What was chosen is loaded into the value's own instances.
    """
    if _known.get() is not None:  # a stream inside another one, which has looked into it
        yield
        return
    found, images, texts = [], [], []
    for field, given in inside(block, value):
        if isinstance(field, ChooserBlock):
            if isinstance(given, Page):
                found.append(given)
            elif isinstance(given, AbstractImage):
                images.append(given)
        elif isinstance(field, RichTextBlock) and given:
            texts.append(given.source)
    leads = links("".join(texts))
    # All of them by one query: what texts lead to, and the specific ones of what was chosen.
    bare = {page.pk for page in found if type(page) is not page.specific_class}
    specific = pages(bare.union(leads[PAGE]))
    for page in found:
        if page.pk in bare:
            page.specific = specific.get(page.pk, page)
    _parents([*specific.values(), *(page.specific for page in found)])
    if images:
        prefetch_related_objects(images, Prefetch("renditions", to_attr="prefetched_renditions"))
    token = _known.set({PAGE: specific, DOCUMENT: documents(leads[DOCUMENT])})
    try:
        yield
    finally:
        _known.reset(token)


def pages(pks: Iterable[int]) -> dict[int, Page]:
    """The specific pages with these primary keys; those that are gone are left out."""
    wanted = list(pks)
    rows = Page.objects.filter(pk__in=wanted).specific() if wanted else ()
    return {page.pk: page for page in rows}


def documents(pks: list[int]) -> dict[int, Any]:
    """The documents with these primary keys; those that are gone are left out."""
    if not pks or not apps.is_installed("wagtail.documents"):
        return {}
    from wagtail.documents import get_document_model

    return get_document_model().objects.in_bulk(pks)


def _parents(pages: Iterable[Page]) -> None:
    """Give each page its parent, where treebeard (and Wagtail with it) keeps one that is known."""
    below: dict[str, list[Page]] = defaultdict(list)
    for page in pages:
        if page.depth > 1:
            below[page.path[: -page.steplen]].append(page)
    parents = Page.objects.filter(path__in=list(below)) if below else ()
    for parent in parents:
        for page in below[parent.path]:
            page._cached_parent_obj = parent


def linked(kind: str, pk: str) -> Any:
    """What a link leads to, where it has been loaded."""
    return (_known.get() or {}).get(kind, {}).get(int(pk)) if pk.isdecimal() else None


class Brought:
    """A form's data, with what choosers name as rows: Wagtail takes those as they are."""

    def __init__(self, data: Any, block: Block, prefix: str) -> None:
        self.data = data
        wanted: dict[type[Model], dict[str, str]] = defaultdict(dict)
        for place, chooser in _choosers(block, data, prefix):
            if pk := data.get(place):
                wanted[chooser.model_class][place] = pk
        self.rows: dict[str, Model] = {}
        for model, places in wanted.items():
            found = _loaded(model, places.values())
            self.rows |= {at: found[pk] for at, pk in places.items() if pk in found}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    def __contains__(self, name: str) -> bool:
        return name in self.data

    def __getitem__(self, name: str) -> Any:
        return self.rows.get(name) or self.data[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.rows.get(name) or self.data.get(name, default)


def _choosers(block: Block, data: Any, prefix: str) -> Iterator[tuple[str, ChooserBlock]]:
    """The choosers in a form, however deep, by the names of their fields."""
    if isinstance(block, ChooserBlock):
        yield prefix, block
    elif isinstance(block, StructBlock):
        for name, child in block.child_blocks.items():
            yield from _choosers(child, data, f"{prefix}-{name}")
    elif isinstance(block, StreamBlock | ListBlock):
        count = data.get(f"{prefix}-count") or ""
        for number in range(int(count) if count.isdecimal() and len(count) < 7 else 0):
            if f"{prefix}-{number}-deleted" not in data:
                return  # a form that counts more than it has; Wagtail refuses it
            kind = data.get(f"{prefix}-{number}-type", "")
            child = (
                block.child_blocks.get(kind)
                if isinstance(block, StreamBlock)
                else block.child_block
            )
            if child is not None and not data.get(f"{prefix}-{number}-deleted"):
                yield from _choosers(child, data, f"{prefix}-{number}-value")


def _loaded(model: type[Model], pks: Iterable[str]) -> dict[str, Model]:
    """By the keys as the form has them; what is no key or gone is left to Wagtail."""
    whole = {pk for pk in pks if isinstance(pk, str) and pk.isdecimal() and len(pk) < 19}
    rows = model._default_manager.in_bulk(list(whole)) if whole else {}
    for row in rows.values():
        setattr(row, FRESH, True)
    return {str(pk): row for pk, row in rows.items()}


class Once:
    """Mixed into a chooser: what was loaded with its form is not asked for again to check it."""

    def clean(self, value: Any) -> Any:
        fresh = isinstance(value, self.model_class) and hasattr(value, FRESH)  # type: ignore[attr-defined]
        return value if fresh else super().clean(value)  # type: ignore[misc]


class PageChooser(Once, PageChooserBlock):
    pass


class ImageChooser(Once, ImageChooserBlock):
    pass


class SnippetChooser(Once, SnippetChooserBlock):
    pass
