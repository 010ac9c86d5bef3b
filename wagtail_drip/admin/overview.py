"""A campaign's own page: its flow as a picture, who stands where, and when they go on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.widgets.button import HeaderButton

from ..engine import moving
from ..engine.measuring import Numbers, measure
from ..engine.standing import Here, Places, standing, together
from ..models import Campaign, Delivery, Version
from ..streams import raw
from . import notes, picture
from .forms import status_label, trigger_label
from .permissions import may
from .places import CampaignPage, campaign_url
from .wording import words

DRAFT = "draft"


class OverviewView(CampaignPage, PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """`?version=2` shows an earlier flow with the people who are still on it, `draft` the latest
    draft; without it, what is live."""

    model: Any = Campaign
    any_permission_required = ["view", "change", "add", "publish"]
    template_name = "wagtail_drip/admin/overview.html"
    page_title = gettext_lazy("Overview")
    above = "edit"
    header_icon = "drip"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.campaign = get_object_or_404(
            Campaign.objects.select_related("current_version"), pk=kwargs["pk"]
        )
        self.now = timezone.now()

    @cached_property
    def header_buttons(self) -> list[Any]:
        url = campaign_url(self.campaign.pk, "results")
        results = HeaderButton(_("Results"), url=url, icon_name="list-ul")
        url = campaign_url(self.campaign.pk, "try")
        try_ = HeaderButton(_("Try it out"), url=url, icon_name="view")
        url = campaign_url(self.campaign.pk, "review")
        review = HeaderButton(_("Review"), url=url, icon_name="calendar-check")
        if not may(self.request.user, "change", Campaign):
            return [results, try_, review]
        return [
            results,
            try_,
            review,
            HeaderButton(_("Edit"), url=campaign_url(self.campaign.pk), icon_name="edit"),
        ]

    @cached_property
    def versions(self) -> list[Version]:
        """The present one, and earlier ones that somebody is still on; the newest first."""
        present = self.campaign.current_version_id
        known = self.campaign.versions.defer("program").order_by("-number")
        inside = {pk for pk, _node in self.places}
        return [version for version in known if version.pk == present or version.pk in inside]

    @cached_property
    def places(self) -> Places:
        return standing(self.campaign, self.now, midnight(self.now))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        version = self._chosen()
        campaign = self.campaign if version else self.campaign.get_latest_revision_as_object()
        [told] = words([version.flow if version else raw(campaign.flow)])
        here = picture.by_block(told, self._on(version))
        sent = {told.block(node): found for (node,), found in self._measured().items()}
        everybody = together(self.places.values())
        return {
            **super().get_context_data(**kwargs),
            "campaign": self.campaign,
            "status": status_label(self.campaign),
            "version": version,
            "tabs": self._tabs(version),
            "drawing": picture.picture(
                told.lines, trigger_label(campaign.trigger), here, self.now, sent
            ),
            "places": [
                (place, picture.moment(place.here.next_at, self.now) if place.here.next_at else "")
                for place in picture.places(told.lines, here)
            ],
            "notes": notes.latest(self.campaign),
            "note_form": self._note_form(kwargs.get("note_form")),
            "everybody": everybody,
            "ahead": picture.ahead(everybody, self.now),
            "outstanding": moving.outstanding(self.campaign),
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Write a note."""
        if not may(request.user, "change", Campaign):
            raise PermissionDenied
        form = notes.NoteForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(note_form=form))
        notes.write(self.campaign, form.cleaned_data["text"], request.user)
        messages.success(request, _("Your note is in the history of “%s”.") % self.campaign)
        return redirect(campaign_url(self.campaign.pk, "overview"))

    def _note_form(self, given: notes.NoteForm | None) -> notes.NoteForm | None:
        return (given or notes.NoteForm()) if may(self.request.user, "change", Campaign) else None

    def _measured(self) -> dict[tuple[Any, ...], Numbers]:
        return measure(Delivery.objects.filter(campaign=self.campaign), "node")

    def _on(self, version: Version | None) -> dict[str, Here]:
        """Who is on this version, by node."""
        shown = version and version.pk
        return {node: here for (pk, node), here in self.places.items() if pk == shown}

    def _chosen(self) -> Version | None:
        """The version to show; None: the draft."""
        asked = self.request.GET.get("version", "")
        for version in self.versions:
            if asked == str(version.number):
                return version
        return None if asked == DRAFT else self.campaign.current_version

    def _tabs(self, shown: Version | None) -> list[dict[str, Any]]:
        """What else there is to see: (label, how many people are on it, address)."""
        people: dict[int, int] = {}
        for (pk, _node), here in self.places.items():
            people[pk] = people.get(pk, 0) + here.people
        tabs = [
            {
                "label": _("Version %s") % version.number,
                "people": people.get(version.pk, 0),
                "query": f"?version={version.number}",
                "current": version == shown,
            }
            for version in self.versions
        ]
        if not self.versions or self.campaign.has_unpublished_changes:
            draft = {"label": _("Draft"), "people": None, "query": f"?version={DRAFT}"}
            tabs.append({**draft, "current": shown is None})
        return tabs


def midnight(now: datetime) -> datetime:
    """When the day is over where the viewer is."""
    tomorrow = timezone.localtime(now) + timedelta(days=1)
    return tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
