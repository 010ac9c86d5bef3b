"""What must not be deleted says so, with where it is used, before anybody is asked to confirm."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from wagtail.admin import messages

from ..models import Campaign, Consent, Step, Topic
from .places import campaign_url


def refuse_deleting(request: HttpRequest, instances: list[Any]) -> HttpResponse | None:
    """Wagtail's `before_delete_snippet`: one by one and in bulk. None where nothing hinders it."""
    refusals = [text for instance in instances if (text := why_kept(instance))]
    for text in refusals:
        messages.error(request, text)
    if not refusals:
        return None
    return redirect(reverse(instances[0].snippet_viewset.get_url_name("list")))


def why_kept(instance: Any) -> str:
    """Why this row can't be deleted, as HTML; "" where it can."""
    if isinstance(instance, Step):
        return _step_kept(instance)
    if isinstance(instance, Campaign):
        return _campaign_kept(instance)
    if isinstance(instance, Topic):
        return _topic_kept(instance)
    return ""


def _step_kept(step: Step) -> str:
    campaigns = step.used_in()
    if not campaigns:
        return ""
    links = format_html_join(
        ", ", '<a href="{}">{}</a>', ((campaign_url(c.pk), c.name) for c in campaigns)
    )
    return format_html(
        _("“{step}” can't be deleted: people may still get it. It is used in {campaigns}."),
        step=step,
        campaigns=links,
    )


def _campaign_kept(campaign: Campaign) -> str:
    if not campaign.enrollments.exists():
        return ""
    return format_html(
        _("“{}” can't be deleted: it keeps the record of who got its mails. Stop it instead."),
        campaign,
    )


def _topic_kept(topic: Topic) -> str:
    if Campaign.objects.filter(topic=topic).exists():
        return format_html(_("“{}” can't be deleted: a campaign belongs to it."), topic)
    if Consent.objects.filter(topic=topic).exists():
        return format_html(
            _("“{}” can't be deleted: it keeps the proof of what people chose."), topic
        )
    return ""
