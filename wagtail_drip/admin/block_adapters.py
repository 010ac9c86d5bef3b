"""Headers of collapsed blocks that a label_format can't say: static/wagtail_drip/blocks.js."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from wagtail.admin.staticfiles import versioned_static
from wagtail.admin.telepath import register
from wagtail.blocks.struct_block import StructBlockAdapter

from ..flow.blocks import IfElseBlock, SendBlock, WaitBlock
from ..models import questions


class HeaderAdapter(StructBlockAdapter):
    @cached_property
    def media(self) -> forms.Media:
        return super().media + forms.Media(js=[versioned_static("wagtail_drip/blocks.js")])


class SendAdapter(HeaderAdapter):
    js_constructor = "wagtail_drip.SendBlock"

    def js_args(self, block: Any) -> list[Any]:
        name, children, meta = super().js_args(block)
        return [name, children, {**meta, "words": {"none": _("… no mail is chosen yet")}}]


class WaitAdapter(HeaderAdapter):
    js_constructor = "wagtail_drip.WaitBlock"


class IfElseAdapter(HeaderAdapter):
    """Hands over what joins the conditions: they must not read as "and" where "or" is meant."""

    js_constructor = "wagtail_drip.IfElseBlock"

    def js_args(self, block: Any) -> list[Any]:
        name, children, meta = super().js_args(block)
        words = {
            "all": ["", _(" and ")],
            "any": ["", _(" or ")],
            "none": [_("it is not so that "), _(" or ")],
        }
        return [name, children, {**meta, "words": words}]


class ConditionAdapter(HeaderAdapter):
    """Says "…" for what isn't chosen yet, where Wagtail would say "- Select an option -"."""

    js_constructor = "wagtail_drip.ConditionBlock"


class EventAdapter(HeaderAdapter):
    js_constructor = "wagtail_drip.EventBlock"

    def js_args(self, block: Any) -> list[Any]:
        name, children, meta = super().js_args(block)
        words = {
            "same": _("(the same %s)"),
            "entering": _("since they entered"),
            "days": _("within %s"),
        }
        return [name, children, {**meta, "words": words}]


def connect() -> None:
    """Let telepath draw these blocks with our headers."""
    register(SendAdapter(), SendBlock)
    register(WaitAdapter(), WaitBlock)
    register(IfElseAdapter(), IfElseBlock)
    register(EventAdapter(), questions.ContactEventBlock)
    for block in (questions.AttributeBlock, questions.TopicBlock, questions.LanguageBlock):
        register(ConditionAdapter(), block)
