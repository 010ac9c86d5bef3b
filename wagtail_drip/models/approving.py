"""What stands still while a campaign is being approved: its draft mails, which are published along.

Else somebody could write other words into what a reviewer has read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.html import format_html
from django.utils.translation import gettext as _
from wagtail.locks import WorkflowLock
from wagtail.models import WorkflowState

from ..flow.checking import step_ids
from ..streams import raw

if TYPE_CHECKING:
    from .campaigns import Campaign
    from .steps import Step


class ApprovalLock(WorkflowLock):
    """Of a mail, for whoever doesn't review the campaign that it is to be published with."""

    def __init__(self, step: Step, campaign: Campaign, task: Any) -> None:
        super().__init__(step, task)
        self.campaign = campaign

    def for_user(self, user: Any) -> bool:
        return user is not None and self.task.locked_for_user(self.campaign, user)

    def get_message(self, user: Any) -> str | None:
        if not self.for_user(user):
            return None
        text = _(
            "This mail will be published with “{campaign}”, which is awaiting moderation. Only its "
            "reviewers can edit the mail until then."
        )
        return format_html(text, campaign=self.campaign.name)


def lock_of(step: Step) -> ApprovalLock | None:
    """The lock of a draft that rides on a campaign's approval."""
    if step.live or step.pk is None:
        return None
    for campaign in _in_approval():
        if step.pk in step_ids(raw(campaign.get_latest_revision_as_object().flow)):
            return ApprovalLock(step, campaign, campaign.current_workflow_task)
    return None


def _in_approval() -> list[Campaign]:
    from .campaigns import Campaign

    waiting = WorkflowState.STATUS_IN_PROGRESS
    rows = Campaign.objects.filter(workflow_states__status=waiting).select_related(
        "latest_revision"
    )
    return list(rows.order_by("pk"))
