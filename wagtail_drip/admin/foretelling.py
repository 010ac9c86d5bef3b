"""Trying a campaign out: what would happen, day by day, to somebody, and what if they did this.

Shown on POST, since it takes a writer's place in the database for a moment; nothing of it stays.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.widgets.button import HeaderButton

from ..engine.foretelling import foretell
from ..engine.walking import zone_of
from ..flow import clocks
from ..flow.compiling import NotReady
from ..models import Campaign
from ..models.publishing import unfinished
from ..streams import raw
from .foretelling_forms import (
    CONTACT,
    DRAFT,
    PersonForm,
    TryForm,
    WhatIfs,
    events_of,
    starting,
)
from .people_chooser import may_choose_people, people_of
from .places import CampaignPage, campaign_url
from .telling import Told, told


class TryView(CampaignPage, PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """`?contact=12` has chosen somebody already."""

    model: Any = Campaign
    any_permission_required = ["view", "change", "add", "publish"]
    template_name = "wagtail_drip/admin/try.html"
    page_title = gettext_lazy("Try it out")
    header_icon = "view"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        rows = Campaign.objects.select_related("current_version", "latest_revision")
        self.campaign = get_object_or_404(rows, pk=kwargs["pk"])

    @cached_property
    def header_buttons(self) -> list[Any]:
        url = campaign_url(self.campaign.pk, "overview")
        return [HeaderButton(_("Overview"), url=url, icon_name="list-ol")]

    # The forms

    @cached_property
    def draft(self) -> Campaign:
        return self.campaign.get_latest_revision_as_object()

    def _forms(self, data: Any = None) -> dict[str, Any]:
        mine: dict[str, Any] = {"campaign": self.campaign, "user": self.request.user}
        names = list(dict.fromkeys([*events_of(self.draft), *events_of(self.campaign)]))
        return {
            "form": TryForm(data, initial=self._chosen_before(), **mine),
            "person": PersonForm(data, prefix="person", **{**mine, "campaign": self.draft}),
            "what_ifs": WhatIfs(data, prefix="events", form_kwargs={"names": names}),
        }

    def _chosen_before(self) -> dict[str, Any]:
        pk = self.request.GET.get("contact", "")
        if not pk.isdecimal() or len(pk) > 18 or not may_choose_people(self.request.user):
            return {}
        contact = people_of(self.request.user).filter(pk=pk).first()
        return {"who": CONTACT, "contact": contact} if contact else {}

    # The plan

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        forms = self._forms(request.POST)
        form, person, what_ifs = forms.values()
        asked = [form, what_ifs] + ([] if form.of_contact else [person])
        valid = [one.is_valid() for one in asked]  # each says what is wrong with it
        plan = self._told(form, person, what_ifs) if all(valid) else None
        return self.render_to_response(self.get_context_data(**forms, plan=plan))

    def _told(self, form: TryForm, person: PersonForm, what_ifs: Any) -> Told | None:
        """None where a form has an error now."""
        given = form.cleaned_data
        draft = given["version"] == DRAFT
        campaign = self.draft if draft else self.campaign
        who: Any = given["contact"] if form.of_contact else person.sample()
        zone = zone_of(who.time_zone, campaign.time_zone)
        start = begins(given["start"], zone)
        events = [starting(campaign, start, given["tells"])]
        for one in what_ifs:
            try:
                what_if = one.what_if(start, zone)
            except ValidationError as error:
                one.add_error("time", error)
            else:
                events += [what_if] if what_if else []
        if any(one.errors for one in what_ifs):
            return None
        try:
            if draft and (problems := unfinished(campaign)):
                raise NotReady(problems)
            plan = foretell(campaign, who, start=start, what_if=events, draft=draft)
        except (ValidationError, ValueError) as error:
            form.add_error(None, error if isinstance(error, ValidationError) else str(error))
            return None
        return told(plan, raw(campaign.flow) if draft else campaign.current_version.flow)  # type: ignore[union-attr]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs = kwargs if "form" in kwargs else {**kwargs, **self._forms()}
        media = kwargs["form"].media + kwargs["person"].media
        return {**super().get_context_data(**kwargs), "campaign": self.campaign, "media": media}


def begins(wall: datetime | None, zone: ZoneInfo) -> datetime:
    """The moment when the person's clock shows what was typed; now where nothing was."""
    if wall is None:
        return timezone.now().replace(microsecond=0)
    return clocks.moment(timezone.make_naive(wall), zone)
