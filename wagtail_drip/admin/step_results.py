"""What one mail has done, in each campaign and version that sent it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..engine.measuring import measure
from ..models import Campaign, Delivery, Step, Version
from .permissions import may_see_campaigns
from .places import step_url, steps_url
from .results import LOOKED_AT, BaseFilterForm, ResultsPage, Row, ways_of
from .sites import within
from .wording import words


def deliveries_of(step: Step, user: Any) -> QuerySet[Delivery]:
    """In campaigns that `user` may see."""
    return within(Delivery.objects.filter(step_key=step.translation_key), user)


def rows_of(step: Step, deliveries: QuerySet[Delivery]) -> list[tuple[Campaign, Row]]:
    """By campaign and version. Two queries."""
    numbers = measure(deliveries, "campaign_id", "version__number")
    campaigns = Campaign.objects.defer("flow").in_bulk({pk for pk, _version in numbers})
    found = []
    for (pk, version), counted in sorted(numbers.items(), key=lambda i: (i[0][0], i[0][1] or 0)):
        label = _("Version %s") % version if version else ""
        found.append((campaigns[pk], Row(label, str(step), counted)))
    return found


class StepFilterForm(BaseFilterForm):
    campaign = forms.ModelChoiceField(
        label=gettext_lazy("Campaign"),
        queryset=Campaign.objects.none(),
        required=False,
        empty_label=gettext_lazy("All"),
    )
    field_order = ["campaign"]

    def __init__(self, *args: Any, versions: Iterable[Version], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = list(versions)
        names = {version.campaign_id: str(version.campaign) for version in known}
        several = len(names) > 1
        ways: dict[str, str] = {}
        for version, told in zip(known, words([one.flow for one in known]), strict=True):
            name = names[version.campaign_id] if several else ""
            ways = ways_of([told], name) | ways
        self.offer(Version.objects.filter(pk__in=[one.pk for one in known]), ways)
        field: Any = self.fields["version"]
        field.to_field_name = "pk"
        field.label_from_instance = lambda version: " · ".join(
            [*([names[version.campaign_id]] if several else []), _("Version %s") % version.number]
        )
        campaigns: Any = self.fields["campaign"]
        campaigns.queryset = Campaign.objects.filter(pk__in=names).order_by("name", "pk")

    def deliveries(self, found: QuerySet[Delivery]) -> QuerySet[Delivery]:
        found = super().deliveries(found)
        campaign = self.cleaned_data.get("campaign")
        return found.filter(campaign=campaign) if campaign else found


class StepResultsView(ResultsPage):
    model: Any = Step
    header_icon = "mail"
    named = {"campaign": gettext_lazy("Campaign"), "version": gettext_lazy("Version")}

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.step = get_object_or_404(Step, pk=kwargs["pk"])
        self.deliveries = deliveries_of(self.step, request.user)
        sent_by = self.deliveries.order_by().values("version_id").distinct()
        versions = Version.objects.filter(pk__in=sent_by).defer("program")
        newest = versions.select_related("campaign").order_by("-pk")[: 5 * LOOKED_AT]
        self.form = StepFilterForm(request.GET or None, versions=newest)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not may_see_campaigns(request.user):  # what a campaign does is its own to show
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_page_subtitle(self) -> str:
        return str(self.step)

    def get_breadcrumbs_items(self) -> list[dict[str, str]]:
        return [
            {"url": steps_url(), "label": str(_("Mails"))},
            {"url": step_url(self.step.pk), "label": str(self.step)},
            {"url": "", "label": str(self.page_title), "sublabel": str(self.step)},
        ]

    @cached_property
    def rows(self) -> list[Row]:  # type: ignore[override]
        found = rows_of(self.step, self.filtered(self.deliveries))
        return [Row(str(campaign), row.place, row.numbers) for campaign, row in found]
