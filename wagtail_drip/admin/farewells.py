"""Why people leave, to read: what they said on the leaving page, without who said it."""

from __future__ import annotations

from typing import Any

import django_filters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, DateColumn
from wagtail.snippets.views import snippets

from ..models import Farewell, Topic
from .sites import SiteBound, within


class Refused:
    """Nobody writes, changes or deletes here, not even a superuser."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise PermissionDenied


class NoAddView(Refused, snippets.CreateView):
    pass


class NoEditView(Refused, snippets.EditView):
    pass


class NoDeleteView(Refused, snippets.DeleteView):
    pass


class FarewellFilterSet(WagtailFilterSet):
    why = django_filters.ChoiceFilter(label=gettext_lazy("Why"), choices=Farewell.Why.choices)
    topic = django_filters.ModelChoiceFilter(
        label=gettext_lazy("Mailing topic"),
        queryset=lambda request: within(Topic.objects.all(), request.user),
    )

    class Meta:
        model = Farewell
        fields = ["why", "topic"]


class FarewellIndexView(snippets.IndexView):
    search_fields = ["words"]

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        empty = gettext_lazy(
            "Whoever leaves is asked why, and need not say. What they say is here."
        )
        return {**super().get_context_data(*args, **kwargs), "empty": empty}

    def get_add_url(self) -> None:
        return None

    def get_edit_url(self, instance: Farewell) -> None:
        return None

    def get_delete_url(self, instance: Farewell) -> None:
        return None


class FarewellViewSet(SiteBound):
    model = Farewell
    icon = "comment"
    menu_label = gettext_lazy("Why people leave")
    menu_order = 8
    copy_view_enabled = False
    inspect_view_enabled = True
    inspect_view_fields = ["why", "words", "topic", "at"]
    index_view_class = FarewellIndexView
    index_results_template_name = "wagtail_drip/admin/index_results.html"
    add_view_class = NoAddView
    edit_view_class = NoEditView
    delete_view_class = NoDeleteView
    filterset_class = FarewellFilterSet
    list_display = [
        "__str__",
        Column("words", label=gettext_lazy("In their words"), classname="drip-wide"),
        Column(
            "topic",
            label=pgettext_lazy("what somebody left", "Left"),
            accessor=lambda f: f.topic or _("everything"),
        ),
        DateColumn("at", label=gettext_lazy("When"), sort_key="at"),
    ]
    ordering = ["-at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Farewell]:
        return super().get_queryset(request).select_related("topic")
