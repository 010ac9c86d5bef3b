"""Braking: a campaign that too many people complain of, or that bounces too much, pauses by itself.

Mail providers block a sender above such rates, for all campaigns alike. What counts is a rolling
window; nothing counts from before somebody resumed the campaign by hand, and for a while after
that it isn't braked at all.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.urls import NoReverseMatch, reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..channels.email import tell
from ..conf import conf
from ..models import Campaign, Delivery
from .tracking import SOFT

logger = logging.getLogger("wagtail_drip")


def brake(now: datetime) -> int:
    """Pause each live campaign above a limit, and tell people. Returns how many.

    One query where nobody complained and nothing bounced; counts end where a rate is surely low.
    """
    window = now - timedelta(days=conf.BRAKE_DAYS)
    resting = now - timedelta(hours=conf.BRAKE_REST_HOURS)
    told = _told(window).filter(campaign__live=True, campaign__paused_at=None)
    told = told.exclude(campaign__resumed_at__gt=resting)
    ids = told.order_by().values_list("campaign_id", flat=True).distinct()
    return sum(
        _brake_one(campaign, window, now) for campaign in Campaign.objects.filter(pk__in=list(ids))
    )


def _told(since: datetime) -> Any:
    """Deliveries that were complained of, or bounced for good, since then.

    As the partial index on them has it.
    """
    wrong = Q(bounced_at__isnull=False) | Q(complained_at__isnull=False)
    lately = Q(complained_at__gte=since) | (Q(bounced_at__gte=since) & ~Q(bounce_type=SOFT))
    return Delivery.objects.filter(wrong).filter(lately)


@dataclass(frozen=True, slots=True)
class _Rate:
    """`wrong` of `mails`, against a limit that holds from `least` mails on."""

    wrong: int
    mails: int
    limit: float
    least: int

    @property
    def exceeded(self) -> bool:
        return self.mails >= self.least and self.wrong >= self.limit * self.mails

    def in_words(self) -> dict[str, str]:
        return {
            "wrong": str(self.wrong),
            "mails": str(self.mails),
            "rate": number_format(100 * self.wrong / self.mails, 2),
            "limit": number_format(100 * self.limit, 2),
        }


def _brake_one(campaign: Campaign, window: datetime, now: datetime) -> bool:
    since = max(window, campaign.resumed_at or window)
    if not (reason := _reason(campaign, since)):
        return False
    with transaction.atomic():
        if not campaign.pause(now, because=reason):
            return False  # another worker, or a person, was quicker
        transaction.on_commit(lambda: _tell(campaign, reason))
    logger.warning("Campaign %s was paused: %s", campaign.slug, reason)
    return True


def _reason(campaign: Campaign, since: datetime) -> str:
    """Why it must stop, in words for people; "": it need not."""
    counts = _told(since).filter(campaign=campaign).aggregate(
        complained=Count("pk", filter=Q(complained_at__gte=since)),
        bounced=Count("pk", filter=Q(bounced_at__gte=since) & ~Q(bounce_type=SOFT)),
    )  # fmt: skip
    days = ngettext("%d day", "%d days", conf.BRAKE_DAYS) % conf.BRAKE_DAYS
    complaints = _complaints(campaign, since, counts["complained"])
    if complaints.exceeded:
        return _(
            "%(wrong)s of %(mails)s mails delivered within %(days)s were reported as spam: "
            "%(rate)s %%. The limit is %(limit)s %%."
        ) % {**complaints.in_words(), "days": days}
    bounces = _bounces(campaign, since, counts["bounced"])
    if bounces.exceeded:
        return _(
            "%(wrong)s of %(mails)s mails sent within %(days)s came back: %(rate)s %%. "
            "The limit is %(limit)s %%."
        ) % {**bounces.in_words(), "days": days}
    return ""


def _complaints(campaign: Campaign, since: datetime, wrong: int) -> _Rate:
    """Of mails delivered, or sent and not come back where the provider tells no deliveries."""
    limit, least = conf.BRAKE_COMPLAINTS, conf.BRAKE_COMPLAINTS_LEAST
    mails = Delivery.objects.filter(campaign=campaign)
    delivered = _count(mails.filter(delivered_at__gte=since), wrong, limit)
    if wrong and not delivered:
        gone = mails.filter(state=Delivery.State.SENT, settled_at__gte=since, bounced_at=None)
        delivered = _count(gone, wrong, limit)
    return _Rate(wrong, delivered, limit, least)


def _bounces(campaign: Campaign, since: datetime, wrong: int) -> _Rate:
    limit, least = conf.BRAKE_BOUNCES, conf.BRAKE_BOUNCES_LEAST
    sent = Delivery.objects.filter(campaign=campaign, state=Delivery.State.SENT)
    mails = sent.filter(Q(settled_at__gte=since) | Q(bounced_at__gte=since))
    return _Rate(wrong, _count(mails, wrong, limit), limit, least)


def _count(mails: Any, wrong: int, limit: float) -> int:
    """How many there are; no further than to where the rate is below the limit."""
    if not wrong or limit <= 0:
        return 0
    return mails.order_by().values("pk")[: int(wrong / limit) + 2].count()


def place(campaign: Campaign, view: str = "edit") -> str:
    """Where editors see it."""
    base = getattr(settings, "WAGTAILADMIN_BASE_URL", None) or conf.BASE_URL
    try:
        path = reverse(f"wagtailsnippets_wagtail_drip_campaign:{view}", args=[campaign.pk])
    except NoReverseMatch:  # the admin has another URL configuration
        path = "/"
    return f"{base.rstrip('/')}{path}"


def _tell(campaign: Campaign, reason: str) -> None:
    """A mail to those who look after the site. Their trouble stops no campaign's pause."""
    people = conf.ALERT_EMAILS
    if not people:
        return
    subject = _("The campaign “%s” was paused") % campaign.name
    text = _(
        "%(reason)s\n\nPeople still enter and wait, and nothing of this campaign is sent. Look at "
        "who gets it and why they complain or can't be reached, then resume it:\n%(url)s\n"
    ) % {"reason": reason, "url": place(campaign)}
    try:
        tell(people, " ".join(subject.split()), text)
    except Exception:
        logger.exception("Nobody could be told that campaign %s was paused.", campaign.slug)
