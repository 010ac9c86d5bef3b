"""Opening the editor asks the database as often for a long mail as for a short one."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from wagtail.blocks import (
    Block,
    ChoiceBlock,
    ListBlock,
    RichTextBlock,
    StreamBlock,
    StructBlock,
)
from wagtail.blocks.field_block import ChooserBlock
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.models import Page

from example_site.shop.models import BookPage
from tests import factories as make
from tests.content import support
from wagtail_drip import registry
from wagtail_drip.content.grouping import GroupBlock
from wagtail_drip.models import Campaign, SharedContent, Step
from wagtail_drip.streams import UNKNOWN

from .support import url

pytestmark = pytest.mark.django_db


class Sample:
    """Raw data of blocks of any kind, in which each chooser has a row of its own."""

    def __init__(self) -> None:
        self.root = Page.objects.get(depth=2)
        self.image = support.image(size=(8, 8))

    def of(self, block: Block, depth: int = 0) -> Any:
        if isinstance(block, ChooserBlock):
            return self.chosen(block.model_class).pk
        if isinstance(block, RichTextBlock):
            page, document = self.chosen(Page).pk, self.chosen(get_document_model()).pk
            return (
                f'<p><a linktype="page" id="{page}">Here</a> and '
                f'<a linktype="document" id="{document}">there</a></p>'
            )
        if isinstance(block, StructBlock):
            return {name: self.of(child, depth) for name, child in block.child_blocks.items()}
        if isinstance(block, ListBlock):
            return [
                {"type": "item", "id": str(uuid4()), "value": self.of(block.child_block, depth)}
            ] * 2
        if isinstance(block, StreamBlock):
            return list(self.stream(block, depth + 1))
        if isinstance(block, ChoiceBlock):
            return next((value for value, _label in block.field.choices if value), "")
        return json.loads(json.dumps(block.get_prep_value(block.get_default()), default=str))

    def stream(self, block: StreamBlock, depth: int) -> Iterator[dict[str, Any]]:
        """One of each; groups inside groups are left out, they would be thousands."""
        for slug, child in block.child_blocks.items():
            if slug != UNKNOWN and not isinstance(child, GroupBlock):
                yield {"type": slug, "id": str(uuid4()), "value": self.of(child, depth)}

    def chosen(self, model: Any) -> Any:
        number = str(uuid4())
        if issubclass(model, Page):
            parent = self.root.add_child(instance=Page(title="Shelf", slug=f"shelf-{number}"))
            return parent.add_child(
                instance=BookPage(
                    title="Book", slug=number, price=1, author="A", genre="novel", blurb="B"
                )
            )
        if model is get_image_model():
            return model.objects.create(
                title="Cover", file=self.image.file.name, width=8, height=8, file_size=9
            )
        if model is get_document_model():
            return model.objects.create(title="Terms", file=ContentFile(b"1", "terms.txt"))
        if model is SharedContent:
            return model.objects.create(
                name="Shared", site=make.site(), locale=make.locale(), body="[]"
            )
        if model is Step:
            return make.step(f"Hello {number}")
        if model is Campaign:
            return make.campaign(number)
        raise NotImplementedError(f"a sample of {model}")


def queries(client, step: Step) -> list[str]:
    address = url("edit", step)
    assert client.get(address).status_code == 200  # what is made at first sight: renditions
    cache.clear()
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return [one["sql"] for one in captured]


@pytest.mark.parametrize("slug", sorted(registry.email_blocks()))
def test_a_longer_mail_opens_with_the_queries_of_a_shorter_one(slug, editor):
    the_same(slug, editor, 2, 6)


def test_a_mail_of_forty_blocks_opens_with_the_queries_of_one_of_ten(editor):
    the_same("product", editor, 10, 40)


def the_same(slug: str, editor, *amounts: int) -> None:
    sample = Sample()
    block = Step._meta.get_field("body").stream_block.child_blocks[slug]

    def asked(blocks: int) -> list[str]:
        body = [
            {"type": slug, "id": str(uuid4()), "value": sample.of(block)} for _ in range(blocks)
        ]
        return queries(editor, make.step(body=body))

    asked(1)
    few, many = map(asked, amounts)
    assert len(many) == len(few), more(few, many)


@pytest.mark.parametrize("slug", ["image", "button", "product", "columns", "shared"])
def test_what_is_typed_into_a_longer_mail_costs_the_queries_of_a_shorter_one(slug, editor):
    sample = Sample()
    stream = Step._meta.get_field("body").stream_block

    def asked(blocks: int) -> list[str]:
        value = [
            {"type": slug, "id": str(uuid4()), "value": sample.of(stream.child_blocks[slug])}
            for _ in range(blocks)
        ]
        step = make.step()
        data = {"name": "Typed", "subject": "Typed", **as_typed(stream, value, "body")}
        with CaptureQueriesContext(connection) as captured:
            answer = editor.post(url("preview_on_edit", step), data)
        assert answer.json()["is_valid"]
        shown = editor.get(f"{url('preview_on_edit', step)}?mode=html").text
        assert slug != "image" or shown.count('class="picture"') == blocks
        return [one["sql"] for one in captured]

    asked(1)
    few, many = map(asked, (2, 6))
    assert len(many) == len(few), more(few, many)


def as_typed(block: Block, value: Any, prefix: str) -> dict[str, str]:
    """Raw data as the browser sends it."""
    if isinstance(block, StreamBlock):
        found = {f"{prefix}-count": str(len(value))}
        for number, one in enumerate(value):
            start = f"{prefix}-{number}"
            found |= {f"{start}-deleted": "", f"{start}-order": str(number)}
            found |= {f"{start}-type": one["type"], f"{start}-id": one["id"]}
            found |= as_typed(block.child_blocks[one["type"]], one["value"], f"{start}-value")
        return found
    if isinstance(block, StructBlock):
        found = {}
        for name, child in block.child_blocks.items():
            found |= as_typed(child, value[name], f"{prefix}-{name}")
        return found
    if isinstance(block, RichTextBlock):
        value = block.field.widget.format_value(value)
    return {prefix: str(value)} if value else {}


def more(few: list[str], many: list[str]) -> str:
    """What was asked more often, without what differs from row to row."""

    def counted(asked: list[str]) -> Counter[str]:
        return Counter(re.sub(r"\d+|'[^']*'", "…", sql)[:400] for sql in asked)

    return "\n".join(f"{n} × {sql}" for sql, n in (counted(many) - counted(few)).items())
