"""The report on the lifecycle: how many people stand in each stage, over time."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import get_language_bidi, gettext_lazy
from django.utils.translation import gettext as _
from django.views.generic import TemplateView
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic import WagtailAdminTemplateMixin

from ..models import Contact, Stage, StageCount
from . import charts
from .permissions import may, may_see_campaigns, may_see_people
from .sites import sites_of

DAYS = 90  # shown
EVERY = timedelta(days=7)  # a row of the table

Counts = dict[date, dict[str, int]]


def may_see(user: Any) -> bool:
    """The counts are of the whole installation, so not for who sees some sites alone."""
    return may_see_campaigns(user) and sites_of(user) is None


def url() -> str:
    return reverse("wagtail_drip_admin:lifecycle")


def latest(user: Any) -> dict[str, Any] | None:
    """The last day's counts for the home page; None: there are none yet. One query."""
    if not may_see(user):
        return None
    newest = StageCount.objects.order_by("-day").values_list("day", "stage", "number")
    rows = list(newest[: len(Stage)])
    if not rows:
        return None
    last = {stage: number for day, stage, number in rows if day == rows[0][0]}
    return {"shares": [(_name(one), last.get(one, 0)) for one in Stage], "url": url()}


def _name(stage: Stage) -> str:
    return str(capfirst(stage.label))


class LifecycleView(WagtailAdminTemplateMixin, TemplateView):
    template_name = "wagtail_drip/admin/lifecycle.html"
    page_title = gettext_lazy("Lifecycle")
    header_icon = "group"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not may_see(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [*self.breadcrumbs_items, {"url": "", "label": str(self.page_title)}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        counts = counted()
        context = super().get_context_data(**kwargs)
        if not counts:
            return {**context, "stages": []}
        last = max(counts)
        first = max(min(counts), last - timedelta(days=DAYS))
        seen = may(self.request.user, "view", Contact) and may_see_people(self.request.user)
        people = reverse("drip_contacts_modeladmin_index") if seen else ""
        return {
            **context,
            "first": first,
            "last": last,
            "names": [_name(stage) for stage in Stage],
            "stages": [_row(stage, counts, first, last, people) for stage in Stage],
            "weeks": list(_weeks(counts, first, last)),
        }


def counted() -> Counts:
    """What was counted up to DAYS before the last count, by day and stage. Two queries."""
    last = StageCount.objects.order_by("-day").values_list("day", flat=True).first()
    found: Counts = defaultdict(dict)
    if last:
        rows = StageCount.objects.filter(day__gte=last - timedelta(days=DAYS))
        for day, stage, number in rows.values_list("day", "stage", "number"):
            found[day][stage] = number
    return dict(found)


def _row(stage: Stage, counts: Counts, first: date, last: date, people: str) -> dict[str, Any]:
    numbers = {day: found[stage] for day, found in counts.items() if stage in found}
    then, now = numbers.get(first, 0), numbers.get(last, 0)
    label = _("%(stage)s: %(then)s on %(first)s, %(now)s on %(last)s") % {
        "stage": _name(stage), "then": then, "first": date_format(first),
        "now": now, "last": date_format(last),
    }  # fmt: skip
    change = now - then
    return {
        "name": _name(stage),
        "url": people and f"{people}?{urlencode({'stage': stage.value})}",
        "number": now,
        "change": change,
        "sign": "+" if change > 0 else "",
        "line": charts.line(numbers, first, last, label, mirrored=get_language_bidi()),
    }


def _weeks(counts: Counts, first: date, last: date) -> Any:
    """A row for each week back from the last day, with the nearest earlier count of it."""
    day = last
    while day >= first:
        known = [one for one in counts if day - EVERY < one <= day]
        if known:
            nearest = max(known)
            yield nearest, [counts[nearest].get(stage, 0) for stage in Stage]
        day -= EVERY


class LifecycleMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return may_see(request.user)


def menu_item() -> MenuItem:
    return LifecycleMenuItem(
        _("Lifecycle"), url(), name="drip-lifecycle", icon_name="group", order=950
    )
