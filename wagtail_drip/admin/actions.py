"""Pausing, resuming and stopping a campaign, and the entries of its action menu."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.snippets.action_menu import ActionMenuItem, UnpublishMenuItem
from wagtail.snippets.views import snippets

from ..models import Campaign, Delivery, Enrollment, Step
from .drafting import draft_steps
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


class ResumeView(ChangeView):
    page_title = gettext_lazy("Resume")
    method = "resume"
    yes = gettext_lazy("Yes, let it go on")
    no = gettext_lazy("No, leave it paused")
    done = gettext_lazy("“%(name)s” goes on.")

    def sentences(self, people: int, planned: int) -> list[str]:
        return [
            _("Mails that became due during the pause are sent at once."),
            people_inside(people),
            mails_planned(planned),
        ]


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
        return {**super().get_context_data(**kwargs), "campaigns": campaigns}


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
