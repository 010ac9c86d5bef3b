"""Headers of collapsed blocks that a label_format can't say: static/wagtail_drip/blocks.js."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from wagtail.admin.staticfiles import versioned_static
from wagtail.admin.telepath import register
from wagtail.blocks.struct_block import StructBlockAdapter

from ..flow.deciding import IfElseBlock, SplitBlock, WaitEventBlock
from ..flow.doing import EnrollBlock, SendBlock
from ..flow.waiting import WaitBlock, WaitDateBlock, WaitDayBlock, WaitHoursBlock
from ..models import (
    comparisons,
    conditional_block,
    habits,
    matching,
    questions,
    readers,
    whereabouts,
)


class HeaderAdapter(StructBlockAdapter):
    """Hands over the words that its header is made of."""

    def words(self) -> dict[str, Any]:
        return {}

    def js_args(self, block: Any) -> list[Any]:
        name, children, meta = super().js_args(block)
        return [name, children, {**meta, "words": self.words()}]

    @cached_property
    def media(self) -> forms.Media:
        return super().media + forms.Media(js=[versioned_static("wagtail_drip/blocks.js")])


class SendAdapter(HeaderAdapter):
    js_constructor = "wagtail_drip.SendBlock"

    def words(self):
        return {"none": _("… no mail is chosen yet")}


class EnrollAdapter(HeaderAdapter):
    js_constructor = "wagtail_drip.EnrollBlock"

    def words(self):
        return {"none": _("… no campaign is chosen yet")}


class WaitAdapter(HeaderAdapter):
    js_constructor = "wagtail_drip.WaitBlock"

    def words(self):
        return {
            "then": _("%(wait)s, then %(window)s"),
            "theirs": _("%s, their time"),
            "weekdays": _("weekdays"),
            "weekends": _("weekends"),
            "every": _("every day"),
            "days": [str(WEEKDAYS_ABBR[day]) for day in range(7)],
        }


class WaitHoursAdapter(WaitAdapter):
    js_constructor = "wagtail_drip.WaitHoursBlock"


class WaitDateAdapter(HeaderAdapter):
    js_constructor = "wagtail_drip.WaitDateBlock"


class WaitDayAdapter(WaitAdapter):
    js_constructor = "wagtail_drip.WaitDayBlock"

    def words(self):
        return {
            **super().words(),
            "their": _("their %s"),
            "next": _("their next %s"),
            "before": _("%(time)s before %(day)s"),
            "after": _("%(time)s after %(day)s"),
        }


class WaitEventAdapter(HeaderAdapter):
    js_constructor = "wagtail_drip.WaitEventBlock"

    def words(self):
        return {"same": _("(the same %s)"), "atMost": _("%(event)s, at most %(time)s")}


class SplitAdapter(HeaderAdapter):
    js_constructor = "wagtail_drip.SplitBlock"


class IfElseAdapter(HeaderAdapter):
    """Hands over what joins the conditions: they must not read as "and" where "or" is meant."""

    js_constructor = "wagtail_drip.IfElseBlock"

    def words(self):
        return {
            "all": ["", _(" and ")],
            "any": ["", _(" or ")],
            "none": [_("it is not so that "), _(" or ")],
        }


class GroupAdapter(IfElseAdapter):
    js_constructor = "wagtail_drip.GroupBlock"


class ConditionAdapter(HeaderAdapter):
    """Says "…" for what isn't chosen yet, where Wagtail would say "- Select an option -"."""

    js_constructor = "wagtail_drip.ConditionBlock"


class EventAdapter(HeaderAdapter):
    js_constructor = "wagtail_drip.EventBlock"

    def words(self):
        return {
            "same": _("(the same %s)"),
            "where": _("where %s"),
            "and": _(" and "),
            "times": _("%(total)s times or more"),
            "sum": _("%(total)s of %(key)s or more"),
            "entering": _("since they entered"),
            "days": _("within %s"),
        }


def connect() -> None:
    """Let telepath draw these blocks with our headers."""
    register(SendAdapter(), SendBlock)
    register(EnrollAdapter(), EnrollBlock)
    register(WaitAdapter(), WaitBlock)
    register(WaitHoursAdapter(), WaitHoursBlock)
    register(WaitDateAdapter(), WaitDateBlock)
    register(WaitDayAdapter(), WaitDayBlock)
    register(WaitEventAdapter(), WaitEventBlock)
    register(SplitAdapter(), SplitBlock)
    register(IfElseAdapter(), IfElseBlock)
    register(IfElseAdapter(), conditional_block.ShowIfBlock)
    register(EventAdapter(), questions.ContactEventBlock)
    register(GroupAdapter(), matching.GroupBlock)
    for block in (
        comparisons.WhereBlock,
        habits.OverdueBlock,
        questions.AttributeBlock,
        questions.TopicBlock,
        questions.LanguageBlock,
        readers.ReactionBlock,
        whereabouts.TagBlock,
        whereabouts.SegmentBlock,
        whereabouts.CampaignBlock,
        whereabouts.DateBlock,
        whereabouts.ShareBlock,
    ):
        register(ConditionAdapter(), block)
