"""The filters of the lists of records."""

from __future__ import annotations

from datetime import date
from typing import Any

import django_filters
from django import forms
from django.db.models import OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import DateRangePickerWidget, WagtailFilterSet

from ..models import Campaign, Contact, Delivery, Enrollment, Event, Stage, Tag, lifecycle
from .forms import trigger_choices
from .sites import within

EARLIEST, LATEST = 1900, 2500  # years


class Between(django_filters.DateFromToRangeFilter):
    """From one day to another. A day that no moment of ours can have bounds nothing: on either
    edge of the calendar it has no moment in UTC."""

    def filter(self, rows: QuerySet[Any], value: slice | None) -> QuerySet[Any]:
        ends = (value.start, value.stop) if value else ()
        known = [end if end and kept(end) else None for end in ends]
        if not any(known):
            return rows
        value = slice(*known)
        return super().filter(rows, value)


def between(label: Any, field: str) -> Between:
    return Between(label=label, field_name=field, widget=DateRangePickerWidget)


def kept(day: date) -> bool:
    return EARLIEST <= day.year <= LATEST


def one_of(label: Any, field: str, choices: Any) -> django_filters.ChoiceFilter:
    return django_filters.ChoiceFilter(
        label=label,
        field_name=field,
        choices=choices,
        empty_label=_("All"),
        widget=forms.RadioSelect,
    )


def of_campaign() -> django_filters.ModelChoiceFilter:
    """Of those that the reader of the list may see."""
    return django_filters.ModelChoiceFilter(
        label=_("Campaign"),
        field_name="campaign",
        queryset=lambda request: within(Campaign.objects.all(), request.user),
        empty_label=_("All"),
        widget=forms.RadioSelect,
    )


def tags() -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Tag.objects.values_list("pk", "name")]


class ContactFilterSet(WagtailFilterSet):
    created = between(_("Created"), "created_at")
    stage = django_filters.ChoiceFilter(
        label=_("Lifecycle stage"),
        choices=Stage.choices,
        method="in_stage",
        empty_label=_("All"),
        widget=forms.RadioSelect,
    )
    tag = one_of(_("Tag"), "taggings__tag", tags)

    def in_stage(self, contacts: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        wanted = lifecycle.in_stage(value, OuterRef("pk"), timezone.now())
        return contacts.filter(wanted, erased_at=None)

    class Meta:
        model = Contact
        fields: list[str] = []


class EventFilterSet(WagtailFilterSet):
    name = one_of(_("What they did"), "name", lambda: trigger_choices("")[1:])
    when = between(_("When"), "at")

    class Meta:
        model = Event
        fields: list[str] = []


class EnrollmentFilterSet(WagtailFilterSet):
    state = one_of(_("State"), "state", Enrollment.State.choices)
    campaign = of_campaign()
    entered = between(_("Entered"), "entered_at")

    class Meta:
        model = Enrollment
        fields: list[str] = []


class DeliveryFilterSet(WagtailFilterSet):
    state = one_of(_("State"), "state", Delivery.State.choices)
    campaign = of_campaign()
    planned = between(_("Planned"), "created_at")

    class Meta:
        model = Delivery
        fields: list[str] = []
