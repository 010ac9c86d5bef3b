"""Addresses inside the admin that several pages need, and where a campaign's pages stand."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from wagtail.admin.utils import set_query_params

from ..models import Campaign, Step

FLOW_TAB, SETTINGS_TAB = "#tab-flow", "#tab-settings"
BACK = "campaign"  # the mail editor's parameter: the campaign one came from


def campaign_url(pk: Any, view: str = "edit", *more: Any) -> str:
    return reverse(Campaign.snippet_viewset.get_url_name(view), args=[pk, *more])


def campaigns_url() -> str:
    return reverse(Campaign.snippet_viewset.get_url_name("list"))


class CampaignPage:
    """Of a view with `campaign`: its name as the subtitle, and the way back to it."""

    campaign: Campaign
    page_title: Any
    above = "overview"  # the campaign's page from which one comes

    def get_page_subtitle(self) -> str:
        return str(self.campaign)

    def get_breadcrumbs_items(self) -> list[dict[str, str]]:
        return [
            {"url": campaigns_url(), "label": str(_("Campaigns"))},
            {"url": campaign_url(self.campaign.pk, self.above), "label": str(self.campaign)},
            {"url": "", "label": str(self.page_title), "sublabel": str(self.campaign)},
        ]


def steps_url() -> str:
    return reverse(Step.snippet_viewset.get_url_name("list"))


def step_url(pk: Any, campaign: Any = None, view: str = "edit") -> str:
    """A mail's editor; with the campaign one comes from, it leads back to that one's flow."""
    url = reverse(Step.snippet_viewset.get_url_name(view), args=[pk])
    return set_query_params(url, {BACK: str(campaign)}) if campaign else url
