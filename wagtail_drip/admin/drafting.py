"""Draft mails: making one from within a flow, and publishing those that a flow uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from wagtail.log_actions import log
from wagtail.models import Locale, Site

from ..flow import checking
from ..models import Campaign, Step
from ..streams import raw
from .permissions import may
from .places import step_url
from .sites import sites_of


def draft_steps(campaign: Campaign) -> QuerySet[Step]:
    """The mails of this flow that were never published, or no longer are."""
    ids = checking.step_ids(raw(campaign.flow))
    return Step.objects.filter(pk__in=ids, live=False).order_by("pk")


def publish_steps(steps: Iterable[Step], user: Any) -> int:
    """Publish the latest draft of each. Raises ValidationError for a locked one."""
    count = 0
    for step in steps:
        lock = step.get_lock()
        if lock and lock.for_user(user):
            raise ValidationError(_("The mail “%s” is locked.") % step)
        revision = step.latest_revision or step.save_revision(user=user)
        revision.publish(user=user)
        count += 1
    return count


@require_POST
def write_mail(request: HttpRequest) -> JsonResponse:
    """Make an empty draft mail of the given name, for a send block to choose.

    Answers `{"id": 7, "string": "Hello", "edit_url": "…"}`, what a chooser takes; 400 with
    `{"error": "…"}` where there is no name.
    """
    if not may(request.user, "add", Step):
        raise PermissionDenied
    name = request.POST.get("name", "").strip()
    if not name or len(name) > (Step._meta.get_field("name").max_length or 0):
        return JsonResponse({"error": _("Give the mail a name of up to 200 letters.")}, status=400)
    step = Step(name=name, live=False, site=_site(request), locale=Locale.get_default())
    with transaction.atomic():
        step.save()
        step.save_revision(user=request.user)
        log(instance=step, action="wagtail.create", user=request.user, content_changed=True)
    return JsonResponse({"id": step.pk, "string": str(step), "edit_url": step_url(step.pk)})


def _site(request: HttpRequest) -> Site:
    """The campaign's site, which its form may name; else the default one."""
    sites, allowed = Site.objects.order_by("-is_default_site", "pk"), sites_of(request.user)
    if allowed:
        sites = sites.filter(pk__in=allowed)
    wanted = request.POST.get("site", "")
    found = sites.filter(pk=wanted).first() if wanted.isdecimal() else None
    return found or sites[0]
