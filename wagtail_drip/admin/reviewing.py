"""Reviewing a campaign: how it goes, when it is to be looked at again, and by whom."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.widgets import AdminDateInput
from wagtail.log_actions import log

from ..engine.reviewing import OLD, SPAN, fall, overdue, reviewed, today
from ..models import Campaign, Review
from ..models.reviews import ENOUGH
from .forms import status_label
from .permissions import may
from .places import CampaignPage, campaign_url, campaigns_url

NAMED = 5  # on the home page
AGAIN = timedelta(days=180)  # what the form suggests


def review_of(campaign: Campaign) -> Review:
    """Its review, or an unsaved one. No query if selected with it."""
    try:
        return campaign.review
    except Review.DoesNotExist:
        return Review(campaign=campaign)


def due_of(campaign: Campaign) -> str:
    due = review_of(campaign).due
    return date_format(due, "SHORT_DATE_FORMAT") if due else ""


def reminders(campaigns: QuerySet[Campaign], now: datetime) -> dict[str, Any]:
    """What the home page says of campaigns that are due, old or falling. One query."""
    wanted = overdue(campaigns, now) | campaigns.filter(review__falling=True, live=True)
    rows = wanted.select_related("review__owner").defer("flow", "audience", "goals")
    found = list(rows.order_by(F("review__due").asc(nulls_last=True), "name")[: NAMED + 1])
    return {
        "rows": [
            {
                "campaign": one,
                "url": campaign_url(one.pk, "review"),
                "text": " ".join(told(one, now)),
            }
            for one in found[:NAMED]
        ],
        "more": len(found) > NAMED,
        "due_url": f"{campaigns_url()}?{urlencode({'review': 'due'})}",
        "falling_url": f"{campaigns_url()}?{urlencode({'review': 'falling'})}",
    }


def told(campaign: Campaign, now: datetime) -> list[str]:
    """Why it should be looked at, as sentences."""
    row, found = review_of(campaign), []
    owner = row.owner.get_username() if row.owner else ""
    if row.due and row.due <= today(now):
        words = {"day": date_format(row.due), "owner": owner}
        text = _("To be reviewed by %(day)s, by %(owner)s.") if owner else _(
            "To be reviewed by %(day)s; nobody looks after it."
        )  # fmt: skip
        found.append(text % words)
    elif is_old(campaign, row, now):
        published = date_format(timezone.localtime(campaign.last_published_at))
        found.append(_("It was last published on %s and not reviewed since.") % published)
    if row.falling:
        found.append(fall(row))
    return found


def is_old(campaign: Campaign, row: Review, now: datetime) -> bool:
    """As engine.reviewing.overdue has it, of one."""
    published = campaign.last_published_at
    if row.due or published is None or published > now - OLD:
        return False
    return not (row.reviewed_at and row.reviewed_at > now - OLD)


class ReviewForm(forms.Form):
    due = forms.DateField(
        label=gettext_lazy("Review by"),
        required=False,
        widget=AdminDateInput,
        help_text=gettext_lazy("From this day on the home page reminds of it. Empty: never."),
    )
    owner = forms.ModelChoiceField(
        get_user_model()._default_manager.none(),
        label=gettext_lazy("Looked after by"),
        required=False,
        empty_label=gettext_lazy("Nobody"),
        help_text=gettext_lazy("Gets a mail on that day."),
    )

    def __init__(self, *args: Any, owner: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        editors = ModelBackend().with_perm("wagtailadmin.access_admin").values("pk")
        present = Q(pk=owner) if owner else Q()
        known = get_user_model()._default_manager.filter(Q(pk__in=editors) | present)
        self.fields["owner"].queryset = known.order_by("pk")  # type: ignore[attr-defined]

    def clean_due(self) -> date | None:
        due = self.cleaned_data["due"]
        if due and due <= self.today:
            raise forms.ValidationError(_("Choose a day ahead."))
        return due


class ReviewView(CampaignPage, PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """How it goes (GET), and when it is to be looked at next (POST)."""

    model: Any = Campaign
    any_permission_required = ["view", "change", "add", "publish"]
    template_name = "wagtail_drip/admin/review.html"
    page_title = gettext_lazy("Review")
    header_icon = "calendar-check"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        campaigns = Campaign.objects.select_related("review__owner")
        self.campaign = get_object_or_404(campaigns, pk=kwargs["pk"])
        self.now = timezone.now()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may(request.user, "change", Campaign):
            raise PermissionDenied
        form = self._form(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        due, owner = form.cleaned_data["due"], form.cleaned_data["owner"]
        reviewed(self.campaign, due=due, owner=owner, now=self.now)
        log(
            instance=self.campaign, action="wagtail_drip.review", user=request.user,
            data={"due": due.isoformat() if due else None},
        )  # fmt: skip
        messages.success(request, _("“%s” was reviewed.") % self.campaign)
        return redirect(campaign_url(self.campaign.pk, "overview"))

    def _form(self, data: Any = None) -> ReviewForm:
        row = review_of(self.campaign)
        here = today(self.now)
        ahead = row.due if row.due and row.due > here else here + AGAIN
        owner = row.owner_id or self.request.user.pk
        return ReviewForm(
            data, owner=row.owner_id, today=here, initial={"due": ahead, "owner": owner}
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = review_of(self.campaign)
        form = kwargs.pop("form", None) or self._form()
        return {
            **super().get_context_data(**kwargs),
            "campaign": self.campaign,
            "status": status_label(self.campaign),
            "review": row,
            "told": told(self.campaign, self.now),
            "days": SPAN.days,
            "judged": row.measured_on and min(row.delivered, row.delivered_before) >= ENOUGH,
            "least": ENOUGH,
            "form": form if may(self.request.user, "change", Campaign) else None,
            "results_url": campaign_url(self.campaign.pk, "results"),
            "edit_url": campaign_url(self.campaign.pk),
        }
