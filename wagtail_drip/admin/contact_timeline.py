"""What happened to one person, the latest first: one page of moments, in as many queries however
long their story is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from wagtail.models import ModelLogEntry

from ..models import Contact, Decision, Delivery, Enrollment, Event, Reaction, Refusal
from .contact_actions import LOGGED
from .deciding import Teller, decisions_of, refusals_of, version
from .forms import trigger_label
from .record_cells import linked, mail_name, named, reason
from .sites import within

PAGE = 30
FACTS = ("delivered", "opened", "clicked", "bounced", "complained")


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    icon: str
    text: Any
    detail: Any = ""
    marks: list[str] = field(default_factory=list)


def page(
    contact: Contact, user: Any, before: datetime | None
) -> tuple[list[Entry], datetime | None]:
    """The latest entries from before that moment, and where the next page begins, if there is one.

    A page ends between two moments, so that none of those at once is lost.
    """
    found: list[Entry] = []
    for source in SOURCES:
        rows, moment, entry = source(contact, user)
        rows = within(rows, user)
        if before:
            rows = rows.filter(**{f"{moment}__lt": before})
        newest = rows.exclude(**{moment: None}).order_by(f"-{moment}", "-pk")[: PAGE + 1]
        found += [entry(row) for row in newest]
    found.sort(key=lambda one: one.at, reverse=True)
    if len(found) <= PAGE:
        return found, None
    last = found[PAGE].at
    shown = list(takewhile(lambda one: one.at > last, found[: PAGE + 1]))
    if not shown:  # more at one moment than a page holds: all that were read, and go on
        shown = [one for one in found if one.at == last]
    return shown, shown[-1].at


Source = tuple[QuerySet[Any], str, Callable[[Any], Entry]]


def _events(contact: Contact, user: Any) -> Source:
    def entry(event: Event) -> Entry:
        text = linked(event, user, capfirst(trigger_label(event.name)))
        return Entry(event.at, "calendar-alt", text, event.data.get("note", ""))

    return contact.events.all(), "at", entry


def _entered(contact: Contact, user: Any) -> Source:
    def entry(row: Enrollment) -> Entry:
        return Entry(
            row.entered_at, "plus", _("Entered a campaign"), linked(row, user, row.campaign)
        )

    return _enrollments(contact), "entered_at", entry


def _ended(contact: Contact, user: Any) -> Source:
    def entry(row: Enrollment) -> Entry:
        marks = [str(row.get_state_display()), reason(row)]
        text = _("A campaign ended for them")
        assert row.ended_at
        return Entry(row.ended_at, "minus", text, linked(row, user, row.campaign), _said(marks))

    return _enrollments(contact), "ended_at", entry


def _enrollments(contact: Contact) -> QuerySet[Enrollment]:
    return contact.enrollments.select_related("campaign").only(
        "contact", "state", "reason", "entered_at", "ended_at", "campaign__name"
    )


def _mails(contact: Contact, user: Any) -> Source:
    def entry(row: Delivery) -> Entry:
        marks = [str(row.get_state_display()), reason(row)]
        for fact in FACTS:
            if getattr(row, f"{fact}_at"):
                field: Any = Delivery._meta.get_field(f"{fact}_at")
                marks.append(str(field.verbose_name))
        text = linked(row, user, mail_name(row))
        return Entry(row.created_at, "mail", text, row.campaign.name, _said(marks))

    rows = named(contact.deliveries.select_related("campaign").defer("campaign__flow"))
    return rows, "created_at", entry


def _decisions(contact: Contact, user: Any) -> Source:
    teller = Teller(contact)

    def entry(row: Decision) -> Entry:
        text = linked(row.enrollment, user, row.enrollment.campaign)
        why = " · ".join(_said([teller.place(row), teller.sentence(row)]))
        return Entry(row.at, "help", text, why, _said([version(row)]))

    return decisions_of(contact), "at", entry


def _refusals(contact: Contact, user: Any) -> Source:
    def entry(row: Refusal) -> Entry:
        text = _("Did not enter “%s”") % row.campaign
        return Entry(row.at, "circle-xmark", text, Teller(contact).sentence(row))

    return refusals_of(contact), "at", entry


def _reactions(contact: Contact, user: Any) -> Source:
    def entry(row: Any) -> Entry:
        clicked = row.kind == Reaction.Kind.CLICKED
        text = _("Followed a link in a mail") if clicked else _("Opened a mail")
        where = row.link.url if row.link else ""
        return Entry(row.at, "link-external" if clicked else "view", text, where, _by(row))

    rows = Reaction.objects.filter(delivery__contact=contact).select_related("link")
    return rows, "at", entry


def _by(row: Reaction) -> list[str]:
    """A program's doing is said to be one; a person's needs no mark."""
    return [str(row.get_by_display())] if row.by else []


def _consents(contact: Contact, user: Any) -> Source:
    def entry(row: Any) -> Entry:
        granted = row.state == "granted"
        text = (_("Agreed to “%s”") if granted else _("Left “%s”")) % row.topic.name
        return Entry(row.at, "check" if granted else "circle-xmark", text, row.source)

    return contact.consent_records.select_related("topic"), "at", entry


def _tags(contact: Contact, user: Any) -> Source:
    def entry(row: Any) -> Entry:
        return Entry(row.at, "tag", _("Tagged “%s”") % row.tag.name)

    return contact.taggings.select_related("tag"), "at", entry


def _imports(contact: Contact, user: Any) -> Source:
    def entry(row: Any) -> Entry:
        return Entry(row.at, "upload", _("Imported"), row.job.file_name)

    return contact.imports.select_related("job"), "at", entry


def _merges(contact: Contact, user: Any) -> Source:
    def entry(row: Any) -> Entry:
        return Entry(row.merged_at, "link", _("Merged with %s") % row.email)

    return contact.aliases.all(), "merged_at", entry


def _by_hand(contact: Contact, user: Any) -> Source:
    def entry(row: ModelLogEntry) -> Entry:
        slug = row.action.removeprefix("wagtail_drip.contact_")
        text = LOGGED[slug][1] if slug in LOGGED else row.action
        by = row.user.get_full_name() or row.user.get_username() if row.user else ""
        return Entry(row.timestamp, "user", text, _("by %s") % by if by else "", _values(row.data))

    kind = ContentType.objects.get_for_model(Contact)
    rows = ModelLogEntry.objects.filter(content_type=kind, object_id=str(contact.pk))
    return rows.select_related("user"), "timestamp", entry


def _values(data: dict[str, Any]) -> list[str]:
    flat = (value if isinstance(value, list) else [value] for value in data.values())
    return [str(value) for values in flat for value in values]


def _said(marks: Iterable[str]) -> list[str]:
    return [mark for mark in marks if mark]


SOURCES: list[Callable[[Contact, Any], Source]] = [
    _events, _refusals, _entered, _decisions, _ended, _mails, _reactions, _consents, _tags,
    _imports, _merges, _by_hand,
]  # fmt: skip
