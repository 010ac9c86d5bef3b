"""Glancing: one statement that tells of whom in a slice nothing has changed for the worse.

While a slice goes out it is looked at within each second, and asking `checking` all it knows each
time would cost the database more than the mails do. A glance knows of what may stop a mail within
a second (leaving, suppression, erasure, pause, stop) and errs to the safe side: whoever it doesn't
name is checked in full, and so is everybody every few seconds (`transmitting.EXAMINE`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q

from ..content.phone import SMS
from ..models import Consent, Delivery, Enrollment, Suppression
from ..models.addresses import by_keyed_hash
from ..models.among import among
from .claiming import Claimed

States = Enrollment.State


def unchanged(claimed: Collection[Claimed], token: str, now: datetime) -> set[int]:
    """Those of the deliveries, checked before, that need no second check. One query, or none."""
    plain = [one.delivery for one in claimed if _is_plain(one)]
    if not plain:
        return set()
    rows = Delivery.objects.filter(
        among("pk", [row.pk for row in plain]),
        _FIT,
        Q(contact__paused_until=None) | Q(contact__paused_until__lte=now),
        claim=token,
    )
    hashes = by_keyed_hash(row.contact.email for row in plain)
    rows = rows.exclude(Exists(Suppression.objects.filter(among("address_hash", hashes))))
    return set(rows.values_list("pk", flat=True))


def _is_plain(claimed: Claimed) -> bool:
    """Whether nothing is asked of the person that a glance can't answer."""
    campaign = claimed.go.campaign
    if claimed.delivery.channel == SMS:  # it has a consent of its own, and a number
        return False
    return not campaign.leave_audience and not len(campaign.goals)


_CONSENT = Consent.objects.filter(
    contact=OuterRef("contact"), topic=OuterRef("campaign__topic"), state=Consent.State.GRANTED
)
_FIT = Q(
    Q(campaign__topic=None) | Exists(_CONSENT),
    Q(campaign__started_at=None) | Q(campaign__started_at__lte=F("enrollment__entered_at")),
    state=Delivery.State.SENDING,
    enrollment__state__in=(States.ACTIVE, States.COMPLETED),
    contact__erased_at=None,
    campaign__live=True,
    campaign__paused_at=None,
)
