"""The pages around records: Wagtail's own header, filters and search around modeladmin's list."""

from __future__ import annotations

from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import InvalidPage
from django.db.models import QuerySet
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from wagtail.admin import messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.forms.search import SearchForm
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.views.generic.base import BaseListingView
from wagtail.admin.widgets.button import Button, ButtonWithDropdown
from wagtail_modeladmin.helpers import PermissionHelper
from wagtail_modeladmin.views import IndexView, InspectView

from . import record_search
from .permissions import may_see_people
from .record_cells import shown
from .record_export import XLSX_ROWS, RecordExport

LISTED = 10_000  # counting a million rows takes longer than anybody pages


class ReadOnly(PermissionHelper):
    """Whoever may view them, and see personal data, may read; nobody adds, changes or deletes here.

    Every list of records names people, so whoever may not see that has no page of them.
    """

    def user_can_list(self, user: Any) -> bool:
        viewing = self.user_has_specific_permission(user, self.get_perm_codename("view"))
        return viewing and may_see_people(user)

    def user_can_inspect_obj(self, user: Any, obj: Any) -> bool:
        return self.user_can_list(user)

    def user_can_create(self, user: Any) -> bool:
        return False

    def user_can_edit_obj(self, user: Any, obj: Any) -> bool:
        return False

    def user_can_delete_obj(self, user: Any, obj: Any) -> bool:
        return False


class BoundedPaginator(WagtailPaginator):
    """Counts no further than `LISTED`."""

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by().values("pk")[:LISTED].count()

    @property
    def items_count_label(self) -> str:
        if self.count < LISTED:
            return super().items_count_label
        return f"{intcomma(LISTED)}+ {self.verbose_name_plural}"


class RecordIndexView(RecordExport, IndexView):
    """The list. Nothing here reads all rows: no count, no sorting without an index."""

    page_kwarg = IndexView.PAGE_VAR
    active_filters = BaseListingView.active_filters
    paginator_class = BoundedPaginator
    results_only = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.sortable_by = self.model_admin.sortable
        return super().dispatch(request, *args, **kwargs)

    def get_filters(self, request: HttpRequest) -> tuple[list[Any], bool, dict[str, Any], bool]:
        # None of modeladmin's: it would take any lookup over any relation from the address, up
        # to a user's password hash.
        return [], False, {}, False

    def get_ordering_field(self, field_name: str) -> str | None:
        return field_name if field_name in self.model_admin.sortable else None

    @cached_property
    def filters(self) -> WagtailFilterSet:
        return self.model_admin.filterset_class(self.request.GET, request=self.request)

    def get_base_queryset(self, request: HttpRequest | None = None) -> QuerySet[Any]:
        rows = super().get_base_queryset(request)
        filters = self.model_admin.filterset_class(
            self.request.GET, queryset=rows, request=self.request
        )
        return filters.qs if filters.is_valid() else rows.none()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> QuerySet[Any]:
        return record_search.found(queryset, search_term)

    def as_spreadsheet(self, queryset: QuerySet[Any], spreadsheet_format: str) -> HttpResponse:
        rows = queryset.order_by().values("pk")[: XLSX_ROWS + 1]
        if spreadsheet_format == self.FORMAT_XLSX and rows.count() > XLSX_ROWS:
            text = _("An XLSX file holds up to %d rows. Filter the list, or take CSV.") % XLSX_ROWS
            messages.error(self.request, text)
            params = self.request.GET.copy()
            del params[self.EXPORT_VAR]
            return redirect(f"{self.request.path}?{params.urlencode()}")
        return super().as_spreadsheet(queryset, spreadsheet_format)

    def get_export_url(self, format: str) -> str:
        params = self.request.GET.copy()
        for name in (self.PAGE_VAR, "_w_filter_fragment"):
            params.pop(name, None)
        params[self.EXPORT_VAR] = format
        return f"{self.index_url}?{params.urlencode()}"

    @property
    def index_results_url(self) -> str:
        return self.url_helper.get_action_url("results")

    @property
    def media(self) -> Media:
        return super().media + self.filters.form.media

    def get_buttons_for_obj(self, obj: Any) -> list[dict[str, str]]:
        return []  # the first column leads to the record already

    def header_buttons(self) -> list[Button]:
        formats = [(_("Download CSV"), self.FORMAT_CSV), (_("Download XLSX"), self.FORMAT_XLSX)]
        downloads = [
            Button(label, url=self.get_export_url(kind), icon_name="download", priority=number)
            for number, (label, kind) in enumerate(formats)
        ]
        look = {"icon_name": "dots-horizontal", "classname": "w-h-slim-header"}
        downloads += self.model_admin.more_buttons(self.request.user)
        return [ButtonWithDropdown(buttons=downloads, attrs={"aria-label": _("Actions")}, **look)]

    def page(self) -> Any:
        paginator = self.paginator_class(self.queryset, self.items_per_page)
        try:
            return paginator.page(self.page_num or 1)
        except InvalidPage:
            return paginator.page(1)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = self.page()
        paginator = page.paginator
        label = capfirst(self.verbose_name_plural)
        home = {"url": reverse("wagtailadmin_home"), "label": _("Home")}
        # Not modeladmin's own: it counts all rows twice.
        return super(IndexView, self).get_context_data(
            view=self,
            paginator=paginator,
            page_obj=page,
            object_list=page.object_list,
            result_count=paginator.count,
            listed=LISTED if paginator.count == LISTED else 0,
            most=record_search.MOST if self.query and paginator.count >= record_search.MOST else 0,
            elided_page_range=paginator.get_elided_page_range(page.number),
            filters=self.filters,
            breadcrumbs_items=[home, {"url": self.index_url, "label": label}],
            header_buttons=self.header_buttons(),
            search_form=SearchForm(self.request.GET, placeholder=_("Search")),
            is_searching=bool(self.query),
            is_filtering=self.filters.is_valid() and self.filters.form.has_changed(),
            render_filters_fragment="_w_filter_fragment" in self.request.GET,
            render_buttons_fragment=self.results_only,
            choosing="choose" in self.list_display,
            actions=self.model_admin.actions_for(self.request.user),
            empty=self.model_admin.empty,
            **kwargs,
        )

    def get_template_names(self) -> list[str]:
        part = "records_results" if self.results_only else "records"
        return [f"wagtail_drip/admin/{part}.html"]


class RecordResultsView(RecordIndexView):
    """The list alone, for searching while typing."""

    results_only = True


class RecordInspectView(InspectView):
    def get_field_label(self, field_name: str, field: Any = None) -> str:
        column = getattr(self.model_admin, field_name, None)
        return getattr(column, "short_description", None) or super().get_field_label(
            field_name, field
        )

    def get_field_display_value(self, field_name: str, field: Any = None) -> Any:
        """By the admin's `inspect_<name>(row, user)`, its column of that name, or the field."""
        if own := getattr(self.model_admin, f"inspect_{field_name}", None):
            return own(self.instance, self.request.user)
        column = getattr(self.model_admin, field_name, None)
        value = (
            column(self.instance) if column else super().get_field_display_value(field_name, field)
        )
        return shown(value)

    def get_fields_dict(self) -> list[dict[str, Any]]:
        """What is asked of some rows alone is no line of the others."""
        fields = zip(
            self.model_admin.get_inspect_view_fields(), super().get_fields_dict(), strict=True
        )
        return [told for name, told in fields if self.model_admin.tells(name, self.instance)]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        home = {"url": reverse("wagtailadmin_home"), "label": _("Home")}
        listing = {"url": self.index_url, "label": capfirst(self.verbose_name_plural)}
        title = self.model_admin.title(self.instance)
        here = {"url": "", "label": title}
        return {
            **super().get_context_data(**kwargs),
            "title": title,
            "breadcrumbs_items": [home, listing, here],
            "related": self.model_admin.related(self.instance, self.request.user),
            "word_wanted": self.model_admin.word_wanted(self.instance, self.request.user),
        }
