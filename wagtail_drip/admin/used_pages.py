"""A page that live mails lead to warns whoever unpublishes or deletes it, before they confirm."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from wagtail.admin import messages
from wagtail.models import Page, ReferenceIndex

from ..models import Delivery, Step

WARNED = "drip_warned"  # in the session: the page that was asked about just now
MOST = 1000  # pages below it that are looked at


def warn(request: HttpRequest, page: Page) -> None:
    """Wagtail's `before_delete_page`: beside its question, and lets it go on."""
    if request.method == "GET" and (text := warning(page)):
        messages.warning(request, text)


def ask_again(request: HttpRequest, page: Page) -> HttpResponse | None:
    """Wagtail's `before_unpublish_page`, which comes after its question: asks once more."""
    text = warning(page)
    if not text or request.session.pop(WARNED, None) == page.pk:
        return None
    request.session[WARNED] = page.pk
    messages.warning(request, f"{text} {_('Unpublish it all the same?')}")
    return redirect("wagtailadmin_pages:unpublish", page.pk)


def warning(page: Page) -> str:
    """ "… is used in 2 live campaigns (…). Next send: …", "" where no live mail leads there."""
    steps = steps_with(page)
    campaigns = {c.pk: c.name for step in steps for c in step.used_in() if c.live}
    if not campaigns:
        return ""
    names = ", ".join(f"“{name}”" for name in sorted(campaigns.values()))
    said = {"page": page.title, "count": len(campaigns), "names": names}
    text = ngettext(
        "Mails of %(count)d live campaign lead to “%(page)s” or below it: %(names)s.",
        "Mails of %(count)d live campaigns lead to “%(page)s” or below it: %(names)s.",
        len(campaigns),
    )
    keys = [step.translation_key for step in steps]
    waiting = Delivery.objects.filter(step_key__in=keys, state=Delivery.State.WAITING)
    due = waiting.aggregate(due=Min("due_at"))["due"]
    when = date_format(localtime(due), "SHORT_DATETIME_FORMAT") if due else ""
    following = _("Next send: %s.") % when if when else _("None of them is planned now.")
    waits = _("Without it they wait, and say why.")
    return f"{text % said} {following} {waits}"


def steps_with(page: Page) -> list[Step]:
    """The live mails that lead to this page or to one below it."""
    ids = list(page.get_descendants(inclusive=True).values_list("pk", flat=True)[:MOST])
    found: Any = ReferenceIndex.objects.filter(
        base_content_type=ContentType.objects.get_for_model(Step),
        to_content_type=ContentType.objects.get_for_model(Page),
        to_object_id__in=[str(pk) for pk in ids],
    )
    steps = {int(pk) for pk in found.values_list("object_id", flat=True)}
    return list(Step.objects.filter(pk__in=steps, live=True).order_by("pk"))
