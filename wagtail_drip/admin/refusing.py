"""How a refusal of the gate is told: each problem with a link to its block. And what no browser
sends is a bad request."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from traceback import walk_tb
from typing import Any

from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from .. import registry
from ..flow.checking import Problem
from ..flow.parts import walk
from ..models import Campaign, Step
from ..streams import raw
from .places import FLOW_TAB, SETTINGS_TAB, step_url

READS_STREAMS = "wagtail.blocks"


def whole_forms(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view; to a form whose stream of blocks is incomplete it answers 400.

    Wagtail's blocks take for granted that what their own JavaScript writes is there.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except (KeyError, ValueError) as error:
            if request.method == "POST" and _while_reading_streams(error):
                raise BadRequest("The form's blocks are incomplete.") from error
            raise

    return checked


def _while_reading_streams(error: BaseException) -> bool:
    """Whether it was raised by a block that took its value out of the form."""
    frames = [frame for frame, _line in walk_tb(error.__traceback__)]
    return any(
        frame.f_code.co_name == "value_from_datadict"
        and frame.f_globals["__name__"].startswith(READS_STREAMS)
        for frame in frames
    )


TABS = {
    "flow": FLOW_TAB,
    "topic": SETTINGS_TAB,
    "sms_topic": SETTINGS_TAB,
    "time_zone": SETTINGS_TAB,
}  # others: the first
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


def message(row: Any, refusal: ValidationError, url: str, said: str = "") -> SafeString:
    """`row`: a campaign, or what else passes the gate. `said`: instead of the usual first words."""
    found = problems(refusal)
    mails = _mails(row) if isinstance(row, Campaign) else {}
    items = format_html_join(
        "", "<li>{}</li>", ((_item(p, _place(p, row, mails, url)),) for p in found[:SHOWN])
    )
    more = len(found) - SHOWN
    if more > 0:
        items += format_html("<li>{}</li>", _("… and %d more") % more)
    return format_html(
        '{}<ul class="drip-problems">{}</ul>',
        said or _("“%s” is saved as a draft. It can't be published yet:") % row,
        items,
    )


def _mails(campaign: Campaign) -> dict[str, Step]:
    """The mails that the flow sends, by the id of the block that does."""
    placed = walk(raw(campaign.flow), registry.flow_blocks())
    sends = {str(p.id): p.part.steps(p.value) for p in placed if p.part}
    steps = Step.objects.in_bulk([s for ids in sends.values() for s in ids if type(s) is int])
    return {block: steps[ids[0]] for block, ids in sends.items() if ids and ids[0] in steps}


def _place(problem: Problem, row: Any, mails: dict[str, Step], url: str) -> str:
    """Where the problem is mended: the mail that it is in, else the block or field; "": nowhere."""
    mail = mails.get(problem.block)
    if mail and problem.message.startswith(_("“%s”") % mail):
        return step_url(mail.pk, row.pk)
    return anchor(problem) and url + anchor(problem)


def _item(problem: Problem, place: str) -> Any:
    return format_html('<a href="{}">{}</a>', place, str(problem)) if place else str(problem)
