"""Segments, tags and attributes, as editors list and edit them; who is in a segment now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.forms import Media
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from django.views.generic import ListView
from wagtail.admin.panels import FieldPanel, ObjectList, Panel
from wagtail.admin.staticfiles import versioned_static
from wagtail.admin.ui.tables import Column, NumberColumn
from wagtail.admin.widgets.button import Button
from wagtail.snippets.views import snippets

from ..models import Attribute, Contact, Segment, Tag
from ..models.addresses import digest
from ..models.matching import UnknownCondition
from . import contact_actions
from .contacts import PersonPage, list_url
from .forms import SiteForm
from .lists import EMPTY_STATE, WIDE, ListMixin
from .panels import name_panel, short_name_panel, shown_for
from .permissions import may, may_see_people
from .record_views import BoundedPaginator
from .refusing import whole_forms
from .sites import offering_own, within

FRESH = 60  # seconds that a count is kept: of a million people it takes one or two


def count(segment: Segment, now: datetime) -> int:
    """How many people are in it. Raises ValueError, with why, where that can't be asked."""
    key = f"wagtail_drip.segment.{digest(repr(segment.group()))}"
    known = cache.get(key)
    if known is None:
        try:
            known = segment.members(now).count()
        except UnknownCondition as error:
            raise ValueError(str(error)) from None
        cache.set(key, known, FRESH)
    return known


def answer(segment: Segment) -> JsonResponse:
    try:
        number = count(segment, timezone.now())
    except ValueError as error:
        return JsonResponse({"text": "–", "title": str(error)})
    people = ngettext("%s person", "%s people", number) % number_format(number)
    return JsonResponse({"count": number, "text": people, "title": ""})


def count_saved(request: HttpRequest, pk: int) -> JsonResponse:
    """For the list, which asks for one after the other once it is shown."""
    if not any(may(request.user, action, Segment) for action in ("view", "change")):
        raise PermissionDenied
    return answer(get_object_or_404(Segment, pk=pk))


@require_POST
def count_typed(request: HttpRequest) -> HttpResponse:
    """For the editor: of the conditions as they stand in the form, saved or not."""
    if not any(may(request.user, action, Segment) for action in ("add", "change")):
        raise PermissionDenied
    form_class = segment_panels().bind_to_model(Segment).get_form_class()
    form = form_class(request.POST, instance=Segment(name="-"), for_user=request.user)
    try:
        form.is_valid()
    except (KeyError, ValueError):  # what no editor sends: a stream without its count
        return HttpResponseBadRequest()
    if "conditions" in form.errors or "match" in form.errors:
        return JsonResponse({"text": "–", "title": _("A condition isn't complete yet.")})
    return answer(form.instance)


class CountColumn(Column):
    """A number that comes after the page."""

    cell_template_name = "wagtail_drip/admin/count_cell.html"

    def get_value(self, instance: Segment) -> str:
        return reverse("wagtail_drip_admin:count_segment", args=[instance.pk])


class CountPanel(Panel):
    """How many people the conditions mean as they stand now."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "wagtail_drip/admin/count_panel.html"

        def show_panel_furniture(self) -> bool:
            return False

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            context = super().get_context_data(parent_context)
            segment = self.instance
            people = segment.pk and may_see_people(self.request.user)
            return {
                **context,
                "url": reverse("wagtail_drip_admin:count_typed"),
                "people_url": people_url(segment.pk) if people else "",
            }


class SegmentForm(SiteForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].required = False  # made of the name

    class Media:
        css = {"all": ["wagtail_drip/campaign.css"]}
        js = ["wagtail_drip/counts.js"]


def segment_panels() -> ObjectList:
    return ObjectList(
        [
            name_panel(),
            FieldPanel("match", widget=forms.RadioSelect),
            FieldPanel("conditions"),
            CountPanel(),
            FieldPanel("description"),
            short_name_panel(gettext_lazy("Conditions and files name the segment by it.")),
        ],
        base_form_class=SegmentForm,
    )


def people_url(pk: Any) -> str:
    return reverse("wagtail_drip_admin:segment_people", args=[pk])


class SegmentIndexView(ListMixin, snippets.IndexView):
    empty = gettext_lazy(
        "A segment is people of whom something is true now: they bought this month, they live in "
        "Bookham, they have a tag."
    )

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(*args, **kwargs)
        context["media"] += Media(js=[versioned_static("wagtail_drip/counts.js")])
        return context

    def get_list_more_buttons(self, instance: Segment) -> list[Button]:
        buttons = super().get_list_more_buttons(instance)
        if may_see_people(self.request.user):
            label = _("Who is in it")
            buttons.append(
                Button(label, url=people_url(instance.pk), icon_name="group", priority=1)
            )
        return buttons


class SegmentViewSet(snippets.SnippetViewSet):
    model = Segment
    icon = "group"
    menu_label = gettext_lazy("Segments")
    menu_order = 4
    index_view_class = SegmentIndexView
    index_results_template_name = EMPTY_STATE
    copy_view_enabled = False
    edit_handler = segment_panels()
    list_display = [
        "name",
        Column("sentence", label=gettext_lazy("People of whom"), classname=WIDE),
        CountColumn("count", label=gettext_lazy("Now")),
    ]

    def construct_view(self, view_class: Any, **kwargs: Any) -> Any:
        return offering_own(whole_forms(super().construct_view(view_class, **kwargs)))


class SegmentPeopleView(PersonPage, ListView):
    """Who is in it now, and what may be done with all of them."""

    template_name = "wagtail_drip/admin/segment_people.html"
    header_icon = "group"
    paginate_by = 50
    page_kwarg = "p"  # as Wagtail's own lists have it
    paginator_class = BoundedPaginator

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.segment = get_object_or_404(Segment, pk=kwargs["pk"])

    def get_page_title(self) -> str:
        return self.segment.name

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        url = reverse(Segment.snippet_viewset.get_url_name("list"))
        listing = {"url": url, "label": _("Segments")}
        return [*self.breadcrumbs_items, listing, {"url": "", "label": self.segment.name}]

    def get_queryset(self) -> QuerySet[Contact]:
        try:
            people = within(self.segment.members(timezone.now()), self.request.user)
            return people.order_by("-created_at", "-pk")
        except (UnknownCondition, ValueError) as error:
            self.fault = str(error)
            return Contact.objects.none()

    def get_header_more_buttons(self) -> list[Button]:
        return [
            Button(action.label, url=self._act_url(action.slug), icon_name=action.icon, priority=n)
            for n, action in enumerate(contact_actions.allowed(self.request.user))
            if action.most > 2
        ]

    def _act_url(self, slug: str) -> str:
        return f"{reverse('wagtail_drip_admin:act', args=[slug])}?segment={self.segment.slug}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {
            **context,
            "segment": self.segment,
            "fault": getattr(self, "fault", ""),
            "contacts_url": list_url(),
        }


# Tags and attributes


class TagIndexView(ListMixin, snippets.IndexView):
    empty = gettext_lazy("A tag is a word that you stick on people, by hand or with an import.")


class TagViewSet(snippets.SnippetViewSet):
    model = Tag
    icon = "tag"
    menu_label = gettext_lazy("Tags")
    menu_order = 5
    index_view_class = TagIndexView
    index_results_template_name = EMPTY_STATE
    edit_handler = ObjectList([FieldPanel("name")])
    list_display = ["name", NumberColumn("people", label=gettext_lazy("People"))]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        return Tag.objects.annotate(people=Count("taggings"))


class AttributeIndexView(ListMixin, snippets.IndexView):
    empty = gettext_lazy(
        "An attribute is something to know of people, such as their city or birthday. Imports fill "
        "it in, conditions ask for it."
    )


class AttributeViewSet(snippets.SnippetViewSet):
    model = Attribute
    icon = "list-ul"
    menu_label = gettext_lazy("Attributes")
    menu_order = 6
    index_view_class = AttributeIndexView
    index_results_template_name = EMPTY_STATE
    edit_handler = ObjectList(
        [
            FieldPanel("label"),
            FieldPanel("key"),
            FieldPanel("type", widget=forms.RadioSelect),
            FieldPanel("choices", attrs=shown_for("type", "choice")),
        ],
        attrs={"data-controller": "w-rules", "data-action": "change->w-rules#resolve"},
    )
    list_display = [
        "label",
        Column("key", label=gettext_lazy("Key"), classname=WIDE),
        Column("type", label=gettext_lazy("Type"), accessor="get_type_display"),
    ]
