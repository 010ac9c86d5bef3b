"""What must not be deleted says so, with where it is used, before anybody is asked to confirm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from wagtail.admin import messages

from ..models import Campaign, Cap, Consent, Segment, SharedContent, Step, Topic
from .places import campaign_url

SHOWN = 5  # buttons that a message has room for


def refuse_deleting(request: HttpRequest, instances: list[Any]) -> HttpResponse | None:
    """Wagtail's `before_delete_snippet`: one by one and in bulk. None where nothing hinders it."""
    refusals = [refusal for instance in instances if (refusal := why_kept(instance))]
    for text, campaigns in refusals:
        buttons = [messages.button(campaign_url(c.pk), c.name) for c in campaigns]
        messages.error(request, text, buttons=buttons)
    if not refusals:
        return None
    return redirect(reverse(instances[0].snippet_viewset.get_url_name("list")))


def why_kept(instance: Any) -> tuple[str, list[Campaign]] | None:
    """Why this row can't be deleted, and the campaigns that need it; None where it can."""
    kept = KEPT.get(type(instance))
    text, campaigns = kept(instance) if kept else ("", [])
    return (text % {"name": instance}, campaigns) if text else None


def _step_kept(step: Step) -> tuple[str, list[Campaign]]:
    campaigns = step.used_in()
    if not campaigns:
        return "", []
    return _("“%(name)s” can't be deleted: people may still get it. It is used in:"), campaigns


def _campaign_kept(campaign: Campaign) -> tuple[str, list[Campaign]]:
    if not campaign.enrollments.exists():
        return "", []
    text = _("“%(name)s” can't be deleted: it keeps the record of who got its mails. Stop it.")
    return text, [campaign]


def _topic_kept(topic: Topic) -> tuple[str, list[Campaign]]:
    if campaigns := list(Campaign.objects.filter(Q(topic=topic) | Q(sms_topic=topic))[:SHOWN]):
        return _("“%(name)s” can't be deleted: campaigns belong to it."), campaigns
    if Consent.objects.filter(topic=topic).exists():
        return _("“%(name)s” can't be deleted: it keeps the proof of what people chose."), []
    return "", []


def _segment_kept(segment: Segment) -> tuple[str, list[Campaign]]:
    if Cap.objects.filter(segment=segment).exists():
        return _("“%(name)s” can't be deleted: a frequency cap is for these people."), []
    return "", []


def _shared_kept(shared: SharedContent) -> tuple[str, list[Campaign]]:
    mails = shared.used_in()
    if not mails:
        return "", []
    names = ", ".join(_("“%s”") % mail for mail in mails[:SHOWN]).replace("%", "%%")
    return _("“%(name)s” can't be deleted: it is used in ") + names, []


KEPT: dict[type[Any], Callable[[Any], tuple[str, list[Campaign]]]] = {
    Step: _step_kept,
    Campaign: _campaign_kept,
    Topic: _topic_kept,
    Segment: _segment_kept,
    SharedContent: _shared_kept,
}
