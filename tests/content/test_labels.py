"""Every field of a mail's form has a name that a screen reader says."""

from __future__ import annotations

from wagtail.blocks import Block, FieldBlock, ListBlock, RichTextBlock, StreamBlock, StructBlock
from wagtail.blocks.field_block import ChooserBlock

from wagtail_drip.models import Step
from wagtail_drip.streams import UNKNOWN


def nameless(block: Block, where: str, bare: bool = False) -> list[str]:
    """The fields that stand in a stream or a list itself, where Wagtail gives them no label."""
    if isinstance(block, StreamBlock):
        inner = [(name, child, True) for name, child in block.child_blocks.items()]
    elif isinstance(block, StructBlock):
        inner = [(name, child, False) for name, child in block.child_blocks.items()]
    elif isinstance(block, ListBlock):
        inner = [("item", block.child_block, True)]
    elif not bare or not isinstance(block, FieldBlock) or isinstance(block, ChooserBlock):
        return []  # choosers are buttons that say what they choose
    else:
        widget = block.field.widget
        named = widget.options if isinstance(block, RichTextBlock) else widget.attrs
        return [] if {"aria-label", "ariaLabel"} & set(named) else [where]
    return [
        found
        for name, child, is_bare in inner
        if name != UNKNOWN
        for found in nameless(child, f"{where}.{name}", is_bare)
    ]


def test_every_field_has_a_name():
    assert nameless(Step._meta.get_field("body").stream_block, "body") == []
