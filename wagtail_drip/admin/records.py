"""What the line has written, to read and never to change.

wagtail-modeladmin lists it; the page around the list is Wagtail's own (record_views.py). A list
is sorted by nothing but what has an index: it may have millions of rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import re_path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.filters import WagtailFilterSet
from wagtail_modeladmin.options import ModelAdmin

from ..models import (
    Contact,
    Conversion,
    Delivery,
    Enrollment,
    Event,
    Reaction,
    Stage,
    Step,
    lifecycle,
)
from . import contact_actions, deciding, record_filters
from .contact_editing import list_buttons
from .contacts import ContactView, may_export
from .forms import trigger_label
from .permissions import may, may_resolve
from .record_cells import (
    NOTHING,
    box,
    broken,
    column,
    linked,
    mail_name,
    named,
    reaction_cells,
    reason,
    shown,
    tag,
    with_reason,
)
from .record_views import ReadOnly, RecordIndexView, RecordInspectView, RecordResultsView
from .sites import within

LATEST = 10  # of what belongs to a record, on its own page


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
    sortable: tuple[str, ...] = ()
    empty: Any = ""  # what an empty list says: where its rows come from
    registered: tuple[str, ...] = ("view",)  # the permissions that groups may be given

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
            re_path(index("inspect"), self.inspect_in_reach, name=name("inspect")),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return within(super().get_queryset(request), request.user)

    def inspect_in_reach(self, request: HttpRequest, instance_pk: str) -> HttpResponse:
        """A record of another site's doesn't exist."""
        if not instance_pk.isdecimal() or len(instance_pk) > 18:
            raise Http404
        rows = self.model._default_manager.filter(pk=instance_pk)
        if request.user.is_authenticated and not within(rows, request.user).exists():
            raise Http404
        return self.inspect_view(request, instance_pk)

    def results_view(self, request: HttpRequest) -> HttpResponse:
        return RecordResultsView.as_view(model_admin=self)(request)

    @column(Contact._meta.verbose_name)
    def whose(self, row: Any) -> str:
        return broken(row.contact)

    def related(self, row: Any, user: Any) -> list[dict[str, Any]]:
        """Sections below a record: what belongs to it, the latest first."""
        return []

    def actions_for(self, user: Any) -> list[tuple[str, Any]]:
        """What may be done with those whose boxes are ticked: (slug, label) each."""
        return []

    def more_buttons(self, user: Any) -> list[Any]:
        """More of the list's menu."""
        return []

    def tells(self, field: str, row: Any) -> bool:
        """Whether this line of the record's own page has a sense for this row."""
        return True

    def title(self, row: Any) -> str:
        """What a record's own page is called."""
        return str(row)

    def word_wanted(self, row: Any, user: Any) -> bool:
        """Whether this user can say what nobody else knows of it (resolving.py)."""
        return False

    def get_permissions_for_registration(self) -> QuerySet[Permission]:
        codenames = [self.permission_helper.get_perm_codename(name) for name in self.registered]
        return super().get_permissions_for_registration().filter(codename__in=codenames)

    def register_admin_url_finders(self) -> None:
        """None: nothing here is edited."""

    def register_indexing(self) -> None:
        """None: each event, enrollment and delivery saved would cost reference index queries."""


def section(
    model: type[Model], rows: QuerySet[Any], user: Any, moment: str, cells: Any, search: str = ""
) -> list[dict[str, Any]]:
    """The latest rows as [a section], [] where the user may not see them."""
    if not may(user, "view", model):
        return []
    admin = next(one for one in RECORDS if one.model is model)
    found = list(rows.order_by(f"-{moment}", "-pk")[:LATEST])
    url = f"{admin.url_helper.index_url}?{urlencode({'q': search})}" if search else ""
    return [
        {
            "label": admin.get_menu_label(),
            "all_url": url if len(found) == LATEST else "",
            "rows": [(shown(getattr(row, moment)), *cells(row)) for row in found],
        }
    ]


class ContactAdmin(RecordAdmin):
    model = Contact
    menu_icon = "user"
    base_url_path = "drip/contacts"
    index_view_extra_css = [*RecordAdmin.index_view_extra_css, "wagtail_drip/contact.css"]
    list_display = ("address", "full_name", "stage", "tagged", "language", "created_at")
    list_export = (
        "email",
        "first_name",
        "last_name",
        "stage",
        "language",
        "time_zone",
        "created_at",
    )
    sortable = ("created_at",)
    ordering = ("-created_at",)
    filterset_class = record_filters.ContactFilterSet
    empty = gettext_lazy(
        "Everybody who signs up, orders or otherwise does something that starts a campaign is "
        "listed here from then on."
    )
    list_display_add_buttons = "address"

    def inspect_view(self, request: HttpRequest, instance_pk: str) -> HttpResponse:
        if not instance_pk.isdecimal() or len(instance_pk) > 18:
            raise Http404
        return ContactView.as_view()(request, instance_pk=instance_pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        people = super().get_queryset(request).prefetch_related("tags")
        return lifecycle.with_stages(people, timezone.now())

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """With a box to choose by for those who may do something with the chosen."""
        chosen = ("choose",) if self.actions_for(request.user) else ()
        return (*chosen, *self.list_display)

    @column(gettext_lazy("Choose"))
    def choose(self, contact: Contact) -> str:
        if contact.erased_at:
            return ""
        return box("contact", "drip-choose", contact.pk, _("Choose %s") % contact)

    def actions_for(self, user: Any) -> list[tuple[str, Any]]:
        found = [(action.slug, action.label) for action in contact_actions.allowed(user)]
        return [*found, (contact_actions.EXPORT, _("Export"))] if may_export(user) else found

    def more_buttons(self, user: Any) -> list[Any]:
        return list_buttons(user)

    @column(Contact._meta.get_field("email").verbose_name)
    def address(self, contact: Contact) -> str:
        return broken(contact)

    @column(gettext_lazy("Name"))
    def full_name(self, contact: Contact) -> str:
        name = f"{contact.first_name} {contact.last_name}".strip()
        return format_html("<bdi>{}</bdi>", name) if name else NOTHING

    @column(gettext_lazy("Lifecycle stage"))
    def stage(self, contact: Any) -> str:
        return NOTHING if contact.erased_at else str(capfirst(Stage(contact.stage).label))

    export_stage = stage

    @column(gettext_lazy("Tags"))
    def tagged(self, contact: Contact) -> str:
        return format_html_join(" ", "{}", ((tag(one),) for one in contact.tags.all())) or NOTHING


class EventAdmin(RecordAdmin):
    model = Event
    menu_icon = "calendar-alt"
    base_url_path = "drip/events"
    list_display = ("what", "whose", "at", "key")
    list_export = ("what", "contact", "at", "key", "data")
    list_select_related = ("contact",)
    sortable = ("at",)
    ordering = ("-at",)
    filterset_class = record_filters.EventFilterSet
    empty = gettext_lazy(
        "What people do on the site is listed here: a sign-up, an order, and whatever else the "
        "site tells of by wagtail_drip.api.record()."
    )
    inspect_view_fields = ("what", "contact", "at", "data", "key", "recorded_at")

    def title(self, event: Event) -> str:
        return self.what(event)

    @column(gettext_lazy("What they did"))
    def what(self, event: Event) -> str:
        return capfirst(trigger_label(event.name))

    export_what = what

    @column(gettext_lazy("Data"))
    def export_data(self, event: Event) -> str:
        return str(event.data or "")

    def inspect_contact(self, event: Event, user: Any) -> Any:
        return linked(event.contact, user)

    def related(self, event: Event, user: Any) -> list[dict[str, Any]]:
        rows = Enrollment.objects.filter(event=event).select_related("campaign")
        return section(
            Enrollment, rows, user, "entered_at",
            lambda e: [linked(e, user, e.campaign), with_reason(e)],
        )  # fmt: skip


class EnrollmentAdmin(RecordAdmin):
    model = Enrollment
    menu_icon = "group"
    base_url_path = "drip/people"
    list_display = ("whose", "campaign", "how", "entered_at", "due_at")
    list_export = ("contact", "campaign", "state", "reason", "entered_at", "due_at", "ended_at")
    list_select_related = ("contact", "campaign")
    sortable = ("entered_at",)
    ordering = ("-entered_at",)
    filterset_class = record_filters.EnrollmentFilterSet
    empty = gettext_lazy("Once a campaign is live, everybody who enters it is listed here.")
    inspect_view_fields = (
        "contact", "campaign", "how", "conversion", "entered_at", "event", "due_at", "ended_at",
        "version_number", "data",
    )  # fmt: skip

    @column(gettext_lazy("State"))
    def how(self, enrollment: Enrollment) -> str:
        return with_reason(enrollment, primary=enrollment.state == Enrollment.State.ACTIVE)

    @column(gettext_lazy("State"))
    def export_state(self, enrollment: Enrollment) -> str:
        return enrollment.get_state_display()

    @column(gettext_lazy("Reason"))
    def export_reason(self, enrollment: Enrollment) -> str:
        return reason(enrollment)

    @column(gettext_lazy("Goal reached"))
    def conversion(self, enrollment: Enrollment) -> str:
        """By what and how much it was worth; on the page of one person alone."""
        found = Conversion.objects.filter(enrollment=enrollment).first()
        if found is None:
            return NOTHING
        what = trigger_label(found.event_name) or _("yes")
        return what if found.value is None else f"{what} · {found.value}"

    @column(gettext_lazy("Version of the flow"))
    def version_number(self, enrollment: Enrollment) -> int:
        return enrollment.version.number

    def inspect_contact(self, enrollment: Enrollment, user: Any) -> Any:
        return linked(enrollment.contact, user)

    def inspect_campaign(self, enrollment: Enrollment, user: Any) -> Any:
        return linked(enrollment.campaign, user)

    def inspect_event(self, enrollment: Enrollment, user: Any) -> Any:
        return linked(enrollment.event, user)

    def related(self, enrollment: Enrollment, user: Any) -> list[dict[str, Any]]:
        mails = section(
            Delivery, named(enrollment.deliveries.all()), user, "created_at",
            lambda d: [linked(d, user, mail_name(d)), with_reason(d)],
        )  # fmt: skip
        return [*mails, *deciding.section(enrollment, user)]


class DeliveryAdmin(RecordAdmin):
    model = Delivery
    menu_icon = "circle-check"
    base_url_path = "drip/deliveries"
    list_display = ("whose", "mail", "campaign", "how", "created_at", "moment", "after")
    list_display_add_buttons = "whose"
    list_export = (
        "contact", "mail", "campaign", "state", "reason", "created_at", "due_at", "settled_at",
        "delivered_at", "opened_at", "clicked_at", "bounced_at", "complained_at", "message_id",
        "characters", "segments",
    )  # fmt: skip
    list_select_related = ("contact", "campaign")
    sortable = ("created_at",)
    ordering = ("-created_at",)
    filterset_class = record_filters.DeliveryFilterSet
    empty = gettext_lazy("Each mail to each person is listed here as soon as it is planned.")
    inspect_view_fields = (
        "contact", "mail", "campaign", "how", "enrollment", "due_at", "settled_at", "created_at",
        "delivered_at", "opened_at", "clicked_at", "bounced_at", "complained_at", "message_id",
        "length",
    )  # fmt: skip

    def tells(self, field: str, row: Delivery) -> bool:
        return field != "length" or bool(row.segments)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return named(super().get_queryset(request))

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """With a box to choose by where the list shows what waits for a person's word."""
        asked = request.GET.get("state") == Delivery.State.UNCERTAIN
        chosen = ("choose",) if asked and may_resolve(request.user) else ()
        return (*chosen, *self.list_display)

    @column(gettext_lazy("Choose"))
    def choose(self, delivery: Delivery) -> str:
        words = {"mail": mail_name(delivery), "contact": delivery.contact}
        label = _("Choose “%(mail)s” to %(contact)s") % words
        return box("delivery", "drip-resolve", delivery.pk, label)

    @column(gettext_lazy("Mail"))
    def mail(self, delivery: Delivery) -> str:
        return mail_name(delivery)

    export_mail = mail

    @column(gettext_lazy("State"))
    def how(self, delivery: Delivery) -> str:
        return with_reason(delivery, primary=delivery.state == Delivery.State.SENT)

    @column(gettext_lazy("State"))
    def export_state(self, delivery: Delivery) -> str:
        return delivery.get_state_display()

    @column(gettext_lazy("Reason"))
    def export_reason(self, delivery: Delivery) -> str:
        return reason(delivery)

    @column(gettext_lazy("Length"))
    def length(self, delivery: Delivery) -> str:
        """Of a text message that went out."""
        if not delivery.segments:
            return NOTHING
        return _("%(characters)d characters, %(segments)d segments") % {
            "characters": delivery.characters,
            "segments": delivery.segments,
        }

    @column(gettext_lazy("Settled or due"))
    def moment(self, delivery: Delivery) -> datetime | str:
        return shown(delivery.settled_at or delivery.due_at)

    @column(gettext_lazy("Since then"))
    def after(self, delivery: Delivery) -> str:
        facts = ("bounced", "complained", "clicked", "opened", "delivered")
        told = [f for f in facts if getattr(delivery, f"{f}_at")]
        labels = (self.opts.get_field(f"{f}_at").verbose_name for f in told)
        return ", ".join(str(label) for label in labels) or NOTHING

    def inspect_contact(self, delivery: Delivery, user: Any) -> Any:
        return linked(delivery.contact, user)

    def inspect_mail(self, delivery: Delivery, user: Any) -> Any:
        steps = Step.objects.filter(translation_key=delivery.step_key).order_by("pk")
        return linked(delivery.step or steps.first(), user)

    def inspect_campaign(self, delivery: Delivery, user: Any) -> Any:
        return linked(delivery.campaign, user)

    def inspect_enrollment(self, delivery: Delivery, user: Any) -> Any:
        return linked(delivery.enrollment, user)

    def related(self, delivery: Delivery, user: Any) -> list[dict[str, Any]]:
        """Opens and clicks belong to the delivery: who may see it sees them."""
        reactions = delivery.reactions.select_related("link").order_by("-at", "-pk")[:LATEST]
        rows = [(shown(one.at), *reaction_cells(one)) for one in reactions]
        label = capfirst(Reaction._meta.verbose_name_plural)
        return [{"label": label, "all_url": "", "rows": rows}]

    def word_wanted(self, delivery: Delivery, user: Any) -> bool:
        return delivery.state == Delivery.State.UNCERTAIN and may_resolve(user)


RECORDS: list[RecordAdmin] = [ContactAdmin(), EventAdmin(), EnrollmentAdmin(), DeliveryAdmin()]
