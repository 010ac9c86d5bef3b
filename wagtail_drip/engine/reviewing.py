"""Reviewing: each day it is measured whose clicks fall, and owners are told what is due for review.

One batch of campaigns with each tick, so that no pass is held up by it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from ..channels.email import tell
from ..flow import clocks
from ..models import Campaign, Delivery, Review
from ..models.inserting import insert_all
from .braking import place
from .sending import may_send

logger = logging.getLogger("wagtail_drip")

SPAN = timedelta(days=90)
OLD = timedelta(days=365)  # without a date for review, so long after publishing it is due anyway
BATCH = 20  # campaigns of one pass


def today(now: datetime) -> date:
    """The day by the site's clock."""
    return now.astimezone(clocks.zone(settings.TIME_ZONE)).date()


def overdue(campaigns: QuerySet[Campaign], now: datetime) -> QuerySet[Campaign]:
    """Those that go out and are to be looked at again: by their date, or without one by age."""
    due = Q(review__due__lte=today(now))
    # A review is a look at it, too, whether or not anything had to be changed.
    seen_lately = Q(review__reviewed_at__gt=now - OLD)
    aged = Q(review__due=None, last_published_at__lte=now - OLD) & ~seen_lately
    return campaigns.filter(due | aged, live=True)


def review(now: datetime) -> int:
    """Measure campaigns that go out and were not today, and tell owners. Returns for how many."""
    return measure_clicks(now) + tell_owners(now)


def measure_clicks(now: datetime) -> int:
    day = today(now)
    waiting = Campaign.objects.filter(live=True).filter(
        Q(review=None) | Q(review__measured_on=None) | Q(review__measured_on__lt=day)
    )
    ids = list(waiting.order_by("pk").values_list("pk", flat=True)[:BATCH])
    if not ids:
        return 0
    _make(ids)
    counts = _counts(ids, now)
    rows = list(Review.objects.filter(campaign__in=ids))
    for row in rows:
        delivered, gone, clicked, delivered_before, gone_before, clicked_before = counts.get(
            row.campaign_id, (0,) * 6
        )
        # Where the provider tells no deliveries, what was sent and has not come back.
        row.delivered, row.clicked = delivered or gone, clicked
        row.delivered_before, row.clicked_before = delivered_before or gone_before, clicked_before
        row.falling, row.measured_on = row.falls(), day
    Review.objects.bulk_update(rows, [
        "delivered", "clicked", "delivered_before", "clicked_before", "falling", "measured_on",
    ])  # fmt: skip
    return len(rows)


def _make(ids: Sequence[int]) -> None:
    known = set(Review.objects.filter(campaign__in=ids).values_list("campaign_id", flat=True))
    insert_all([Review(campaign_id=pk) for pk in ids if pk not in known])


def _counts(ids: Sequence[int], now: datetime) -> dict[int, tuple[int, ...]]:
    """By campaign, of the last span and of the one before: delivered, sent for good, clicked."""
    sent = Delivery.objects.filter(
        campaign__in=ids, state=Delivery.State.SENT, settled_at__gt=now - 2 * SPAN,
        settled_at__lte=now,
    )  # fmt: skip
    last = Q(settled_at__gt=now - SPAN)
    facts = {
        "delivered": Q(delivered_at__isnull=False),
        "gone": Q(bounced_at=None),
        "clicked": Q(clicked_at__isnull=False),
    }
    counts = {
        f"{name}_{span}": Count("pk", filter=condition & fact)
        for span, condition in (("now", last), ("before", ~last))
        for name, fact in facts.items()
    }
    rows = sent.order_by().values_list("campaign_id").annotate(**counts)
    return {pk: tuple(numbers) for pk, *numbers in rows}


def tell_owners(now: datetime) -> int:
    """A mail to the owner of what is due, once for each due date. Their trouble stops nothing."""
    due = Review.objects.filter(due__lte=today(now), campaign__live=True, owner__isnull=False)
    untold = due.exclude(told_for=F("due"))
    rows = list(untold.select_related("campaign", "owner").order_by("due", "pk")[:BATCH])
    if not rows or may_send():  # a copy of the site writes to nobody
        return 0
    return sum(_tell(row) for row in rows)


def _tell(row: Review) -> bool:
    """Claimed before it is sent: rather no reminder than one each minute."""
    mine = Review.objects.filter(pk=row.pk, due=row.due).exclude(told_for=row.due)
    owner: Any = row.owner
    address = getattr(owner, owner.get_email_field_name(), "")
    if not mine.update(told_for=row.due) or not (address and owner.is_active):
        return False
    campaign = row.campaign
    subject = _("The campaign “%s” is due for review") % campaign.name
    text = _(
        "“%(name)s” was to be reviewed by %(day)s. Is what it says still true, and does it still "
        "reach people?\n"
    ) % {"name": campaign.name, "day": date_format(row.due) if row.due else ""}
    if row.falling:
        text += "\n" + fall(row) + "\n"
    text += _("\nLook at it, and say when it is to be looked at next:\n%s\n") % place(
        campaign, "review"
    )
    try:
        tell([address], " ".join(subject.split()), text)
    except Exception:
        logger.exception("The owner of campaign %s could not be reminded.", campaign.slug)
        return False
    return True


def fall(row: Review) -> str:
    """How its clicks fell, as a sentence."""
    return _(
        "Its clicks by people fell: %(now)s %% of mails delivered in the last %(days)d days, "
        "%(before)s %% in the %(days)d days before."
    ) % {
        "now": number_format(round(row.rate, 1)),
        "before": number_format(round(row.rate_before, 1)),
        "days": SPAN.days,
    }


# By hand


def reviewed(campaign: Campaign, *, due: date | None, owner: Any, now: datetime) -> None:
    """Somebody has looked at it: when it is to be looked at next, and by whom."""
    _make([campaign.pk])
    row = Review.objects.get(campaign=campaign)
    if (row.due, row.owner_id) != (due, owner.pk if owner else None):
        row.told_for = None
    row.due, row.owner, row.reviewed_at = due, owner, now
    row.save(update_fields=["due", "owner", "told_for", "reviewed_at"])
