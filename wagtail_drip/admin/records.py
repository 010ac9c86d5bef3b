"""What the line has written, to read and never to change.

wagtail-modeladmin lists it; the page around the list is Wagtail's own (templates/…/records*.html).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import re_path, reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.forms.search import SearchForm
from wagtail.admin.views.generic.base import BaseListingView
from wagtail_modeladmin.helpers import PermissionHelper
from wagtail_modeladmin.options import ModelAdmin
from wagtail_modeladmin.views import IndexView, InspectView

from ..models import Contact, Delivery, Enrollment, Event, Step
from . import record_filters
from .forms import trigger_label

NOTHING = "–"


class ReadOnly(PermissionHelper):
    """Whoever may view them may read; nobody adds, changes or deletes, not even a superuser."""

    def user_can_list(self, user: Any) -> bool:
        return self.user_has_specific_permission(user, self.get_perm_codename("view"))

    def user_can_inspect_obj(self, user: Any, obj: Any) -> bool:
        return self.user_can_list(user)

    def user_can_create(self, user: Any) -> bool:
        return False

    def user_can_edit_obj(self, user: Any, obj: Any) -> bool:
        return False

    def user_can_delete_obj(self, user: Any, obj: Any) -> bool:
        return False


class RecordIndexView(IndexView):
    """The list, with the filters, search and header of Wagtail's own lists."""

    page_kwarg = IndexView.PAGE_VAR
    active_filters = BaseListingView.active_filters
    results_only = False

    def get_filters(self, request: HttpRequest) -> tuple[list[Any], bool, dict[str, Any], bool]:
        # None of modeladmin's: it would take any lookup over any relation from the address, up
        # to a user's password hash.
        return [], False, {}, False

    @cached_property
    def filters(self) -> WagtailFilterSet:
        return self.model_admin.filterset_class(self.request.GET, request=self.request)

    def get_base_queryset(self, request: HttpRequest | None = None) -> QuerySet[Any]:
        rows = super().get_base_queryset(request)
        filters = self.model_admin.filterset_class(
            self.request.GET, queryset=rows, request=self.request
        )
        return filters.qs if filters.is_valid() else rows.none()

    @property
    def index_results_url(self) -> str:
        return self.url_helper.get_action_url("results")

    @property
    def media(self) -> Media:
        return super().media + self.filters.form.media

    def get_buttons_for_obj(self, obj: Any) -> list[dict[str, str]]:
        return []  # the first column leads to the record already

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        label = capfirst(self.verbose_name_plural)
        home = {"url": reverse("wagtailadmin_home"), "label": _("Home")}
        context = super().get_context_data(
            filters=self.filters,
            breadcrumbs_items=[home, {"url": self.index_url, "label": label}],
            search_form=SearchForm(self.request.GET, placeholder=_("Search")),
            is_searching=bool(self.query),
            is_filtering=self.filters.is_valid() and self.filters.form.has_changed(),
            **kwargs,
        )
        context["render_filters_fragment"] = "_w_filter_fragment" in self.request.GET
        return context

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
        column = getattr(self.model_admin, field_name, None)
        value = (
            column(self.instance) if column else super().get_field_display_value(field_name, field)
        )
        return shown(value)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        home = {"url": reverse("wagtailadmin_home"), "label": _("Home")}
        listing = {"url": self.index_url, "label": capfirst(self.verbose_name_plural)}
        here = {"url": "", "label": str(self.instance)}
        return {**context, "breadcrumbs_items": [home, listing, here]}


def shown(value: Any) -> Any:
    """A value as a reader wants it: JSON indented, moments in their time zone, a dash for none."""
    if isinstance(value, dict):
        return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
    if isinstance(value, datetime):
        return localize(timezone.localtime(value))
    return NOTHING if value in ("", None) else value


def column(label: Any, order: str = "") -> Any:
    """A method as a column of the list, sorted by the field `order` where given."""

    def mark(method: Any) -> Any:
        method.short_description = label
        if order:
            method.admin_order_field = order
        return method

    return mark


def tag(text: Any, *, primary: bool = False) -> str:
    kind = "w-status w-status--primary" if primary else "w-status"
    return format_html('<span class="{}">{}</span>', kind, text)


def with_reason(text: Any, reason: str, *, primary: bool = False) -> str:
    if not reason:
        return tag(text, primary=primary)
    return format_html('{} <span class="drip-reason">{}</span>', tag(text, primary=primary), reason)


class RecordAdmin(ModelAdmin):
    add_to_admin_menu = False  # its menu entry stands in our group
    permission_helper_class = ReadOnly
    index_view_class = RecordIndexView
    inspect_view_class = RecordInspectView
    inspect_view_enabled = True
    inspect_template_name = "wagtail_drip/admin/record.html"
    history_view_enabled = False
    list_per_page = 50
    empty_value_display = NOTHING
    index_view_extra_css = ["wagtail_drip/records.css"]
    inspect_view_extra_css = ["wagtail_drip/records.css"]
    filterset_class: type[WagtailFilterSet]

    def get_menu_label(self) -> str:
        return capfirst(self.opts.verbose_name_plural)

    def get_admin_urls_for_registration(self) -> tuple[Any, ...]:
        """Only reading has addresses."""
        name, index = self.url_helper.get_action_url_name, self.url_helper.get_action_url_pattern
        return (
            re_path(index("index"), self.index_view, name=name("index")),
            re_path(
                index("index").replace("/$", "/results/$"), self.results_view, name=name("results")
            ),
            re_path(index("inspect"), self.inspect_view, name=name("inspect")),
        )

    def results_view(self, request: HttpRequest) -> HttpResponse:
        return RecordResultsView.as_view(model_admin=self)(request)

    def inspect_view(self, request: HttpRequest, instance_pk: str) -> HttpResponse:
        if not instance_pk.isdecimal():
            raise Http404
        return super().inspect_view(request, instance_pk)

    def get_permissions_for_registration(self) -> QuerySet[Permission]:
        codename = self.permission_helper.get_perm_codename("view")
        return super().get_permissions_for_registration().filter(codename=codename)

    def register_admin_url_finders(self) -> None:
        """None: nothing here is edited."""

    def register_indexing(self) -> None:
        """None: each event, enrollment and delivery saved would cost reference index queries."""


class ContactAdmin(RecordAdmin):
    model = Contact
    menu_icon = "user"
    base_url_path = "drip/contacts"
    list_display = ("email", "full_name", "language", "created_at")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("-created_at",)
    filterset_class = record_filters.ContactFilterSet
    inspect_view_fields = (
        "email", "full_name", "language", "time_zone", "attributes", "consents_given",
        "created_at", "more",
    )  # fmt: skip

    @column(gettext_lazy("Name"), "last_name")
    def full_name(self, contact: Contact) -> str:
        return f"{contact.first_name} {contact.last_name}".strip() or NOTHING

    @column(gettext_lazy("Mailing topics"))
    def consents_given(self, contact: Contact) -> str:
        consents = contact.consents.select_related("topic").order_by("topic__name")
        return format_html_join(
            " ", "{} {}", ((c.topic.name, tag(c.get_state_display())) for c in consents)
        )

    @column(gettext_lazy("See also"))
    def more(self, contact: Contact) -> str:
        rows = ((a.url_helper.index_url, contact.email, a.get_menu_label()) for a in RECORDS[1:])
        return format_html_join(" · ", '<a href="{}?q={}">{}</a>', rows)


class EventAdmin(RecordAdmin):
    model = Event
    menu_icon = "calendar-alt"
    base_url_path = "drip/events"
    list_display = ("what", "contact", "at", "key")
    list_select_related = ("contact",)
    search_fields = ("contact__email", "key")
    ordering = ("-at",)
    filterset_class = record_filters.EventFilterSet
    inspect_view_fields = ("what", "contact", "at", "data", "key", "recorded_at")

    @column(gettext_lazy("What they did"), "name")
    def what(self, event: Event) -> str:
        return capfirst(trigger_label(event.name))


class EnrollmentAdmin(RecordAdmin):
    model = Enrollment
    menu_icon = "group"
    base_url_path = "drip/people"
    list_display = ("contact", "campaign", "how", "entered_at", "due_at")
    list_select_related = ("contact", "campaign")
    search_fields = ("contact__email",)
    ordering = ("-entered_at",)
    filterset_class = record_filters.EnrollmentFilterSet
    inspect_view_fields = (
        "contact", "campaign", "how", "entered_at", "due_at", "ended_at", "version_number", "data",
    )  # fmt: skip

    @column(gettext_lazy("State"), "state")
    def how(self, enrollment: Enrollment) -> str:
        reasons = dict(Enrollment.Reason.choices)
        reason = str(reasons.get(enrollment.reason, enrollment.reason))
        primary = enrollment.state == Enrollment.State.ACTIVE
        return with_reason(enrollment.get_state_display(), reason, primary=primary)

    @column(gettext_lazy("Version of the flow"))
    def version_number(self, enrollment: Enrollment) -> int:
        return enrollment.version.number


class DeliveryAdmin(RecordAdmin):
    model = Delivery
    menu_icon = "circle-check"
    base_url_path = "drip/deliveries"
    list_display = ("contact", "mail", "campaign", "how", "due_at", "settled_at", "after")
    list_select_related = ("contact", "campaign")
    search_fields = ("contact__email", "message_id")
    ordering = ("-created_at",)
    filterset_class = record_filters.DeliveryFilterSet
    inspect_view_fields = (
        "contact", "mail", "campaign", "how", "due_at", "settled_at", "after", "created_at",
        "delivered_at", "opened_at", "clicked_at", "bounced_at", "complained_at", "message_id",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        named = Step.objects.filter(translation_key=OuterRef("step_key")).order_by("pk")
        return super().get_queryset(request).annotate(mail_name=Subquery(named.values("name")[:1]))

    @column(gettext_lazy("Mail"))
    def mail(self, delivery: Delivery) -> str:
        if hasattr(delivery, "mail_name"):
            return delivery.mail_name or NOTHING
        named = Step.objects.filter(translation_key=delivery.step_key).order_by("pk")
        return named.values_list("name", flat=True).first() or NOTHING

    @column(gettext_lazy("State"), "state")
    def how(self, delivery: Delivery) -> str:
        primary = delivery.state == Delivery.State.SENT
        return with_reason(delivery.get_state_display(), delivery.reason, primary=primary)

    @column(gettext_lazy("Since then"))
    def after(self, delivery: Delivery) -> str:
        facts = ("bounced", "complained", "clicked", "opened", "delivered")
        told = [f for f in facts if getattr(delivery, f"{f}_at")]
        labels = (self.opts.get_field(f"{f}_at").verbose_name for f in told)
        return ", ".join(str(label) for label in labels) or NOTHING


RECORDS = [ContactAdmin(), EventAdmin(), EnrollmentAdmin(), DeliveryAdmin()]
