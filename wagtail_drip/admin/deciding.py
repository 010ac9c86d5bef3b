"""Why it went so with somebody: the record of decisions as editors read it.

In the reader's language; moments by the clock of the person whom it is about.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from django.db.models import QuerySet
from django.utils.formats import date_format, time_format
from django.utils.html import format_html
from django.utils.translation import gettext as _

from ..engine.walking import zone_of
from ..models import Contact, Decision, Enrollment, Refusal
from .permissions import may

MOST = 100  # decisions on one page: more places than most flows have


def decisions_of(contact: Contact) -> QuerySet[Decision]:
    rows = Decision.objects.filter(enrollment__contact=contact)
    return rows.select_related("enrollment__campaign", "version").only(
        "at", "code", "seen", "version__number", "enrollment__campaign__name",
        "enrollment__campaign__time_zone",
    )  # fmt: skip


def refusals_of(contact: Contact) -> QuerySet[Refusal]:
    rows = contact.refusals.select_related("campaign")
    return rows.only("at", "code", "seen", "contact", "campaign__name", "campaign__time_zone")


def sentence(row: Decision | Refusal, contact: Contact) -> str:
    campaign = row.campaign if isinstance(row, Refusal) else row.enrollment.campaign
    return row.because.sentence(zone_of(contact.time_zone, campaign.time_zone))


def version(row: Decision) -> str:
    return _("Version %d") % row.version.number if row.version else ""


def section(enrollment: Enrollment, user: Any) -> list[dict[str, Any]]:
    """Why, at each place that they came to, as a section of the enrollment's page."""
    if not may(user, "view", Enrollment):
        return []
    contact = enrollment.contact
    zone = zone_of(contact.time_zone, enrollment.campaign.time_zone)
    newest = enrollment.decisions.select_related("enrollment__campaign", "version")
    rows = [
        (_moment(row, zone), format_html("<bdi>{}</bdi>", sentence(row, contact)), version(row))
        for row in newest.order_by("-at", "-pk")[:MOST]
    ]
    return [{"label": _("Why"), "all_url": "", "rows": rows}]


def _moment(row: Decision, zone: tzinfo) -> str:
    local = row.at.astimezone(zone)
    return f"{date_format(local, 'SHORT_DATE_FORMAT')} {time_format(local, 'H:i')}"
