"""What Wagtail's checks panel says of a mail: what stops it, and what may be better.

The mail is made for it, so the panel asks once the editor is open, and after each saving
(static/wagtail_drip/saving.js).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.generic import View
from wagtail.admin.ui.side_panels import ChecksSidePanel

from ..checks import FREE_MAIL
from ..content import advising, checking, making
from ..content.messages import Message, MessageBlock
from ..flow.checking import step_ids
from ..models import Step
from ..streams import raw
from .permissions import may
from .stand_ins import campaigns_of

# What axe asks of a mail beyond what Wagtail has it ask of pages, and what it need not. Contrast it
# can't tell where the preview is hidden by the checks; content/advising.py asks the brand's colors.
AXE_TOO = ["image-alt", "list", "listitem"]
AXE_NOT = ["empty-meta-description"]


class MailChecksPanel(ChecksSidePanel):
    """Wagtail's, with what we say of the mail, and axe set for mails."""

    template_name = "wagtail_drip/admin/checks_panel.html"

    def __init__(self, object: Any, request: Any, *, checks_url: str) -> None:
        super().__init__(object, request)
        self.checks_url = checks_url

    def get_axe_configuration(self) -> Any:
        """A site that changes Wagtail's by its hook changes this one, too."""
        found = super().get_axe_configuration()
        options = found["options"] if found else {}
        if asked := options.get("runOnly"):
            options["runOnly"] = [*(rule for rule in asked if rule not in AXE_NOT), *AXE_TOO]
        return found


class ChecksView(View):
    """Of the mail as it was saved last, in HTML for the panel."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not may(request.user, "change", Step):
            raise PermissionDenied
        step = get_object_or_404(Step, pk=pk).get_latest_revision_as_object()
        context = {
            "errors": errors(step),
            "warnings": warnings(step, request.user),
            "notes": notes(step, request.user),
        }
        return render(request, "wagtail_drip/admin/checks.html", context)


def errors(step: Step) -> list[str]:
    """Why it can't be sent; publishing a campaign with it says the same."""
    return checking.problems(step.source())


def warnings(step: Step, user: Any) -> list[str]:
    source = step.source()
    if source.words is not None:
        return _of_message(step, user, lambda block, message: block.advice(message))
    return [*advising.advice(source), *_senders(step, user), *_twins(step, user)]


def _senders(step: Step, user: Any) -> Iterator[str]:
    """Senders whom others won't believe; the site's own is looked at by a system check."""
    own = [step.sender_email] if step.sender_email else []
    for address in dict.fromkeys(own or [one.sender_email for one in campaigns_of(step, user)]):
        domain = address.rpartition("@")[2].lower()
        if domain in FREE_MAIL:
            text = _("It comes from %(address)s, and %(domain)s tells others to refuse such mail.")
            yield text % {"address": address, "domain": domain}


def notes(step: Step, user: Any) -> list[str]:
    """What is good to know of a message of another channel, such as its length."""
    return _of_message(step, user, lambda block, message: block.notes(message))


def _of_message(
    step: Step, user: Any, ask: Callable[[MessageBlock, Message], list[str]]
) -> list[str]:
    """What its block says of a sample of it, made as in the campaign that it is in."""
    campaigns = campaigns_of(step, user)
    source = step.source(campaign=campaigns[0] if campaigns else None)
    if source.words is None or source.words.child is None:
        return []
    try:
        message = making.sample(source)
    except making.OUTAGE:
        raise
    except Exception:  # what can't be rendered is an error, and told as one
        return []
    assert isinstance(message, Message)
    return ask(source.words.child.block, message)


def _twins(step: Step, user: Any) -> Iterator[str]:
    """Other mails of a series that look like this one: somebody copied and went on.

    Flow and mails as their latest drafts have them, which is what their editors see.
    """
    for campaign in campaigns_of(step, user):
        ids = step_ids(raw(campaign.get_latest_revision_as_object().flow)) - {step.pk}
        rows = Step.objects.filter(pk__in=ids).select_related("latest_revision").order_by("pk")
        for other in (row.get_latest_revision_as_object() for row in rows):
            said = {"mail": other.name, "campaign": campaign.name}
            if other.subject.strip() and other.subject.strip() == step.subject.strip():
                yield _("“%(mail)s” in “%(campaign)s” has the same subject.") % said
            if (body := _words(other)) and body == _words(step):
                yield _("“%(mail)s” in “%(campaign)s” says the same.") % said


def _words(step: Step) -> list[tuple[Any, Any]]:
    return [(block.get("type"), block.get("value")) for block in raw(step.body)]
