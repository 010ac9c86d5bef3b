"""Making a draft mail from within a flow."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from wagtail.log_actions import log
from wagtail.models import Locale, Site

from .. import registry
from ..models import Step
from .forms import MAIL
from .permissions import may
from .places import step_url
from .sites import sites_of


@require_POST
def write_mail(request: HttpRequest) -> JsonResponse:
    """Make an empty draft mail of the given name, for a send block to choose.

    `block`: the send block's type, which says by which channel it goes.
    Answers `{"id": 7, "string": "Hello", "edit_url": "…"}`, what a chooser takes; 400 with
    `{"error": "…"}` where there is no name.
    """
    if not may(request.user, "add", Step):
        raise PermissionDenied
    name = request.POST.get("name", "").strip()
    if not name or len(name) > (Step._meta.get_field("name").max_length or 0):
        return JsonResponse({"error": _("Give the mail a name of up to 200 letters.")}, status=400)
    channel = getattr(registry.flow_blocks().get(request.POST.get("block", "")), "channel", "")
    step = Step(
        name=name,
        channel=channel or MAIL,
        live=False,
        site=_site(request),
        locale=Locale.get_default(),
    )
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
