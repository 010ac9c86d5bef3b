"""Messages as they were rendered, kept in a cache that all processes share.

An entry's key is a digest of all that went into it: the words, the brand, each row that was chosen
or linked, the products, the merge fields, the templates as this process has loaded them. So
publishing, a change of the brand, a page that is unpublished or a new template needs nobody to drop
anything: what they change has another key. Nothing in an entry is about a person: what differs
from reader to reader is a mark in it.

Entries are JSON that is signed: whoever else writes into that cache writes no mail. One that can't
be read is none.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.core import signing
from django.core.cache import caches
from django.db.models import Model
from django.template.loader import get_template
from django.template.loader_tags import ExtendsNode, IncludeNode
from wagtail.blocks import ChooserBlock, RichTextBlock
from wagtail.models import Page

from .. import __version__, chosen
from ..conf import conf
from .merge_fields import Fields
from .personalizing import Fault, Hold
from .products import Unavailable

if TYPE_CHECKING:
    from .compiling import Row, Source
    from .rendering import Rendering

logger = logging.getLogger("wagtail_drip.keeping")

SECONDS = 3600  # then it is rendered anew: for what no key can know, such as a site's translations
SALT = "wagtail_drip.content.keeping"
MOST = 32  # entries that a process keeps for itself
_HERE = Path(__file__).parent.parent / "templates"
_NAMES = sorted(str(path.relative_to(_HERE)) for path in _HERE.glob("wagtail_drip/email/*"))

_own: dict[str, Drawn] = {}  # of this process, the latest last
_digests: WeakKeyDictionary[Any, str] = WeakKeyDictionary()  # by template


class CantKeep(Exception):
    """It depends on something that no key can hold."""


@dataclass(frozen=True)
class Drawn:
    """A message with its marks, before links are counted and before it is cut at the marks."""

    subject: str
    text: str
    html: str
    held: Mapping[str, Hold | Fault]  # by gate, why what is behind it can't be shown


def drawn(
    source: Source,
    rows: Iterable[Row],
    refs: Iterable[Any],
    rendering: Rendering,
    draw: Callable[[], Drawn],
) -> Drawn:
    """What `draw` makes, out of the cache where it has been made.

    `rows`: all of the message, with those inside others; `refs`: of the products shown to all.
    """
    try:
        key = _key(source, rows, refs, rendering)
    except (CantKeep, Unavailable):  # it may be shown to nobody: `draw` says why
        return draw()
    found = _own.pop(key, None) or _read(key)
    if found is None:
        found = draw()
        _write(key, found)
    _own[key] = found
    while len(_own) > MOST:
        _own.pop(next(iter(_own)), None)
    return found


def _read(key: str) -> Drawn | None:
    try:
        given = signing.loads(caches[conf.CACHE].get(key) or "", salt=SALT)
        held = {
            gate: (Hold if kind == "hold" else Fault)(reason)
            for gate, (kind, reason) in given["held"].items()
        }
        return Drawn(str(given["subject"]), str(given["text"]), str(given["html"]), held)
    except signing.BadSignature:
        return None
    except Exception as error:  # a cache that is away, or an entry of another release
        logger.warning("The cache %s can't be read: %s", conf.CACHE, error)
        return None


def _write(key: str, made: Drawn) -> None:
    held = {
        gate: ["hold" if isinstance(why, Hold) else "fault", why.reason]
        for gate, why in made.held.items()
    }
    given = {"subject": made.subject, "text": made.text, "html": made.html, "held": held}
    try:
        caches[conf.CACHE].set(key, signing.dumps(given, salt=SALT, compress=True), SECONDS)
    except Exception as error:
        logger.warning("The cache %s can't be written: %s", conf.CACHE, error)


def _key(source: Source, rows: Iterable[Row], refs: Iterable[Any], rendering: Rendering) -> str:
    """Raises CantKeep, or Unavailable where what it leads to is not published."""
    words = [source.subject, source.preheader, source.language, source.topic, source.because]
    blocks, asked, own, rows_chosen, texts = [], [], set(), [], [source.brand.footer]
    for row in rows:
        if not row.person_slot:
            if not vars(type(row.block)).get("kept"):
                raise CantKeep
            asked.append(_plain(row.block.kept_by(row.value, rendering)))
            own.add(getattr(row.block.meta, "template", None))
        blocks.append([row.number, row.block.name, row.block.get_prep_value(row.value)])
        for field, given in chosen.inside(row.block, row.value):
            if isinstance(field, ChooserBlock) and given is not None:
                rows_chosen.append(_row(given, rendering))
            elif isinstance(field, RichTextBlock) and given:
                texts.append(given.source)
    products = {ref: rendering.products.get(ref) for ref in refs}
    written = json.dumps([words, blocks, source.brand.footer], default=str, ensure_ascii=False)
    state = [
        [__version__, conf.BASE_URL, source.campaign],
        written,
        asked,
        rows_chosen,
        _links("".join(texts)),
        _plain(source.brand),
        [_plain(rendering.product), _plain(rendering.lacking), _plain(products)],
        sorted(_fixed(rendering.fields, written, rendering)),
        templates(own),
    ]
    digest = sha256(json.dumps(state, default=repr).encode("utf-8", "replace")).hexdigest()
    return f"wagtail_drip.mail.{digest}"


def _row(row: Any, rendering: Rendering) -> Any:
    """All that the table holds of it; of a page with the address that mails lead to."""
    if not isinstance(row, Model):
        raise CantKeep
    columns = [
        (field.attname, field.get_prep_value(field.value_from_object(row)))
        for field in row._meta.concrete_fields
    ]
    address = rendering.page_url(row) if isinstance(row, Page) else ""
    return [row._meta.label, columns, address]


def _links(text: str) -> Any:
    """Where the links of texts lead now, and whether that is there."""
    leads = chosen.links(text)
    pages = chosen.pages(set(leads[chosen.PAGE]))
    documents = chosen.documents(leads[chosen.DOCUMENT])
    return [
        sorted((pk, page.live, page.localized.url or "") for pk, page in pages.items()),
        sorted((pk, document.url) for pk, document in documents.items()),
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return [
            (field.attname, field.get_prep_value(field.value_from_object(value)))
            for field in value._meta.concrete_fields
        ]
    if is_dataclass(value):
        return [type(value).__name__, *(_plain(getattr(value, one.name)) for one in fields(value))]
    if isinstance(value, Mapping):
        return sorted((repr(key), _plain(one)) for key, one in value.items())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value)


def _fixed(known: Any, written: str, rendering: Rendering) -> Iterator[tuple[str, str]]:
    """Each merge field that may stand in the texts, with its value where all read the same."""
    names = [slug for slug in known if slug in written]
    for group in known.groups if isinstance(known, Fields) else ():
        names += [f"{group}.{key}" for key in re.findall(rf"{group}\.(\w+)", written)]
    for name in set(names):
        if (field := known.get(name)) is None:
            continue
        if field.depends_on == "person":
            yield name, ""
            continue
        try:
            yield name, f"={field.fixed(rendering)}"
        except Unavailable as unavailable:
            yield name, f"!{unavailable.reason}"


def templates(own: Collection[str | None] = ()) -> str:
    """A digest of the templates of mails as this process has them, with what they include.

    `own`: those of blocks, a site's own among them.
    """
    names = [*_NAMES, *sorted({name for name in own if name} - set(_NAMES))]
    return sha256("".join(map(_digest_of, names)).encode()).hexdigest()


def _digest_of(name: str, within: tuple[str, ...] = ()) -> str:
    template: Any = getattr(get_template(name), "template", None)
    if not hasattr(template, "source"):  # of another engine than Django's
        raise CantKeep
    if template not in _digests:
        nodes = template.nodelist.get_nodes_by_type((IncludeNode, ExtendsNode))
        named = [getattr(node, "template", None) or node.parent_name for node in nodes]
        if any(one.token[:1] not in "\"'" for one in named):  # by a variable
            raise CantKeep
        within = (*within, name)
        inner = [str(one.var) for one in named if str(one.var) not in within]
        parts = [template.source, *(_digest_of(one, within) for one in inner)]
        _digests[template] = sha256("\0".join(parts).encode()).hexdigest()
    return _digests[template]
