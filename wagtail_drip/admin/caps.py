"""Frequency caps, as editors list and edit them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel, ObjectList
from wagtail.admin.ui.tables import Column
from wagtail.snippets.views import snippets

from ..models import Cap
from .forms import SiteForm
from .lists import EMPTY_STATE, WIDE, ListMixin
from .sites import SiteBound, within

OUTSIDE = gettext_lazy(
    "Caps hold for all campaigns of the site together, but for transactional ones: their mails "
    "neither wait nor count. Where a person wants fewer mails a week, that holds."
)


class CapForm(SiteForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "segment" in self.fields:
            self.fields["segment"].empty_label = _("Everybody")
        if "outcome" in self.fields:
            choices = Cap.Outcome.choices
            self.fields["outcome"].choices = [(value, capfirst(text)) for value, text in choices]


def cap_panels() -> ObjectList:
    return ObjectList(
        [
            MultiFieldPanel(
                [
                    FieldRowPanel([FieldPanel("most"), FieldPanel("days")]),
                    FieldPanel("segment", widget=forms.Select),
                ],
                heading=gettext_lazy("How many"),
                help_text=OUTSIDE,
            ),
            FieldPanel("outcome", widget=forms.RadioSelect),
            FieldPanel("site"),
        ],
        base_form_class=CapForm,
    )


class CapIndexView(ListMixin, snippets.IndexView):
    empty = gettext_lazy(
        "A frequency cap says how many mails one person gets at most, over all campaigns together: "
        "3 a week, and new customers 2. Transactional mails are outside of it."
    )


class CapViewSet(SiteBound):
    model = Cap
    icon = "rotate"
    menu_label = gettext_lazy("Frequency caps")
    menu_order = 4
    copy_view_enabled = False
    index_view_class = CapIndexView
    index_results_template_name = EMPTY_STATE
    edit_handler = cap_panels()
    list_display = [
        "__str__",
        Column(
            "outcome",
            label=gettext_lazy("A mail too many"),
            accessor="get_outcome_display",
            classname=WIDE,
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cap]:
        return within(Cap.objects.select_related("segment"), request.user)
