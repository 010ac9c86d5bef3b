"""Why it went so with somebody: the record of decisions as editors read it.

In the reader's language; moments by the clock of the person whom it is about.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from django.db.models import QuerySet
from django.utils.formats import date_format, time_format
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext as _

from .. import registry
from ..engine.walking import zone_of
from ..models import Contact, Decision, Enrollment, Refusal, Version
from .permissions import may
from .wording import Words, words

MOST = 100  # decisions on one page: more places than most flows have


def decisions_of(contact: Contact) -> QuerySet[Decision]:
    rows = Decision.objects.filter(enrollment__contact=contact)
    return rows.select_related("enrollment__campaign", "version").only(
        "at", "node", "code", "seen", "version__number", "enrollment__campaign__name",
        "enrollment__campaign__time_zone",
    )  # fmt: skip


def refusals_of(contact: Contact) -> QuerySet[Refusal]:
    rows = contact.refusals.select_related("campaign")
    return rows.only("at", "code", "seen", "contact", "campaign__name", "campaign__time_zone")


class Teller:
    """Words for decisions on one person. What many of them share is read once, as it is needed."""

    def __init__(self, contact: Contact) -> None:
        self.contact = contact
        self.known = registry.conditions()

    def sentence(self, row: Decision | Refusal) -> str:
        campaign = row.campaign if isinstance(row, Refusal) else row.enrollment.campaign
        zone = zone_of(self.contact.time_zone, campaign.time_zone)
        return row.because.sentence(zone, self.known)

    def place(self, row: Decision) -> str:
        """The block in the words of its flow; "" where that is no longer known."""
        told = self._flows.get(row.version_id)
        return told.of(row.node) if told and told.block(row.node) else ""

    @cached_property
    def _flows(self) -> dict[int | None, Words]:
        """Of all versions by which somebody decided on them."""
        theirs = Decision.objects.filter(enrollment__contact=self.contact).values("version")
        flows = dict(Version.objects.filter(pk__in=theirs).values_list("pk", "flow"))
        return dict(zip(flows, words(list(flows.values())), strict=True))


def version(row: Decision) -> str:
    return _("Version %d") % row.version.number if row.version else ""


def section(enrollment: Enrollment, user: Any) -> list[dict[str, Any]]:
    """Why, at each place that they came to, as a section of the enrollment's page."""
    if not may(user, "view", Enrollment):
        return []
    contact = enrollment.contact
    zone = zone_of(contact.time_zone, enrollment.campaign.time_zone)
    teller = Teller(contact)
    newest = enrollment.decisions.select_related("enrollment__campaign", "version")
    rows = [
        (_moment(row, zone), _bdi(teller.place(row)), _bdi(teller.sentence(row)), version(row))
        for row in newest.order_by("-at", "-pk")[:MOST]
    ]
    return [{"label": _("Why"), "all_url": "", "rows": rows}]


def _bdi(text: str) -> str:
    return format_html("<bdi>{}</bdi>", text)


def _moment(row: Decision, zone: tzinfo) -> str:
    local = row.at.astimezone(zone)
    return f"{date_format(local, 'SHORT_DATE_FORMAT')} {time_format(local)}"
