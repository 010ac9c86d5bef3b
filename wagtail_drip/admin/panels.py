"""The tabs and panels of the editors."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import (
    FieldPanel,
    FieldRowPanel,
    MultiFieldPanel,
    ObjectList,
    Panel,
    PublishingPanel,
    TabbedInterface,
    TitleFieldPanel,
)

from .. import registry
from ..content import merge_fields
from ..content.merge_fields import Fields, MergeField
from ..models import Step
from . import results, step_results
from .forms import MAIL, CampaignForm, ColorInput, ShortNameInput, SiteForm, StepForm, TopicForm
from .permissions import may, may_see_campaigns
from .places import campaign_url, step_url

COLORS = _(
    "The accent is for buttons, links and the line above; the mail is the paper, and the ground "
    "lies around it. What readers see on dark screens is made of them."
)
PACE = _(
    "How many mails one person may get is set for all campaigns together, under Frequency caps. "
    "Transactional campaigns are outside of it."
)
SUBJECT = _("What differs for each reader may stand here too; the list is below the body.")


class Tab(ObjectList):
    """A tab whose address (`#tab-flow`) stays the same in every language."""

    def __init__(self, children: Any = (), *args: Any, anchor: str = "", **kwargs: Any) -> None:
        super().__init__(children, *args, **kwargs)
        self.anchor = anchor

    def clone_kwargs(self) -> dict[str, Any]:
        return {**super().clone_kwargs(), "anchor": self.anchor}

    @property
    def clean_name(self) -> str:
        return self.anchor


class WriteMailPanel(Panel):
    """Holds the markup that campaign.js puts into each send block: "Write new mail"."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "wagtail_drip/admin/write_mail.html"

        def is_shown(self) -> bool:
            return may(self.request.user, "add", Step)

        def show_panel_furniture(self) -> bool:
            return False

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            context = super().get_context_data(parent_context)
            choosers = Step.snippet_viewset.chooser_viewset
            return {
                **context,
                "chooser_url": reverse(choosers.get_url_name("choose")),
                "write_url": reverse("wagtail_drip_admin:write_mail"),
            }


class ChannelPanel(Panel):
    """Says by which channel it goes, and hands that on with the form."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "wagtail_drip/admin/channel.html"

        def show_panel_furniture(self) -> bool:
            return False

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            slug = self.instance.channel
            channel = registry.channels().get(slug)
            context = super().get_context_data(parent_context)
            trouble = channel.obstacle() if channel else _("This site has no channel “%s”.") % slug
            return {
                **context,
                "channel": channel,
                "slug": slug,
                "trouble": trouble,
                "is_mail": slug == MAIL,
            }


class MergeFieldsPanel(Panel):
    """Lists what differs from reader to reader, to copy into the mail."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "wagtail_drip/admin/merge_fields.html"

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            known = merge_fields.fields()
            fields = [merge_field(name, field, known) for name, field in known.offered().items()]
            return {**super().get_context_data(parent_context), "fields": fields}


class ResultsPanel(Panel):
    """What the mail has done so far, by campaign and version."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "wagtail_drip/admin/step_results.html"

        def is_shown(self) -> bool:
            return bool(self.instance.pk) and may_see_campaigns(self.request.user)

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            deliveries = step_results.deliveries_of(self.instance, self.request.user)
            rows = [
                (campaign_url(campaign.pk, "results"), campaign, row)
                for campaign, row in step_results.rows_of(self.instance, deliveries)
            ]
            context = super().get_context_data(parent_context)
            columns = [label for _name, label in results.COLUMNS]
            all_url = step_url(self.instance.pk, view="results")
            return {**context, "rows": rows, "columns": columns, "all_url": all_url}


def merge_field(name: str, field: MergeField, known: Fields) -> dict[str, Any]:
    """One row: what to type, what it is, and what a preview shows. chips.js reads it, too."""
    bar = "|" if field.may_be_missing else ""
    group = known.groups.get(name.partition(".")[0]) if "." in name else None
    label = f"{group.label}: {field.label}" if group else str(field.label)
    return {
        "name": name,
        "token": "{{ " + name + bar + " }}",
        "label": label,
        "sample": str(field.sample),
        "missing": field.may_be_missing,
    }


def name_panel() -> TitleFieldPanel:
    """The name; while nothing is live, the short name follows it."""
    return TitleFieldPanel("name", placeholder=False, classname="", required_on_save=True)


def short_name_panel(help_text: Any) -> FieldPanel:
    return FieldPanel("slug", widget=ShortNameInput, required_on_save=False, help_text=help_text)


def shown_for(field: str, *values: str) -> dict[str, str]:
    """Attributes of a panel inside a `w-rules` group: shown while `field` has such a value."""
    return {"data-w-rules-target": "show", "data-w-rules": json.dumps({field: list(values)})}


def sender_panel(*more: str, otherwise: Any) -> MultiFieldPanel:
    return MultiFieldPanel(
        [
            FieldRowPanel([FieldPanel("sender_name"), FieldPanel("sender_email")]),
            *(FieldPanel(name) for name in more),
        ],
        heading=_("Sender"),
        help_text=otherwise,
    )


def campaign_panels() -> TabbedInterface:
    start = [
        name_panel(),
        FieldPanel("trigger", widget=forms.Select),
        FieldPanel("audience"),
        FieldPanel("leave_audience"),
        MultiFieldPanel(
            [
                FieldPanel("entry_rule", widget=forms.RadioSelect),
                FieldPanel("entry_days", attrs=shown_for("entry_rule", "again_after")),
                FieldPanel("not_while", widget=forms.CheckboxSelectMultiple),
                FieldPanel("takes_over", widget=forms.CheckboxSelectMultiple),
            ],
            heading=_("How often"),
            attrs={"data-controller": "w-rules", "data-action": "change->w-rules#resolve"},
        ),
        FieldPanel("goals"),
    ]
    flow_help = _("What happens to each person, from top to bottom. Begin with the plus.")
    flow = [FieldPanel("flow", classname="drip-flow", help_text=flow_help), WriteMailPanel()]
    settings = [
        FieldPanel("site"),
        short_name_panel(_("Names the campaign in reports and commands.")),
        FieldPanel("stage"),
        MultiFieldPanel(
            [
                FieldPanel("topic"),
                FieldPanel("sms_topic", widget=forms.Select),
                FieldPanel("transactional_reason"),
            ],
            heading=_("Who may get it"),
        ),
        sender_panel("reply_to", otherwise=_("Leave empty to send as the site does.")),
        MultiFieldPanel(
            [
                FieldPanel("time_zone", widget=forms.Select),
                FieldPanel("priority"),
                FieldPanel("holds_others"),
                FieldPanel("rate"),
            ],
            heading=_("Pace"),
            help_text=PACE,
        ),
        MultiFieldPanel([FieldPanel("by_hand"), FieldPanel("by_hand_for")], heading=_("By hand")),
        MultiFieldPanel(
            [FieldPanel("track_clicks"), FieldPanel("track_opens"), FieldPanel("utm_source")],
            heading=_("Clicks and opens"),
        ),
        PublishingPanel(),
    ]
    return TabbedInterface(
        [
            Tab(start, heading=_("Start"), anchor="start"),
            Tab(flow, heading=_("Flow"), anchor="flow"),
            Tab(settings, heading=_("Settings"), anchor="settings"),
        ],
        base_form_class=CampaignForm,
    )


def step_panels() -> ObjectList:
    return ObjectList(
        [
            ChannelPanel(),
            FieldPanel("name", required_on_save=True),
            FieldPanel("subject", help_text=SUBJECT),
            FieldPanel("preheader"),
            FieldPanel("body"),
            FieldPanel("message"),
            MergeFieldsPanel(heading=_("Words that differ for each reader"), icon="tag"),
            sender_panel(otherwise=_("Leave empty to send as the campaign does.")),
            FieldPanel("stage"),
            FieldPanel("site"),
            ResultsPanel(heading=_("Results"), icon="list-ul"),
            PublishingPanel(),
        ],
        base_form_class=StepForm,
    )


def shared_content_panels() -> ObjectList:
    return ObjectList(
        [
            FieldPanel("name", required_on_save=True),
            FieldPanel("body"),
            FieldPanel("site"),
            PublishingPanel(),
        ],
        base_form_class=StepForm,
    )


def site_settings_panels() -> ObjectList:
    tracking = [FieldPanel("track_clicks"), FieldPanel("track_opens")]
    return ObjectList(
        [FieldPanel("site"), MultiFieldPanel(tracking, heading=_("Clicks and opens"))]
    )


def topic_panels() -> ObjectList:
    return ObjectList(
        [
            name_panel(),
            FieldPanel("channel", widget=forms.RadioSelect),
            FieldPanel("description"),
            FieldPanel("public"),
            MultiFieldPanel(
                [
                    FieldPanel("opt_in", widget=forms.RadioSelect),
                    FieldPanel("wording"),
                    FieldPanel("expires_months"),
                ],
                heading=_("Consent"),
            ),
            short_name_panel(_("Names the topic in reports and commands.")),
            FieldPanel("site"),
        ],
        base_form_class=TopicForm,
    )


def brand_panels() -> ObjectList:
    colors = [FieldPanel(name, widget=ColorInput) for name in ("accent", "words", "card", "ground")]
    return ObjectList(
        [
            FieldPanel("site"),
            FieldPanel("name"),
            FieldRowPanel([FieldPanel("logo"), FieldPanel("dark_logo")], heading=_("Logo")),
            FieldRowPanel(colors, heading=_("Colors"), help_text=COLORS),
            MultiFieldPanel(
                [FieldPanel("heading_font"), FieldPanel("body_font"), FieldPanel("width")],
                heading=_("Letters and width"),
            ),
            MultiFieldPanel(
                [FieldPanel("footer"), FieldPanel("postal_address"), FieldPanel("social")],
                heading=_("Foot"),
            ),
        ],
        base_form_class=SiteForm,
    )
