"""What a cell of a record shows: states, reasons, moments and links, in an editor's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.text import capfirst

from ..flow.reasons import word
from ..models import Campaign, Contact, Delivery, Enrollment, Event, Reaction, Step
from .forms import trigger_label
from .permissions import may
from .places import campaign_url, step_url

NOTHING = "–"
# Where one of each can be looked at: (the permission it takes, its address).
PLACES: dict[type[Model], tuple[tuple[str, ...], Callable[[Any], str]]] = {
    Campaign: (("change", "view"), campaign_url),
    Step: (("change", "view"), step_url),
    Contact: (("view",), lambda pk: record_url("contacts", pk)),
    Event: (("view",), lambda pk: record_url("events", pk)),
    Enrollment: (("view",), lambda pk: record_url("people", pk)),
    Delivery: (("view",), lambda pk: record_url("deliveries", pk)),
}


def record_url(name: str, pk: Any) -> str:
    return reverse(f"drip_{name}_modeladmin_inspect", args=[pk])


def linked(row: Model | None, user: Any, text: Any = "") -> Any:
    """`text` or the row's own, leading to the row where the user may see it."""
    if row is None:
        return NOTHING
    actions, url = PLACES[type(row)]
    text = str(text or (capfirst(trigger_label(row.name)) if isinstance(row, Event) else row))
    if not any(may(user, action, type(row)) for action in actions):
        return text
    return format_html('<a href="{}"><bdi>{}</bdi></a>', url(row.pk), text)


def broken(contact: Contact) -> str:
    """Its address, which breaks before the @ where there is no room, sooner than within a word."""
    name, at, domain = str(contact).partition("@")
    return format_html("<bdi>{}<wbr>{}</bdi>", name, at + domain) if at else str(contact)


def reason(row: Enrollment | Delivery) -> str:
    """Why it ended or waits. A delivery's own words, or what became of its person."""
    return word(row.reason)


def named(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """With `mail_name`, by one subquery for the whole list."""
    steps = Step.objects.filter(translation_key=OuterRef("step_key")).order_by("pk")
    return deliveries.annotate(mail_name=Subquery(steps.values("name")[:1]))


def mail_name(delivery: Any) -> str:
    return delivery.mail_name or NOTHING


def tag(text: Any, *, primary: bool = False) -> str:
    kind = "w-status w-status--primary" if primary else "w-status"
    return format_html('<bdi class="{}">{}</bdi>', kind, text)


def with_reason(row: Enrollment | Delivery, *, primary: bool = False) -> str:
    state = tag(row.get_state_display(), primary=primary)
    told = reason(row)
    return format_html('{} <bdi class="drip-reason">{}</bdi>', state, told) if told else state


def reaction_cells(reaction: Reaction) -> list[Any]:
    """What was done and where it led; and whose doing it was, where that was no person's."""
    target = reaction.link.url if reaction.link else ""
    what = tag(capfirst(reaction.get_kind_display()), primary=not reaction.by)
    return [format_html("{} {}", what, target), reaction.get_by_display() if reaction.by else ""]


def shown(value: Any) -> Any:
    """A value as a reader wants it: JSON indented, moments in their time zone, a dash for none."""
    if isinstance(value, dict):
        if not value:
            return NOTHING
        return format_html(
            '<pre dir="ltr">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False)
        )
    if isinstance(value, datetime):
        return localize(timezone.localtime(value))
    return NOTHING if value in ("", None) else value


def box(name: str, form: str, pk: Any, label: str) -> str:
    """A box to choose a row by, which belongs to the form of that id."""
    return format_html(
        '<input type="checkbox" name="{}" value="{}" form="{}"'
        ' data-w-bulk-target="item" data-action="w-bulk#toggle" aria-label="{}">',
        name,
        pk,
        form,
        label,
    )


def column(label: Any, order: str = "") -> Any:
    """A method as a column of the list, sorted by the field `order` where given."""

    def mark(method: Any) -> Any:
        method.short_description = label
        if order:
            method.admin_order_field = order
        return method

    return mark
