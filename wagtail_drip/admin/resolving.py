"""A person's word on mails of which the line can't know whether they went."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from wagtail.admin import messages
from wagtail.log_actions import log

from ..engine import resolving
from ..models import Delivery
from .permissions import may_resolve
from .sites import within

SENT, RESEND = "sent", "resend"
MOST = 1000  # at once


@require_POST
def resolve(request: HttpRequest) -> HttpResponse:
    """Of the POSTed `delivery` ids say the POSTed `word`; asks first, until `confirmed`."""
    if not may_resolve(request.user):
        raise PermissionDenied
    listing = f"{reverse('drip_deliveries_modeladmin_index')}?state={Delivery.State.UNCERTAIN}"
    named = [int(pk) for pk in request.POST.getlist("delivery")[:MOST] if pk.isdecimal()]
    ours = within(Delivery.objects.filter(pk__in=named), request.user)
    ids = set(ours.values_list("pk", flat=True))
    word = request.POST.get("word")
    if not ids or word not in (SENT, RESEND):
        messages.warning(request, _("Choose at least one mail."))
        return redirect(listing)
    if "confirmed" not in request.POST:
        return render(request, "wagtail_drip/admin/confirm_word.html", asked(ids, word, listing))
    changed = say(ids, word, request.user)
    messages.success(request, told(changed, word))
    return redirect(listing)


def asked(ids: Collection[int], word: str, listing: str) -> dict[str, Any]:
    count = Delivery.objects.filter(pk__in=ids, state=Delivery.State.UNCERTAIN).count()
    return {"ids": sorted(ids), "word": word, "count": count, "listing": listing}


def say(ids: Collection[int], word: str, user: Any) -> int:
    """Settle those of them that are uncertain, each with its entry in the log. How many."""
    with transaction.atomic():
        rows = Delivery.objects.select_for_update().filter(
            pk__in=ids, state=Delivery.State.UNCERTAIN
        )
        uncertain = list(rows.order_by("pk"))
        found = [delivery.pk for delivery in uncertain]
        if word == SENT:
            changed = resolving.mark_sent(found)
        else:
            changed = resolving.send_again(found, timezone.now())
        for delivery in uncertain:
            # By number: the log outlives the erasing of whom the mail went to.
            title = _("Mail %s") % delivery.pk
            log(instance=delivery, action=f"wagtail_drip.{word}", user=user, title=title)
    return changed


def told(count: int, word: str) -> str:
    if word == SENT:
        text = ngettext("%d mail is marked as sent.", "%d mails are marked as sent.", count)
    else:
        text = ngettext("%d mail is sent again.", "%d mails are sent again.", count)
    return text % count
