"""Registration only. Our own built-ins come through the same hooks as an integrator's."""

from __future__ import annotations

from django.apps import apps
from django.urls import include, path
from wagtail import hooks
from wagtail.contrib.settings.registry import register_setting
from wagtail.snippets.models import register_snippet

from .admin import (
    actions,
    block_adapters,
    chips,
    contact_editing,
    contact_imports,
    contacts,
    deleting,
    drafting,
    gallery,
    home,
    lifecycle,
    log_entries,
    people_chooser,
    permissions,
    previewing,
    records,
    resolving,
    segments,
    sites,
    tasks,
    used_objects,
)
from .admin.snippets import DripGroup, SiteSettingsViewSet
from .channels import email, sms, staff, webhook
from .content import blocks as email_blocks
from .content import (
    coupons,
    layout_blocks,
    lines_block,
    merge_fields,
    pages_block,
    raw_block,
    recommendations,
)
from .engine import tasking
from .engine.files import recipes
from .flow import builtin as flow_blocks
from .flow import occasions, triggers
from .integrations import allauth
from .models import SendingTimes, conditional_block, matching, shared_content, words


@hooks.register("register_drip_triggers")
def register_triggers():
    return {**triggers.builtin(), **occasions.builtin(), **allauth.triggers()}


@hooks.register("register_drip_conditions")
def register_conditions():
    return matching.builtin()


@hooks.register("register_drip_merge_fields")
def register_merge_fields():
    return {**merge_fields.builtin(), **words.builtin()}


@hooks.register("register_drip_flow_blocks")
def register_flow_blocks():
    return flow_blocks.builtin()


@hooks.register("register_drip_email_blocks")
def register_email_blocks():
    return {
        **email_blocks.builtin(),
        **layout_blocks.builtin(),
        **pages_block.builtin(),
        **lines_block.builtin(),
        **recommendations.builtin(),
        **coupons.builtin(),
        **raw_block.builtin(),
        **conditional_block.builtin(),
        **shared_content.builtin(),
    }


@hooks.register("register_drip_channels")
def register_channels():
    return {
        "email": email.EmailChannel(),
        "sms": sms.SmsChannel(),
        "webhook": webhook.WebhookChannel(),
        "task": staff.TaskChannel(tasking.lay_down),
    }


@hooks.register("register_drip_recipes")
def register_recipes():
    return recipes.builtin()


register_snippet(DripGroup)
register_snippet(SiteSettingsViewSet)
if apps.is_installed("wagtail.contrib.settings"):
    register_setting(SendingTimes, icon="time")

for record in records.RECORDS:
    record.register_with_wagtail()


@hooks.register("register_admin_urls")
def register_admin_urls():
    patterns = [
        path("recipes/", gallery.GalleryView.as_view(), name="recipes"),
        path("recipes/<str:recipe>/", gallery.RecipeView.as_view(), name="recipe"),
        path("write-mail/", drafting.write_mail, name="write_mail"),
        path("lifecycle/", lifecycle.LifecycleView.as_view(), name="lifecycle"),
        path("resolve/", resolving.resolve, name="resolve"),
        path("contacts/choose/", contacts.choose, name="choose"),
        path("contacts/act/<slug:slug>/", contacts.ActView.as_view(), name="act"),
        path("contacts/export/", contacts.export_people, name="export_people"),
        path("contacts/add/", contact_editing.AddView.as_view(), name="add_contact"),
        path("contacts/edit/<int:pk>/", contact_editing.EditView.as_view(), name="edit_contact"),
        path("imports/", contact_imports.ImportsView.as_view(), name="imports"),
        path("imports/upload/", contact_imports.UploadView.as_view(), name="upload_contacts"),
        path("imports/<int:pk>/", contact_imports.ImportView.as_view(), name="import"),
        path("imports/<int:pk>/columns/", contact_imports.MapView.as_view(), name="map_import"),
        path("imports/<int:pk>/refused/", contact_imports.download_refused, name="refused"),
        path("imports/<int:pk>/<slug:wish>/", contact_imports.go, name="go_import"),
        path("tasks/", tasks.TasksView.as_view(), name="tasks"),
        path("tasks/<int:pk>/", tasks.TaskView.as_view(), name="task"),
        path("tasks/<int:pk>/letter/", tasks.LetterView.as_view(), name="letter"),
        path("segments/count/", segments.count_typed, name="count_typed"),
        path("segments/<int:pk>/count/", segments.count_saved, name="count_segment"),
        path(
            "segments/<int:pk>/people/", segments.SegmentPeopleView.as_view(), name="segment_people"
        ),
    ]
    return [path("drip/", include((patterns, "wagtail_drip_admin")))]


@hooks.register("register_admin_viewset")
def register_people_chooser():
    return people_chooser.people_chooser


@hooks.register("register_permissions")
def register_permissions():
    return permissions.by_hand()


@hooks.register("register_icons")
def register_icons(icons):
    return [*icons, "wagtail_drip/admin/icons/drip.svg"]


block_adapters.connect()
previewing.connect()
hooks.register("register_rich_text_features", chips.register)
hooks.register("register_log_actions", log_entries.register)
hooks.register("construct_snippet_action_menu", actions.campaign_actions)
hooks.register("register_reports_menu_item", lifecycle.menu_item)
hooks.register("construct_homepage_panels", home.add_panel)
hooks.register("before_delete_snippet", deleting.refuse_deleting)
hooks.register("before_bulk_action", sites.check_bulk_action)
for name in ("before_unpublish_page", "before_unpublish"):
    hooks.register(name, used_objects.ask_again)
for name in ("before_delete_page", "before_delete_snippet"):
    hooks.register(name, used_objects.warn)
hooks.register("construct_main_menu", used_objects.warn_before_the_question)
hooks.register("before_bulk_action", used_objects.ask_again_in_bulk)
hooks.register("register_admin_urls", used_objects.deleting_views, order=-1)
