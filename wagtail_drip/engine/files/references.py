"""From primary keys in raw stream data to names that hold on another site, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape, unescape
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import (
    Block,
    BooleanBlock,
    CharBlock,
    ChoiceBlock,
    ChooserBlock,
    DateBlock,
    IntegerBlock,
    ListBlock,
    MultipleChoiceBlock,
    RichTextBlock,
    StreamBlock,
    StructBlock,
    TextBlock,
)
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.models import Page, Site

from ...models import Campaign, SharedContent, Step, Topic

# What becomes of a value that is not made of other blocks: (its block, value, path) → value.
# The block is None where the site doesn't know the type or field.
Leaf = Callable[[Block | None, Any, str], Any]
# A block's id: (its raw data, path) → id
Identify = Callable[[Mapping[str, Any], str], str | None]


# What raw data holds for a block, where JSON has one kind for it.
KINDS: tuple[tuple[Any, tuple[type, ...], Any], ...] = (
    (StructBlock, (dict,), gettext_lazy("an object")),
    ((StreamBlock, ListBlock), (list,), gettext_lazy("a list")),
    (RichTextBlock, (str,), gettext_lazy("text")),
    ((CharBlock, TextBlock, ChoiceBlock), (str, type(None)), gettext_lazy("text")),
    (DateBlock, (str, type(None)), gettext_lazy("a date such as 2026-12-31")),
    (MultipleChoiceBlock, (list,), gettext_lazy("a list")),
    (BooleanBlock, (bool,), gettext_lazy("true or false")),
    (IntegerBlock, (int, type(None)), gettext_lazy("a whole number")),
)


class Unresolved(LookupError):
    """A file names something this site doesn't have, in words for the person who imports."""


def convert(block: Block, value: Any, leaf: Leaf, identify: Identify, path: str) -> Any:
    """Raw stream data with every leaf and every id passed through; broken data stays broken."""
    if isinstance(block, StreamBlock) and isinstance(value, list):
        return [
            _item(block.child_blocks.get(_type(item)), item, leaf, identify, f"{path}[{number}]")
            for number, item in enumerate(value)
        ]
    if isinstance(block, StructBlock) and isinstance(value, dict):
        return {
            name: convert(block.child_blocks[name], inner, leaf, identify, f"{path}.{name}")
            if name in block.child_blocks
            else leaf(None, inner, f"{path}.{name}")
            for name, inner in _ordered(block, value)
        }
    if isinstance(block, ListBlock) and isinstance(value, list):
        return [
            _item(block.child_block, item, leaf, identify, f"{path}[{number}]")
            if _type(item) == "item"
            else convert(block.child_block, item, leaf, identify, f"{path}[{number}]")
            for number, item in enumerate(value)
        ]
    return leaf(block, value, path)


def _ordered(block: StructBlock, value: dict[str, Any]) -> list[tuple[str, Any]]:
    """As the block has them: some databases keep JSON in an order of their own."""
    known = [(name, value[name]) for name in block.child_blocks if name in value]
    return known + [(name, value[name]) for name in value if name not in block.child_blocks]


def _type(item: Any) -> str:
    return str(item.get("type", "")) if isinstance(item, dict) else ""


def _item(block: Block | None, item: Any, leaf: Leaf, identify: Identify, path: str) -> Any:
    if not isinstance(item, dict):
        return leaf(None, item, path)
    inner, here = item.get("value"), f"{path}.value"
    value = convert(block, inner, leaf, identify, here) if block else leaf(None, inner, path)
    return {"type": item.get("type"), "value": value, "id": identify(item, path)}


def outward(block: Block | None, value: Any, site: Site) -> Any:
    """A leaf's value as it stands in a file."""
    if isinstance(block, ChooserBlock) and value is not None:
        return to_reference(block.model_class, value, site)
    if isinstance(block, RichTextBlock):
        return _in_tags(value, "id", lambda kind, pk: to_reference(kind, pk, site))
    return value


def inward(block: Block | None, value: Any, site: Site) -> Any:
    """A leaf's value in a file as it stands in raw data. Raises Unresolved."""
    for blocks, kinds, words in KINDS:
        if isinstance(block, blocks) and (
            not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)
        ):
            raise Unresolved(_("must be %s.") % words)
    if isinstance(block, ChooserBlock) and value is not None:
        return from_reference(block.model_class, value, site)
    if isinstance(block, RichTextBlock):
        return _in_tags(value, "reference", lambda kind, ref: from_reference(kind, ref, site))
    return value


def to_reference(model: type[Model], pk: Any, site: Site) -> Any:
    """How a file names this row; None where it is gone."""
    row: Any = model._default_manager.filter(pk=pk).first()
    if row is None:
        return None
    if isinstance(row, Step):
        return str(row.translation_key)
    if isinstance(row, SharedContent):
        return row.name
    if isinstance(row, Topic | Campaign):
        return row.slug
    if isinstance(row, Page):
        root = site.root_page.url_path
        below = row.url_path.startswith(root)
        return f"/{row.url_path.removeprefix(root)}" if below else {"url_path": row.url_path}
    if isinstance(row, _files()):
        name = {"title": row.title, "collection": row.collection.name}
        return {**name, "sha1": row.file_hash} if row.file_hash else name
    return {"pk": row.pk, "name": str(row)}


def from_reference(model: type[Model], reference: Any, site: Site) -> Any:
    """The primary key of what a file names. Raises Unresolved, naming what is missing."""
    name = model._meta.verbose_name
    try:
        found = _rows(model, reference, site)
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError):
        found = None
    if found is None:
        raise Unresolved(
            _("%(reference)s does not name any %(kind)s.")
            % {"reference": json.dumps(reference, ensure_ascii=False), "kind": name}
        )
    row = next(iter(found), None)
    if row is None:
        raise Unresolved(
            _("this site has no %(kind)s %(reference)s.")
            % {"kind": name, "reference": _shown(reference)}
        )
    return row.pk


def _shown(reference: Any) -> str:
    if isinstance(reference, dict) and "title" in reference:
        where = reference.get("collection")
        title = _("“%s”") % reference["title"]
        return _("%(title)s in the collection “%(where)s”") % {"title": title, "where": where}
    return _("“%s”") % reference if isinstance(reference, str) else json.dumps(reference)


def _rows(model: type[Model], reference: Any, site: Site) -> Iterable[Any]:
    rows = model._default_manager.order_by("pk")
    if issubclass(model, Step):
        main = site.root_page.locale_id
        found = rows.filter(translation_key=reference)
        return sorted(found, key=lambda step: (step.locale_id != main, step.pk))
    if issubclass(model, SharedContent):
        return rows.filter(name=_text(reference), site=site)
    if issubclass(model, (Topic, Campaign)):
        return rows.filter(slug=_text(reference))
    if issubclass(model, Page):
        if isinstance(reference, dict):
            return rows.filter(url_path=reference["url_path"])
        return rows.filter(url_path=site.root_page.url_path + _text(reference).lstrip("/"))
    if issubclass(model, _files()):
        same = rows.filter(file_hash=reference["sha1"]) if reference.get("sha1") else rows.none()
        named = rows.filter(title=reference["title"])
        if reference.get("collection"):
            named = named.filter(collection__name=reference["collection"])
        # Several may hold the same picture; the one of that name is meant.
        return [*(named & same), *same, *named]
    return rows.filter(pk=reference["pk"])


def _text(reference: Any) -> str:
    if not isinstance(reference, str):
        raise TypeError("a name is text")
    return reference


def _files() -> tuple[Any, ...]:
    documents = (get_document_model(),) if apps.is_installed("wagtail.documents") else ()
    return (get_image_model(), *documents)


MODELS: dict[str | None, Callable[[], type[Model]]] = {
    "page": lambda: Page,
    "image": get_image_model,
    "document": get_document_model,
}
_TAG = re.compile(r"<(a|embed)\b[^>]*>")
_ATTRIBUTE = re.compile(r'\s([a-z]+)="([^"]*)"')


def _in_tags(html: Any, old: str, change: Callable[[type[Model], Any], Any]) -> Any:
    """Rich text with the pages, images and documents in its tags named the other way."""
    if not isinstance(html, str):
        return html

    def tag(match: re.Match[str]) -> str:
        attributes = dict(_ATTRIBUTE.findall(match[0]))
        kind = attributes.get("linktype") or attributes.get("embedtype")
        if kind not in MODELS or old not in attributes:
            return match[0]
        given = unescape(attributes[old])
        value = change(MODELS[kind](), given if old == "id" else json.loads(given))
        if value is None:
            return match[0]
        new = f'reference="{escape(json.dumps(value))}"' if old == "id" else f'id="{value}"'
        return match[0].replace(f'{old}="{attributes[old]}"', new)

    return _TAG.sub(tag, html)
