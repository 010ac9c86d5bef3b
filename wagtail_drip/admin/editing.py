"""The editors of campaigns and mails: publishing through the gate, and writing mails on the way.

A refused publishing loses nothing: the draft is saved before the gate is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from wagtail.admin import messages
from wagtail.admin.ui.side_panels import ChecksSidePanel, PreviewSidePanel
from wagtail.admin.views import generic
from wagtail.admin.widgets.button import Button
from wagtail.snippets.views import snippets

from .. import registry
from ..engine.testing import TESTED
from ..models import Campaign, Choice, Step
from ..models.gating import log_refusal
from ..models.publishing import note_refusal, publish_mails
from . import choosing, mail_checks, refusing, stand_ins
from .actions import publish_all_label
from .choosing import PUBLISH_ALL, Asked
from .permissions import may, may_see_campaigns, may_see_people, may_send_tests
from .places import BACK, FLOW_TAB, campaign_url, step_url
from .saving import SerialSaves

OPEN_MAIL = "drip-open-mail"  # the form's field: after saving, go on to this mail's editor
GO = "drip-go"  # the form's field: where to go after saving: "campaign", "test", "preview"


class GatedViewMixin(generic.CreateEditViewOptionalFeaturesMixin):
    """What the gate refuses is saved as a draft, and said; of an approval, the task stays."""

    def publish_action(self) -> HttpResponse | None:
        return self._gated(super().publish_action)

    def submit_action(self) -> HttpResponse | None:
        return self._gated(super().submit_action)  # a workflow without a task publishes at once

    def restart_workflow_action(self) -> HttpResponse | None:
        return self._gated(super().restart_workflow_action)

    def workflow_action_action(self) -> HttpResponse | None:
        return self._gated(super().workflow_action_action, approval=True)

    def _gated(
        self, publish: Callable[[], HttpResponse | None], *, approval: bool = False
    ) -> HttpResponse | None:
        try:
            with transaction.atomic():
                return publish()
        except Asked:
            return self._question()
        except ValidationError as refusal:
            if approval:
                tell_refused_approval(self.request, self.object, refusal)
                return redirect(refusing.first_tab(self._edit_url(), refusal))
            text = refusing.message(self.object, refusal, self._edit_url())
            messages.error(self.request, text)
            return redirect(refusing.first_tab(self._edit_url(), refusal))

    def _question(self) -> HttpResponse:
        raise NotImplementedError

    def _edit_url(self) -> str:
        return edit_url(self.object)


class CampaignViewMixin(GatedViewMixin):
    """What creating, editing and reverting a campaign have in common."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        if self.action in ("publish", PUBLISH_ALL):
            # Whether it is complete the gate says, after saving: the form would keep nothing.
            self.saving_as_draft = True

    def get_available_actions(self) -> list[str]:
        actions = list(super().get_available_actions())
        if "publish" in actions and may(self.request.user, "publish", Step):
            actions.append(PUBLISH_ALL)
        return actions

    def save_instance(self) -> Any:
        if "flow" in self.form.changed_data:
            # What was to become of the people inside was chosen about another flow.
            self.form.instance.choice, self.form.instance.choice_over = Choice.KEEP, None
        return super().save_instance()

    def publish_action(self) -> HttpResponse | None:
        return self._gated(self._publish)

    def publish_with_mails_action(self) -> HttpResponse | None:
        return self._gated(self._publish_with_mails)

    def submit_action(self) -> HttpResponse | None:
        return self._asked_first() or super().submit_action()

    def restart_workflow_action(self) -> HttpResponse | None:
        return self._asked_first() or super().restart_workflow_action()

    def _asked_first(self) -> HttpResponse | None:
        """Whoever approves may do so from a list: what is to be asked is asked before."""
        try:
            choosing.ask_first(self.object)
        except Asked:
            return self._question()
        except ValidationError:
            pass  # approving it will say so
        return None

    def _question(self) -> HttpResponse:
        return redirect(campaign_url(self.object.pk, "choose", self.new_revision.pk, self.action))

    def _publish(self) -> HttpResponse | None:
        choosing.ask_first(self.object)
        # Past the gate's own way of telling: this is told once, with the mails published along.
        return super(GatedViewMixin, self).publish_action()

    def _publish_with_mails(self) -> HttpResponse | None:
        self.published_mails = publish_mails(self.object, self.request.user)
        return self._publish()

    def save_action(self) -> HttpResponse:
        response = super().save_action()
        mail = self.request.POST.get(OPEN_MAIL, "")
        if not self.expects_json_response and mail.isdecimal():
            step = Step.objects.filter(pk=mail).first()
            if step and may(self.request.user, "change", Step):
                return redirect(step_url(step.pk, self.object.pk))
        return response

    def get_success_json(self) -> dict[str, Any]:
        """With what the menu says of the draft mails now: campaign.js puts it there."""
        offered = PUBLISH_ALL in self.get_available_actions()
        label = publish_all_label(self.object) if offered else ""
        return {**super().get_success_json(), "publish_all": label}

    def get_success_message(self, instance: Any = None) -> str:
        if self.action != PUBLISH_ALL:
            return super().get_success_message(*([instance] if instance else []))
        return ngettext(
            "Campaign “%(name)s” and %(count)d mail published.",
            "Campaign “%(name)s” and %(count)d mails published.",
            self.published_mails,
        ) % {"name": self.object, "count": self.published_mails}


class CampaignCreateView(CampaignViewMixin, snippets.CreateView):
    pass


class CampaignCopyView(CampaignViewMixin, snippets.CopyView):
    pass


class CampaignEditView(SerialSaves, CampaignViewMixin, snippets.EditView):
    @cached_property
    def header_more_buttons(self) -> list[Any]:
        url = campaign_url(self.object.pk, "overview")
        overview = Button(_("Overview"), url=url, icon_name="list-ol", priority=5)
        url = campaign_url(self.object.pk, "try")
        try_ = Button(_("Try it out"), url=url, icon_name="view", priority=6)
        return [overview, try_, *super().header_more_buttons]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        chosen = choosing.chosen(self.object)
        context = super().get_context_data(**kwargs)
        return {**context, "live_object": self.live_object, "chosen": chosen}


class GatedWorkflowActionView(snippets.WorkflowActionView):
    """Approving from the dashboard, too, publishes and may be refused: then the task stays."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                return super().post(request, *args, **kwargs)
        except ValidationError as refusal:
            tell_refused_approval(request, self.object, refusal)
        if request.headers.get("x-requested-with") == "XMLHttpRequest":
            return self.render_modal_json(
                request, {"step": "success", "redirect": self.redirect_url}
            )
        return redirect(self.redirect_url)


def tell_refused_approval(request: HttpRequest, row: Any, refusal: ValidationError) -> None:
    """To whoever approves, and in the history for whoever asked for the approval."""
    found = refusing.problems(refusal)
    note = note_refusal if isinstance(row, Campaign) else log_refusal
    note(row, found, request.user)
    text = _("“%s” is not published, and still waits for approval:") % row
    messages.error(request, refusing.message(row, refusal, edit_url(row), text))


class StepCreateView(GatedViewMixin, snippets.CreateView):
    """For the channel that the button names; without a name, it is a mail."""

    def get_initial_form_instance(self) -> Step:
        instance = super().get_initial_form_instance() or self.model()
        channel = self.request.GET.get("channel", "")
        if channel in registry.channels():
            instance.channel = channel
        return instance


def edit_url(row: Any) -> str:
    return campaign_url(row.pk) if isinstance(row, Campaign) else snippet_url(row)


def snippet_url(row: Any) -> str:
    return reverse(row.snippet_viewset.get_url_name("edit"), args=[quote(row.pk)])


class GatedCreateView(GatedViewMixin, snippets.CreateView):
    pass


class GatedCopyView(GatedViewMixin, snippets.CopyView):
    pass


class GatedEditView(GatedViewMixin, snippets.EditView):
    pass


class StepEditView(SerialSaves, GatedViewMixin, snippets.EditView):
    """A mail's editor. Reached from a campaign's flow, it leads back there."""

    @cached_property
    def campaign(self) -> Campaign | None:
        pk = self.request.GET.get(BACK, "")
        if not pk.isdecimal() or not may_see_campaigns(self.request.user):
            return None
        return Campaign.objects.filter(pk=pk).first()

    def get_edit_url(self) -> str:
        return step_url(self.object.pk, self.campaign and self.campaign.pk)

    def get_success_url(self) -> str:
        wish = self.request.POST.get(GO)
        if wish in ("test", "preview"):
            return self.page_url(wish)
        if self.campaign and (self.action == "publish" or wish == "campaign"):
            return f"{campaign_url(self.campaign.pk)}{FLOW_TAB}"
        return super().get_success_url()

    def page_url(self, view: str) -> str:
        return step_url(self.object.pk, self.campaign and self.campaign.pk, view)

    def get_side_panels(self) -> Any:
        """Wagtail's; the preview's says for whom it is, the checks' what is wrong with the mail."""
        panels = super().get_side_panels()
        for number, panel in enumerate(panels):
            if isinstance(panel, ChecksSidePanel):
                panels[number] = mail_checks.MailChecksPanel(
                    panel.object, self.request, checks_url=self.page_url("checks")
                )
            if isinstance(panel, PreviewSidePanel) and may_see_people(self.request.user):
                panel.template_name = "wagtail_drip/admin/preview_panel.html"
                panel.stand_in_url = self.page_url("preview")
                panel.stand_in = stand_ins.name_of(stand_ins.kept(self.request))
        return panels

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        if self.object.channel in TESTED and may_send_tests(self.request.user):
            context["test_url"] = self.page_url("test")
        if self.campaign:
            latest = self.campaign.get_latest_revision_as_object()
            context["campaign"] = latest
            context["campaign_url"] = f"{campaign_url(self.campaign.pk)}{FLOW_TAB}"
        return context
