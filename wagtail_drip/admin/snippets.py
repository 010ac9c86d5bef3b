"""Campaigns, mails and mailing topics, as editors list and edit them; our group in the menu."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import (
    BooleanColumn,
    Column,
    LiveStatusTagColumn,
    NumberColumn,
    StatusTagColumn,
    UpdatedAtColumn,
)
from wagtail.admin.widgets.button import Button
from wagtail.snippets.views import snippets

from ..engine.reviewing import overdue
from ..flow.triggers import ASKED_FOR_TOPICS
from ..models import (
    Campaign,
    Consent,
    Delivery,
    Enrollment,
    PrunedCount,
    SharedContent,
    SiteBrand,
    SiteSettings,
    Step,
    Topic,
)
from ..models.standing import standing
from . import (
    actions,
    choosing,
    editing,
    foretelling,
    gallery,
    mail_checks,
    overview,
    panels,
    preview_views,
    results,
    reviewing,
    step_results,
    tasks,
    testing,
)
from .api_keys import ApiKeyViewSet
from .caps import CapViewSet
from .channels import StepFilterSet, StepIndexView, channel_label
from .farewells import FarewellViewSet
from .forms import STATUSES, status_label, trigger_choices, trigger_label
from .lists import EMPTY_STATE, WIDE, WIDER, ListMixin
from .permissions import may
from .places import campaign_url
from .records import RECORDS
from .segments import AttributeViewSet, SegmentViewSet, TagViewSet
from .sites import SiteBound, within
from .suppressions import SuppressionViewSet


def of_status(campaigns: QuerySet[Campaign], status: str) -> QuerySet[Campaign]:
    """`Campaign.status` as a query."""
    return {
        "draft": campaigns.filter(live=False, started_at=None),
        "live": campaigns.filter(live=True, paused_at=None),
        "paused": campaigns.filter(live=True, paused_at__isnull=False),
        "stopped": campaigns.filter(live=False, started_at__isnull=False),
    }[status]


def counted(model: type[Any], state: str) -> Coalesce:
    """How many rows of a campaign are in a state; one indexed subquery for the whole list."""
    rows = model.objects.filter(campaign=OuterRef("pk"), state=state).order_by()
    count = rows.values("campaign").annotate(n=Count("*")).values("n")  # "*": the index alone
    return Coalesce(Subquery(count, output_field=IntegerField()), 0)


def pruned(state: str) -> Coalesce:
    """How many deliveries in that state were counted before they were pruned."""
    rows = PrunedCount.objects.filter(campaign=OuterRef("pk"), what=state).order_by()
    total = rows.values("campaign").annotate(n=Sum("number")).values("n")
    return Coalesce(Subquery(total, output_field=IntegerField()), 0)


class CampaignFilterSet(WagtailFilterSet):
    status = django_filters.ChoiceFilter(
        label=_("Status"), choices=STATUSES, method="filter_status", empty_label=_("All")
    )
    review = django_filters.ChoiceFilter(
        label=_("Review"),
        choices=[("due", _("due")), ("falling", _("clicks fall"))],
        method="filter_review",
        empty_label=_("All"),
    )
    trigger = django_filters.ChoiceFilter(
        label=_("Starts when"), choices=lambda: trigger_choices("")[1:], empty_label=_("All")
    )
    topic = django_filters.ModelChoiceFilter(
        label=_("Mailing topic"),
        queryset=lambda request: within(Topic.objects.all(), request.user),
        empty_label=_("All"),
    )

    def filter_status(
        self, campaigns: QuerySet[Campaign], name: str, value: str
    ) -> QuerySet[Campaign]:
        return of_status(campaigns, value)

    def filter_review(
        self, campaigns: QuerySet[Campaign], name: str, value: str
    ) -> QuerySet[Campaign]:
        if value == "falling":
            return campaigns.filter(review__falling=True, live=True)
        return overdue(campaigns, timezone.now())

    class Meta:
        model = Campaign
        fields = ["status", "trigger", "topic", "stage", "review"]


class TopicIndexView(ListMixin, snippets.IndexView):
    empty = _(
        "A mailing topic is what people agree to get, such as news or offers. A campaign with a "
        "topic goes to those who chose it and to nobody else."
    )


class SiteSettingsIndexView(ListMixin, snippets.IndexView):
    empty = _(
        "What holds for all mails of a site. Without settings of its own, a site counts clicks "
        "and does not count opens."
    )


class TopicSaving:
    """The mail that asks for confirmation is there to be worded before anybody asks for one."""

    def save_instance(self) -> Topic:
        topic = super().save_instance()  # type: ignore[misc]
        if topic.opt_in == Topic.OptIn.DOUBLE:
            standing(ASKED_FOR_TOPICS, topic.site)
        return topic


class TopicCreateView(TopicSaving, snippets.CreateView):
    pass


class TopicEditView(TopicSaving, snippets.EditView):
    pass


class CampaignIndexView(ListMixin, snippets.IndexView):
    empty = _(
        "A campaign sends a series of mails to whoever did something: signed up, placed an order. "
        "You need a mailing topic first, unless the mails are transactional."
    )

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(*args, **kwargs)
        if gallery.may_use_recipes(self.request.user):
            context["ready_made_url"] = gallery.gallery_url()
        return context

    def get_list_more_buttons(self, instance: Campaign) -> list[Button]:
        buttons = super().get_list_more_buttons(instance)
        url = campaign_url(instance.pk, "overview")
        buttons.append(Button(_("Overview"), url=url, icon_name="list-ol", priority=5))
        url = campaign_url(instance.pk, "try")
        buttons.append(Button(_("Try it out"), url=url, icon_name="view", priority=6))
        url = campaign_url(instance.pk, "review")
        buttons.append(Button(_("Review"), url=url, icon_name="calendar-check", priority=7))
        if not may(self.request.user, "publish", Campaign):
            return buttons
        offers = {
            "live": [("pause", _("Pause"), "minus"), ("unpublish", _("Stop"), "circle-xmark")],
            "paused": [("resume", _("Resume"), "rotate"), ("unpublish", _("Stop"), "circle-xmark")],
        }
        for priority, (view, label, icon) in enumerate(offers.get(instance.status, []), start=12):
            url = campaign_url(instance.pk, view)
            buttons.append(Button(label, url=url, icon_name=icon, priority=priority))
        return buttons


class CampaignViewSet(SiteBound):
    model = Campaign
    icon = "drip"
    menu_label = _("Campaigns")
    menu_order = 1
    copy_view_enabled = False
    index_view_class = CampaignIndexView
    index_results_template_name = EMPTY_STATE
    add_view_class = editing.CampaignCreateView
    edit_view_class = editing.CampaignEditView
    unpublish_view_class = actions.StopView
    workflow_action_view_class = editing.GatedWorkflowActionView
    preview_on_edit_view_class = preview_views.SavedPreview
    edit_template_name = "wagtail_drip/admin/campaign_edit.html"
    filterset_class = CampaignFilterSet
    edit_handler = panels.campaign_panels()
    list_display = [
        "name",
        StatusTagColumn(
            "status",
            label=_("Status"),
            accessor=status_label,
            primary=lambda campaign: campaign.status == "live",
        ),
        Column(
            "trigger",
            label=_("Starts when somebody"),
            accessor=lambda campaign: trigger_label(campaign.trigger),
            sort_key="trigger",
            classname=WIDE,
        ),
        Column(
            "stage",
            label=_("Lifecycle stage"),
            accessor="get_stage_display",
            sort_key="stage",
            classname=WIDER,
        ),
        NumberColumn("people_inside", label=_("People inside"), sort_key="people_inside"),
        NumberColumn("mails_sent", label=_("Mails sent"), sort_key="mails_sent", classname=WIDE),
        Column("review_by", label=_("Review by"), accessor=reviewing.due_of, classname=WIDER),
        UpdatedAtColumn(label=_("Updated"), classname=WIDE),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        campaigns = Campaign.objects.select_related("review")
        return within(campaigns, request.user).annotate(
            people_inside=counted(Enrollment, Enrollment.State.ACTIVE),
            mails_sent=counted(Delivery, Delivery.State.SENT) + pruned(Delivery.State.SENT),
        )

    @property
    def unpublish_view(self) -> Any:
        return self.construct_view(
            self.unpublish_view_class, template_name="wagtail_drip/admin/confirm_stop.html"
        )

    def get_urlpatterns(self) -> list[Any]:
        pause = self.construct_view(actions.PauseView)
        resume = self.construct_view(actions.ResumeView)
        results_ = self.construct_view(results.ResultsView)
        overview_ = self.construct_view(overview.OverviewView)
        try_ = self.construct_view(foretelling.TryView)
        review_ = self.construct_view(reviewing.ReviewView)
        choose = self.construct_view(choosing.ChoiceView)
        return [
            *super().get_urlpatterns(),
            path("pause/<int:pk>/", pause, name="pause"),
            path("resume/<int:pk>/", resume, name="resume"),
            path("overview/<int:pk>/", overview_, name="overview"),
            path("results/<int:pk>/", results_, name="results"),
            path("try/<int:pk>/", try_, name="try"),
            path("review/<int:pk>/", review_, name="review"),
            path("choose/<int:pk>/<int:revision>/<slug:goal>/", choose, name="choose"),
        ]


class StepViewSet(SiteBound):
    model = Step
    icon = "mail"
    menu_label = _("Mails")
    menu_order = 2
    index_view_class = StepIndexView
    index_results_template_name = EMPTY_STATE
    filterset_class = StepFilterSet
    add_view_class = editing.StepCreateView
    copy_view_class = editing.GatedCopyView
    edit_view_class = editing.StepEditView
    workflow_action_view_class = editing.GatedWorkflowActionView
    preview_on_add_view_class = preview_views.NewMailPreview
    preview_on_edit_view_class = preview_views.MailPreview
    unpublish_view_class = actions.UnpublishMailView
    edit_template_name = "wagtail_drip/admin/step_edit.html"
    edit_handler = panels.step_panels()
    list_display = [
        "name",
        Column("channel", label=_("Channel"), accessor=channel_label, classname=WIDE),
        "subject",
        LiveStatusTagColumn(label=_("Status")),
        UpdatedAtColumn(label=_("Updated"), classname=WIDE),
    ]

    @property
    def unpublish_view(self) -> Any:
        return self.construct_view(
            self.unpublish_view_class, template_name="wagtail_drip/admin/confirm_unpublish.html"
        )

    def get_urlpatterns(self) -> list[Any]:
        test = self.construct_view(testing.TestView)
        preview = self.construct_view(testing.PreviewAsView)
        checks = self.construct_view(mail_checks.ChecksView)
        results_ = self.construct_view(step_results.StepResultsView)
        return [
            *super().get_urlpatterns(),
            path("test/<int:pk>/", test, name="test"),
            path("for/<int:pk>/", preview, name="preview"),
            path("checks/<int:pk>/", checks, name="checks"),
            path("results/<int:pk>/", results_, name="results"),
        ]


class SharedContentIndexView(ListMixin, snippets.IndexView):
    empty = _(
        "Shared content is written once and stands in several mails: opening hours, an offer, a "
        "signature. What is published here shows in the next mail that goes out."
    )


class SharedContentViewSet(SiteBound):
    model = SharedContent
    icon = "copy"
    menu_label = _("Shared content")
    menu_order = 2
    copy_view_enabled = False
    index_view_class = SharedContentIndexView
    add_view_class = editing.GatedCreateView
    edit_view_class = editing.GatedEditView
    workflow_action_view_class = editing.GatedWorkflowActionView
    index_results_template_name = EMPTY_STATE
    edit_handler = panels.shared_content_panels()
    list_display = [
        "name",
        LiveStatusTagColumn(label=_("Status")),
        UpdatedAtColumn(label=_("Updated"), classname=WIDE),
    ]


class TopicViewSet(SiteBound):
    model = Topic
    icon = "tag"
    menu_label = _("Mailing topics")
    menu_order = 3
    index_view_class = TopicIndexView
    index_results_template_name = EMPTY_STATE
    add_view_class = TopicCreateView
    edit_view_class = TopicEditView
    edit_handler = panels.topic_panels()
    list_display = [
        "name",
        Column("channel", label=_("What people get"), accessor="get_channel_display"),
        Column("description", label=_("Description"), classname=WIDE),
        NumberColumn("people", label=_("People who chose it")),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        granted = Q(consents__state=Consent.State.GRANTED)
        return within(Topic.objects.all(), request.user).annotate(
            people=Count("consents", filter=granted)
        )


class SiteSettingsViewSet(SiteBound):
    model = SiteSettings
    icon = "cog"
    menu_label = _("Drip campaigns")
    add_to_settings_menu = True
    copy_view_enabled = False
    index_view_class = SiteSettingsIndexView
    index_results_template_name = EMPTY_STATE
    edit_handler = panels.site_settings_panels()
    list_display = [
        "site",
        BooleanColumn("track_clicks", label=_("Clicks are seen")),
        BooleanColumn("track_opens", label=_("Opens are seen")),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SiteSettings]:
        return within(SiteSettings.objects.select_related("site"), request.user)


class BrandIndexView(ListMixin, snippets.IndexView):
    empty = _(
        "Logo, colors, fonts and the foot of all mails of a site. Without it they look plain."
    )


class BrandViewSet(SiteBound):
    model = SiteBrand
    icon = "view"
    menu_label = _("Look of the mails")
    menu_order = 9
    copy_view_enabled = False
    index_view_class = BrandIndexView
    index_results_template_name = EMPTY_STATE
    edit_handler = panels.brand_panels()
    list_display = ["site", "name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SiteBrand]:
        return within(SiteBrand.objects.select_related("site"), request.user)


class DripGroup(snippets.SnippetViewSetGroup):
    """One menu group for what is edited and what was recorded."""

    items = (
        CampaignViewSet,
        StepViewSet,
        SharedContentViewSet,
        TopicViewSet,
        SegmentViewSet,
        CapViewSet,
        TagViewSet,
        AttributeViewSet,
        SuppressionViewSet,
        FarewellViewSet,
        BrandViewSet,
        ApiKeyViewSet,
    )
    menu_label = _("Drip")
    menu_name = "drip"
    menu_icon = "drip"
    menu_order = 560

    def get_submenu_items(self) -> list[Any]:
        # Wagtail 8 has `submenu_hook` for this; 7.4 has nothing, and this works on both.
        records = [r.get_menu_item(order=10 + n) for n, r in enumerate(RECORDS)]
        return [*super().get_submenu_items(), gallery.GalleryItem(), tasks.TasksItem(), *records]
