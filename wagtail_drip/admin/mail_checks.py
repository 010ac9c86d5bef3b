"""What Wagtail's checks panel says of a mail: what stops it, and what may be better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from ..content import advising, checking
from ..flow.checking import step_ids
from ..models import Step
from ..streams import raw
from .stand_ins import campaigns_of

TEMPLATE = "wagtail_drip/admin/checks_panel.html"


def errors(step: Step) -> list[str]:
    """Why it can't be sent; publishing a campaign with it says the same."""
    return checking.problems(step.source())


def warnings(step: Step, user: Any) -> list[str]:
    source = step.source()
    return [] if source.words is not None else [*advising.advice(source), *_twins(step, user)]


def _twins(step: Step, user: Any) -> Iterator[str]:
    """Other mails of a series that look like this one: somebody copied and went on."""
    for campaign in campaigns_of(step, user):
        ids = step_ids(raw(campaign.flow)) - {step.pk}
        for other in Step.objects.filter(pk__in=ids).order_by("pk"):
            said = {"mail": other.name, "campaign": campaign.name}
            if other.subject.strip() and other.subject.strip() == step.subject.strip():
                yield _("“%(mail)s” in “%(campaign)s” has the same subject.") % said
            if (body := _words(other)) and body == _words(step):
                yield _("“%(mail)s” in “%(campaign)s” says the same.") % said


def _words(step: Step) -> list[tuple[Any, Any]]:
    return [(block.get("type"), block.get("value")) for block in raw(step.body)]
