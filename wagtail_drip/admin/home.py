"""The home page's panel: whether the line runs, and what it has before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from wagtail.admin.ui.components import Component

from ..engine import sending
from ..models import Campaign, Delivery, Heartbeat, Step, Topic, standing
from . import lifecycle, reviewing
from .forms import status_label
from .permissions import may, may_see_campaigns
from .places import campaign_url
from .sites import within

SILENT = timedelta(minutes=3)  # the schedule beats every minute or so; this long is not chance


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    value: int
    url: str = ""
    alarming: bool = False


def figures(now: datetime, user: Any) -> list[Figure]:
    """The counts of the panel, each with the list behind it. One query each."""
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    deliveries, state = within(Delivery.objects.all(), user), Delivery.State
    campaigns = within(Campaign.objects.all(), user)
    live = campaigns.filter(live=True, paused_at=None).count()
    due = deliveries.filter(state=state.WAITING, due_at__lte=now).count()
    sent = deliveries.filter(state=state.SENT, settled_at__gte=today).count()
    uncertain = deliveries.filter(state=state.UNCERTAIN).count()
    listed = may(user, "view", Delivery)
    return [
        Figure(
            _("Live campaigns"), live, _url("wagtailsnippets_wagtail_drip_campaign:list", "live")
        ),
        Figure(
            _("Mails due now"), due, _url("drip_deliveries_modeladmin_index", "waiting", listed)
        ),
        Figure(_("Sent today"), sent, _url("drip_deliveries_modeladmin_index", "sent", listed)),
        Figure(
            _("Uncertain"),
            uncertain,
            _url("drip_deliveries_modeladmin_index", "uncertain", listed),
            alarming=bool(uncertain),
        ),
    ]


@dataclass(frozen=True, slots=True)
class FirstStep:
    text: str
    done: bool
    url: str = ""
    command: str = ""


def first_steps(user: Any, ready: bool) -> list[FirstStep]:
    """What there is to do until the first campaign is live; [] from then on."""
    if Campaign.objects.filter(started_at__isnull=False).exists():
        return []
    steps: list[tuple[type[Model], str]] = [
        (Topic, _("Name a mailing topic: what people agree to get.")),
        (Step, _("Write a mail.")),
        (Campaign, _("Make a campaign that sends it, and publish the campaign.")),
    ]
    return [
        *(FirstStep(text, _made(model), _add_url(model, user)) for model, text in steps),
        FirstStep(
            _("Have whoever runs this site check that mail goes out:"),
            ready,
            command="manage.py drip_doctor --send-to you@example.com",
        ),
    ]


def _made(model: type[Model]) -> bool:
    # A campaign is made once it was live, and then there is no list of first steps.
    return model is not Campaign and model._default_manager.exists()


def _add_url(model: Any, user: Any) -> str:
    name = model.snippet_viewset.get_url_name("add")
    return reverse(name) if may(user, "add", model) else ""


def _url(name: str, state: str, allowed: bool = True) -> str:
    key = "status" if "campaign" in name else "state"
    return f"{reverse(name)}?{urlencode({key: state})}" if allowed else ""


def heartbeat(now: datetime) -> tuple[bool, datetime | None]:
    """(whether a cluster runs, when it last did anything)."""
    beat = Heartbeat.objects.filter(pk=1).values_list("beat_at", flat=True).first()
    return bool(beat and now - beat <= SILENT), beat


class DripPanel(Component):
    name = "wagtail_drip"
    template_name = "wagtail_drip/admin/home_panel.html"
    order = 150

    class Media:
        css = {"all": ["wagtail_drip/panel.css"]}

    def get_context_data(self, parent_context: Mapping[str, Any]) -> dict[str, Any]:
        now, user = timezone.now(), parent_context["request"].user
        running, beat = heartbeat(now)
        held = sending.may_send()
        campaigns = within(Campaign.objects.all(), user)
        braked = campaigns.filter(live=True, paused_at__isnull=False).exclude(paused_reason="")
        silent = within(standing.silent(), user)
        refused = campaigns.filter(refused_at__isnull=False).order_by("-refused_at")[:5]
        return {
            "figures": figures(now, user),
            "stages": lifecycle.latest(user),
            "running": running,
            "beat": beat,
            "held": held,
            "first_steps": first_steps(user, running and not held),
            "reviews": reviewing.reminders(campaigns, now),
            "braked": [
                {"campaign": c, "url": campaign_url(c.pk)}
                for c in braked.order_by("-paused_at").only("name", "paused_at", "paused_reason")[
                    :5
                ]
            ],
            "silent": [
                {
                    "campaign": c,
                    "url": campaign_url(c.pk),
                    "status": status_label(c),
                    "lost": standing.what_is_lost(c),
                }
                for c in silent
            ],
            "refused": [
                {"campaign": c, "url": campaign_url(c.pk)}
                for c in refused.only("name", "refused_at", "refused_reason")
            ],
        }


def add_panel(request: HttpRequest, panels: list[Any]) -> None:
    """Show the panel to those who may see campaigns, in place."""
    if may_see_campaigns(request.user):
        panels.append(DripPanel())
