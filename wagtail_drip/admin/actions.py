"""Pausing, resuming and stopping a campaign, and the entries of its action menu."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.snippets.action_menu import ActionMenuItem, UnpublishMenuItem
from wagtail.snippets.views import snippets

from ..engine import resuming
from ..engine.resuming import Backlog
from ..models import Campaign, Delivery, Enrollment, Step, VersionStep
from ..models.publishing import draft_steps
from .permissions import may
from .places import campaign_url


def inside(campaign: Campaign) -> dict[str, int]:
    """How many people are on their way, and how many of their mails are planned."""
    people = campaign.enrollments.filter(state=Enrollment.State.ACTIVE).count()
    planned = campaign.deliveries.filter(state__in=Delivery.OPEN).count()
    return {"people": people, "planned": planned}


class ChangeView(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """A change of state that a person confirms: shown on GET, done on POST."""

    model: Any = Campaign
    permission_required = "publish"
    template_name = "wagtail_drip/admin/confirm_change.html"
    header_icon = "drip"
    method = ""  # of Campaign
    yes: Any = ""
    no: Any = ""
    done: Any = ""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.object = get_object_or_404(Campaign, pk=unquote(str(kwargs["pk"])))

    def get_breadcrumbs_items(self) -> list[Any]:
        return []  # as Wagtail's own confirmations

    def get_page_subtitle(self) -> str:
        return str(self.object)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "sentences": self.sentences(**inside(self.object)),
            "next_url": campaign_url(self.object.pk),
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with transaction.atomic():
            getattr(self.object, self.method)(timezone.now(), user=request.user)
        messages.success(request, self.done % {"name": self.object})
        return redirect(campaign_url(self.object.pk))

    def sentences(self, people: int, planned: int) -> list[str]:
        """What the person confirms, in words with counts."""
        return []


class PauseView(ChangeView):
    page_title = gettext_lazy("Pause")
    method = "pause"
    yes = gettext_lazy("Yes, pause it")
    no = gettext_lazy("No, let it go on")
    done = gettext_lazy("“%(name)s” is paused. People still enter and wait; nothing is sent.")

    def sentences(self, people: int, planned: int) -> list[str]:
        return [
            _("While it is paused, people still enter and wait, and nothing is sent."),
            people_inside(people),
            mails_planned(planned),
        ]


class ResumeForm(forms.Form):
    """How a pause ends. `backlog`: what became due in it, told with each choice."""

    CONTINUE, SKIP = "continue", "skip"
    LIMITS = (
        (timedelta(hours=1), gettext_lazy("an hour")),
        (timedelta(hours=6), gettext_lazy("6 hours")),
        (timedelta(days=1), gettext_lazy("a day")),
        (timedelta(days=3), gettext_lazy("3 days")),
        (timedelta(days=7), gettext_lazy("a week")),
    )

    how = forms.ChoiceField(
        label=gettext_lazy("How it goes on"), widget=forms.RadioSelect, initial=CONTINUE
    )
    limit = forms.TypedChoiceField(
        label=gettext_lazy("Stale is what was due for longer than"), coerce=int, initial=2
    )

    def __init__(self, *args: Any, backlog: Backlog, until: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        moment = date_format(localtime(until), "SHORT_DATETIME_FORMAT")
        how, limit = (cast(forms.ChoiceField, self.fields[name]) for name in ("how", "limit"))
        how.choices = [
            (
                self.CONTINUE,
                _(
                    "Continue where they stood: all is due later by as long as the pause was, in "
                    "the same rhythm. What became due in it goes out by this time: %s"
                )
                % moment,
            ),
            (
                self.SKIP,
                _(
                    "Skip what went stale: those mails are passed over and their people go on, in "
                    "the same rhythm. Younger mails go out within the time given below."
                ),
            ),
        ]
        limit.choices = [
            (number, f"{label}: {mails(backlog.older[age])}")
            for number, (age, label) in enumerate(self.LIMITS)
        ]

    def stale_after(self) -> timedelta | None:
        if self.cleaned_data["how"] == self.CONTINUE:
            return None
        return self.LIMITS[self.cleaned_data["limit"]][0]


class ResumeView(ChangeView):
    page_title = gettext_lazy("Resume")
    template_name = "wagtail_drip/admin/resume.html"
    yes = gettext_lazy("Yes, let it go on")
    no = gettext_lazy("No, leave it paused")
    done = gettext_lazy("“%(name)s” goes on.")
    soon = gettext_lazy("“%(name)s” goes on as soon as all who are inside were seen to.")

    def form(self) -> ResumeForm:
        now, since = timezone.now(), self.object.paused_at
        limits = [limit for limit, _label in ResumeForm.LIMITS]
        self.backlog = resuming.backlog(self.object, now, limits)
        until = now + (now - since) if since else now
        return ResumeForm(self.request.POST or None, backlog=self.backlog, until=until)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form") or self.form()
        return {
            **super().get_context_data(**kwargs),
            "form": form,
            "due": mails_due(self.backlog.mails),
            "paused_at": self.object.paused_at,
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.form()
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        resuming.resume(
            self.object, timezone.now(), user=request.user, stale_after=form.stale_after()
        )
        told = self.soon if self.object.paused_at else self.done
        messages.success(request, told % {"name": self.object})
        return redirect(campaign_url(self.object.pk))

    def sentences(self, people: int, planned: int) -> list[str]:
        return [*filter(None, [self.object.paused_reason]), people_inside(people)]


class StopView(snippets.UnpublishView):
    """Unpublishing, in editors' words, with how many people leave."""

    page_title = gettext_lazy("Stop")
    success_message = gettext_lazy("“%(object)s” is stopped.")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), **inside(self.object)}

    def get_next_url(self) -> str:
        return campaign_url(self.object.pk)


class UnpublishMailView(snippets.UnpublishView):
    """Unpublishing a mail: whoever is due for it waits until it is published again."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        campaigns = [(campaign_url(c.pk), c.name) for c in self.object.used_in()]
        step = {"step_key": self.object.translation_key}
        at_it = Delivery.objects.filter(state__in=Delivery.OPEN, **step)
        waiting = at_it.values("enrollment").distinct().count()
        versions = VersionStep.objects.filter(**step).values_list("version_id", flat=True)
        active = Enrollment.objects.filter(state=Enrollment.State.ACTIVE)
        people = active.filter(version_id__in=list(versions)).count()
        context = super().get_context_data(**kwargs)
        return {**context, "campaigns": campaigns, "waiting": waiting_at(waiting), "people": people}


def waiting_at(count: int) -> str:
    if not count:
        return _("Nobody stands at it now.")
    return ngettext(
        "%(count)d person stands at it now and waits until it is published again.",
        "%(count)d people stand at it now and wait until it is published again.",
        count,
    ) % {"count": count}


def people_inside(count: int) -> str:
    if not count:
        return _("Nobody is inside now.")
    return ngettext(
        "%(count)d person is inside now.", "%(count)d people are inside now.", count
    ) % {"count": count}


def mails_planned(count: int) -> str:
    if not count:
        return _("No mail is planned now.")
    return ngettext("%(count)d mail is planned now.", "%(count)d mails are planned now.", count) % {
        "count": count
    }


def mails(count: int) -> str:
    return ngettext("%d mail", "%d mails", count) % count


def mails_due(count: int) -> str:
    if not count:
        return _("No mail became due in the meantime.")
    return ngettext(
        "%(count)d mail became due in the meantime. It doesn't go out in a burst:",
        "%(count)d mails became due in the meantime. They don't go out in a burst:",
        count,
    ) % {"count": count}


class CampaignLinkItem(ActionMenuItem):
    """An entry that leads to a confirmation; shown while the campaign has this status."""

    def __init__(self, view: str, label: Any, icon: str, status: str, order: int) -> None:
        super().__init__(order=order)
        self.name, self.label, self.icon_name = f"action-{view}", label, icon
        self.view, self.status = view, status

    def is_shown(self, context: dict[str, Any]) -> bool:
        campaign = context.get("instance")
        return (
            context["view"] == "edit"
            and campaign is not None
            and campaign.status == self.status
            and may(context["request"].user, "publish", Campaign)
        )

    def get_url(self, context: dict[str, Any]) -> str:
        return campaign_url(context["instance"].pk, self.view)


def publish_all_label(campaign: Campaign | None) -> str:
    """ "Publish campaign with its 3 draft mails"; "" where it has none."""
    count = draft_steps(campaign).count() if campaign else 0
    if not count:
        return ""
    return ngettext(
        "Publish campaign with its draft mail",
        "Publish campaign with its %(count)d draft mails",
        count,
    ) % {"count": count}


class PublishAllItem(ActionMenuItem):
    """Hidden while there is no draft mail: autosaving may bring one, and campaign.js shows it."""

    name = "action-publish-with-mails"
    icon_name = "upload"
    template_name = "wagtail_drip/admin/publish_all.html"

    def is_shown(self, context: dict[str, Any]) -> bool:
        user = context["request"].user
        return (
            super().is_shown(context)
            and may(user, "publish", Campaign)
            and may(user, "publish", Step)
        )

    def get_context_data(self, parent_context: dict[str, Any]) -> dict[str, Any]:
        context = super().get_context_data(parent_context)
        return {**context, "label": publish_all_label(parent_context.get("instance"))}


class StopItem(UnpublishMenuItem):
    """Wagtail's "Unpublish" by the word that the list and the confirmation use too."""

    label = gettext_lazy("Stop")
    icon_name = "circle-xmark"


OURS: list[Any] = [
    CampaignLinkItem("pause", gettext_lazy("Pause"), "minus", "live", 15),
    CampaignLinkItem("resume", gettext_lazy("Resume"), "rotate", "paused", 15),
    PublishAllItem(order=35),
]


def campaign_actions(items: list[Any], request: HttpRequest, context: dict[str, Any]) -> None:
    """Put our entries into the action menu of a campaign's editor, in place."""
    if context.get("model") is not Campaign:
        return
    items[:] = [
        StopItem(order=item.order) if item.name == "action-unpublish" else item for item in items
    ]
    items += [item for item in OURS if item.is_shown(context)]
    items.sort(key=lambda item: item.order)
