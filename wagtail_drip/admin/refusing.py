"""How a refusal of the gate is told: each problem with a link to its block."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ..flow.checking import Problem
from ..models import Campaign
from .places import FLOW_TAB, SETTINGS_TAB

TABS = {"flow": FLOW_TAB, "topic": SETTINGS_TAB, "time_zone": SETTINGS_TAB}  # others: the first
SHOWN = 20  # problems listed at once; a message that long is nobody's to read


def problems(refusal: ValidationError) -> list[Problem]:
    """The gate's problems; those of any other validation have their text alone."""
    found = getattr(refusal, "problems", None)
    return found if found is not None else [Problem(text) for text in refusal.messages]


def anchor(problem: Problem) -> str:
    """Where in the editor it is mended, the block or the field; campaign.js goes there."""
    if problem.block:
        return f"#block-{problem.block}-section"
    return f"#field-{problem.field}" if problem.field else ""


def first_tab(url: str, refusal: ValidationError) -> str:
    """The editor's address, at the tab of the first problem."""
    field = next((p.field for p in problems(refusal)), "")
    return url + TABS.get(field, "")


def message(campaign: Campaign, refusal: ValidationError, url: str) -> SafeString:
    found = problems(refusal)
    items = format_html_join("", "<li>{}</li>", ((_item(p, url),) for p in found[:SHOWN]))
    more = len(found) - SHOWN
    if more > 0:
        items += format_html("<li>{}</li>", _("… and %d more") % more)
    return format_html(
        '{}<ul class="drip-problems">{}</ul>',
        _("“%s” is saved as a draft. It can't be published yet:") % campaign,
        items,
    )


def _item(problem: Problem, url: str) -> Any:
    if not anchor(problem):
        return str(problem)
    return format_html('<a href="{}">{}</a>', url + anchor(problem), str(problem))
