"""The outbox: every mail as it was received, and the hands of the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from wagtail_drip.conf import conf
from wagtail_drip.engine import reporting, ticking
from wagtail_drip.engine.time_travel import fast_forward
from wagtail_drip.models import Delivery, Step

from .models import Letter

MOVES = {
    "hour": (timedelta(hours=1), gettext_lazy("an hour")),
    "day": (timedelta(days=1), gettext_lazy("a day")),
    "week": (timedelta(weeks=1), gettext_lazy("a week")),
}
SHOWN = 100
LONGEST_WAIT = 10.0  # seconds; what can't be done for now, such as a slow mail, is left behind

View = Callable[..., HttpResponse]


def for_demos(view: View) -> View:
    """Mail is private: the page is there under DEBUG or OUTBOX alone."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not (settings.OUTBOX or settings.DEBUG):
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@for_demos
def index(request: HttpRequest) -> HttpResponse:
    return _show(request, None)


@for_demos
def letter(request: HttpRequest, pk: int) -> HttpResponse:
    return _show(request, get_object_or_404(Letter, pk=pk))


def _show(request: HttpRequest, chosen: Letter | None) -> HttpResponse:
    letters = list(Letter.objects.defer("raw")[:SHOWN])
    _tell_origin([*letters, *([chosen] if chosen else [])])
    context = {
        "letters": letters,
        "chosen": chosen,
        "newest": letters[0].pk if letters else 0,
        "moves": [(name, label) for name, (_delta, label) in MOVES.items()],
        "may_move": conf.TIME_TRAVEL,
    }
    return TemplateResponse(request, "outbox/outbox.html", context)


@for_demos
@xframe_options_sameorigin
def html(request: HttpRequest, pk: int) -> HttpResponse:
    """The HTML part for the frame; nothing in it may run or reach the page around it."""
    response = HttpResponse(get_object_or_404(Letter, pk=pk).html)
    response["Content-Security-Policy"] = (
        "sandbox allow-popups allow-popups-to-escape-sandbox; script-src 'none'"
    )
    return response


@for_demos
def since(request: HttpRequest, pk: int) -> HttpResponse:
    """How many letters are newer, for the page to look after."""
    return JsonResponse({"new": Letter.objects.filter(pk__gt=pk).count()})


@for_demos
@require_POST
def move(request: HttpRequest) -> HttpResponse:
    if not conf.TIME_TRAVEL:
        raise Http404
    try:
        delta, label = MOVES[request.POST.get("by", "")]
    except KeyError:
        messages.error(request, _("Choose an hour, a day or a week."))
    else:
        finish()
        fast_forward(delta)
        messages.success(
            request, _("It is %s later. What is due arrives in a few seconds.") % label
        )
    return redirect("outbox")


def finish() -> None:
    """What was done a moment ago comes before the time that passes: on a busy machine somebody who
    signs up and moves on at once would else enter after it, and wait once more."""
    end = time.monotonic() + LONGEST_WAIT
    while reporting.busy(timezone.now()) and time.monotonic() < end:
        ticking.tick(timezone.now())
        time.sleep(0.05)


@for_demos
def as_json(request: HttpRequest) -> HttpResponse:
    """Every mail, newest first, for scripts."""
    letters = list(Letter.objects.all())
    _tell_origin(letters)
    return JsonResponse([as_data(one) for one in letters], safe=False)


def as_data(letter: Any) -> dict[str, Any]:
    return {
        "id": letter.pk,
        "to": letter.to,
        "subject": letter.subject,
        "headers": letter.headers,
        "text": letter.text,
        "html": letter.html,
        "campaign": letter.campaign,
        "step": letter.step,
        "received": letter.received_at.isoformat(),
    }


def _tell_origin(letters: Iterable[Any]) -> None:
    """Write each letter's campaign (its slug) and step (its name) on it: two queries for all."""
    tokens = {letter.token for letter in letters if letter.token}
    deliveries = {
        found.token: found
        for found in Delivery.objects.filter(token__in=tokens).select_related("campaign")
    }
    keys = {found.step_key for found in deliveries.values()}
    names = dict(
        Step.objects.filter(translation_key__in=keys).values_list("translation_key", "name")
    )
    for letter in letters:
        found = deliveries.get(letter.token)
        letter.campaign = found.campaign.slug if found else ""
        letter.campaign_name = found.campaign.name if found else ""
        letter.step = names.get(found.step_key, "") if found else ""
