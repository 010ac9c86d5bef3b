"""What is chosen in a stream and linked in its texts: loaded at once when a form shows it.

Wagtail's widgets ask for each chosen page, for its parent and for each picture's thumbnail one by
one, and so do links in texts: the editor of a long mail would open with hundreds of queries.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.apps import apps
from django.db.models import Prefetch, prefetch_related_objects
from wagtail.blocks import Block, ChooserBlock, ListBlock, RichTextBlock, StreamBlock, StructBlock
from wagtail.images.models import AbstractImage
from wagtail.models import Page

PAGE, DOCUMENT = "page", "document"
_LINK = re.compile(r"<a\b[^>]*>")
_KIND = re.compile(rf'\blinktype="({PAGE}|{DOCUMENT})"')
_ID = re.compile(r'\bid="(\d{1,18})"')

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
