"""The question that publishing a changed flow asks: what about the people who are inside?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.models import Revision, WorkflowState

from ..engine import moving
from ..engine.recording import announce
from ..flow.program import Program
from ..models import Campaign, Choice, Step, Version
from ..models.publishing import answer, changed_program, publish_mails
from ..streams import raw
from . import refusing
from .permissions import may
from .places import campaign_url
from .wording import Words, words

PUBLISH, PUBLISH_ALL = "publish", "publish-with-mails"
SUBMIT, RESTART = "submit", "restart-workflow"


class Asked(Exception):
    """There are people inside. Raised amid publishing, so that mails published along are undone."""


def ask_first(campaign: Campaign) -> None:
    """Raises Asked where this draft has another flow than people are in, NotReady where it can't
    be published at all."""
    if changed_program(campaign) and moving.people_at(campaign):
        raise Asked


@dataclass(frozen=True, slots=True)
class Row:
    """People at one place, in words. `target`: where they would come to; "": they stay there."""

    place: str
    version: int
    people: int
    target: str


def rows(campaign: Campaign, program: Program) -> list[Row]:
    """Where people stand and would go, version by version in reading order."""
    standings = moving.preview(campaign, program)
    versions: dict[int, Version] = {s.version.pk: s.version for s in standings}
    new, *old = words([raw(campaign.flow), *(version.flow for version in versions.values())])
    told: dict[int, Words] = dict(zip(versions, old, strict=True))
    standings.sort(key=lambda s: (s.version.number, told[s.version.pk].rank(s.node)))
    return [
        Row(
            told[s.version.pk].of(s.node),
            s.version.number,
            s.people,
            "" if s.stays else new.of(s.target),
        )
        for s in standings
    ]


class ChoiceForm(forms.Form):
    choice = forms.ChoiceField(
        label=gettext_lazy("The people inside"),
        widget=forms.RadioSelect,
        initial=Choice.KEEP,
        choices=[
            (Choice.KEEP, gettext_lazy("Stay: they go on by the flow that they entered")),
            (Choice.MOVE, gettext_lazy("Move: they go on by the new flow, as the table says")),
            (Choice.LEAVE, gettext_lazy("Leave: it ends for them, without further mail")),
        ],
    )


class ChoiceView(WagtailAdminTemplateMixin, TemplateView):
    """Asked after the draft is saved; the answer is kept with the revision, which then goes on
    to be published, scheduled or submitted."""

    template_name = "wagtail_drip/admin/choose.html"
    page_title = gettext_lazy("People are inside")
    header_icon = "drip"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.campaign = get_object_or_404(Campaign, pk=kwargs["pk"])
        self.revision = get_object_or_404(
            Revision.objects.for_instance(self.campaign), pk=kwargs["revision"]
        )
        self.goal = kwargs["goal"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        publishing = self.goal in (PUBLISH, PUBLISH_ALL)
        rights = [("publish" if publishing else "change", Campaign)]
        if self.goal == PUBLISH_ALL:
            rights.append(("publish", Step))
        if not all(may(request.user, right, model) for right, model in rights):
            raise PermissionDenied
        lock = self.draft.get_lock()
        if self.campaign.latest_revision_id != self.revision.pk or (
            lock and lock.for_user(request.user)
        ):
            return self._outdated()
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def draft(self) -> Campaign:
        return self.revision.as_object()

    def _outdated(self) -> HttpResponse:
        messages.error(
            self.request, _("“%s” was changed or locked in the meantime. Look again.") % self.draft
        )
        return redirect(campaign_url(self.campaign.pk))

    def get_page_subtitle(self) -> str:
        return str(self.draft)

    def get_breadcrumbs_items(self) -> list[Any]:
        return []

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Asking and answering pass the gate; to look, it is enough that the flow is whole.
        program = changed_program(self.draft, gated=False)
        if program is None:
            return self._outdated()
        self.program = program
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        table = rows(self.draft, self.program)
        people = sum(row.people for row in table)
        ahead = self.draft.go_live_at
        return {
            **super().get_context_data(**kwargs),
            "form": ChoiceForm(),
            "rows": table,
            "people": people,
            "several": len({row.version for row in table}) > 1,
            "scheduled": ahead if ahead and ahead > timezone.now() else None,
            "submitting": self.goal in (SUBMIT, RESTART),
            "back_url": campaign_url(self.campaign.pk),
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = ChoiceForm(request.POST)
        if not form.is_valid():
            return self.get(request, *args, **kwargs)
        choice = form.cleaned_data["choice"]
        try:
            with transaction.atomic():
                row = Campaign.objects.select_for_update().get(pk=self.campaign.pk)
                if row.latest_revision_id != self.revision.pk:
                    return self._outdated()
                answer(row, self.revision, choice)
                self._go()
                announce()
        except ValidationError as refusal:
            return self._refused(refusal)
        messages.success(request, self._done(choice))
        return redirect(campaign_url(self.campaign.pk))

    def _publish_mails(self) -> None:
        if self.goal == PUBLISH_ALL:
            publish_mails(self.draft, self.request.user)

    def _go(self) -> None:
        user = self.request.user
        if self.goal in (PUBLISH, PUBLISH_ALL):
            self._publish_mails()
            self.revision.publish(user=user)
            return
        state = self.campaign.current_workflow_state
        if state and self.goal == SUBMIT and state.status == WorkflowState.STATUS_NEEDS_CHANGES:
            state.resume(user)
            return
        if state:
            state.cancel(user=user)
        self.campaign.get_workflow().start(self.campaign, user)

    def _done(self, choice: str) -> str:
        kept = {
            Choice.KEEP: _("The people inside stay on the flow that they entered."),
            Choice.MOVE: _("The people inside move to the new flow."),
            Choice.LEAVE: _("The people inside leave."),
        }[Choice(choice)]
        if self.goal in (SUBMIT, RESTART):
            said = _("“%s” is submitted; your choice goes with it.")
        elif self.draft.go_live_at and self.draft.go_live_at > timezone.now():
            said = _("“%s” is scheduled; your choice goes with it.")
        else:
            said = _("“%s” is published.")
        return f"{said % self.draft} {kept}"

    def _refused(self, refusal: ValidationError) -> HttpResponse:
        url = campaign_url(self.campaign.pk)
        messages.error(self.request, refusing.message(self.draft, refusal, url))
        return redirect(refusing.first_tab(url, refusal))


def chosen(draft: Campaign) -> str:
    """What a draft that waits to be published will do with the people inside; "": not chosen."""
    if not draft.choice_over or draft.choice_over != draft.current_version_id:
        return ""
    count = sum(moving.people_at(draft).values())
    people = ngettext("%d person is inside", "%d people are inside", count) % count
    return _("When this draft is published: %(people)s, and %(what)s.") % {
        "people": people,
        "what": Choice(draft.choice).label,
    }
