"""Addresses that get no mail: look one up, add one by hand, lift one by hand.

The list knows addresses by their hashes alone, so it can be asked about one and shows none. What
people do here stands in Wagtail's log.
"""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.forms.models import WagtailAdminModelForm
from wagtail.admin.panels import FieldPanel, ObjectList
from wagtail.admin.ui.tables import Column, DateColumn
from wagtail.log_actions import log
from wagtail.snippets.views import snippets

from ..engine import leaving
from ..models import Suppression
from ..models.addresses import keyed_hashes, normalize_any
from ..models.consent import standing_against
from .farewells import NoEditView


class SuppressionForm(WagtailAdminModelForm):
    address = forms.CharField(
        label=gettext_lazy("E-mail address or phone number"),
        max_length=254,
        help_text=gettext_lazy("Kept as a hash: afterwards nobody can read it here."),
    )

    class Meta:
        model = Suppression
        fields = ["scope", "note"]

    def clean_address(self) -> str:
        try:
            address = normalize_any(self.cleaned_data["address"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if found := standing_against(address):
            text = _("This address is suppressed already: %s.") % found
            raise forms.ValidationError(text)
        return address

    def save(self, commit: bool = True) -> Suppression:
        """Whose address it is leaves what is under way, too."""
        address = self.cleaned_data["address"]
        leaving.shut_out(
            address,
            reason=Suppression.Reason.MANUAL,
            scope=self.cleaned_data["scope"],
            note=self.cleaned_data["note"],
            at=timezone.now(),
        )
        found = standing_against(address)
        if found is None:
            raise RuntimeError("It was lifted in the same moment.")
        self.instance = found
        return found


class SuppressionFilterSet(WagtailFilterSet):
    reason = django_filters.ChoiceFilter(
        label=gettext_lazy("Reason"), choices=Suppression.Reason.choices
    )
    scope = django_filters.ChoiceFilter(
        label=gettext_lazy("Scope"), choices=Suppression.Scope.choices
    )

    class Meta:
        model = Suppression
        fields = ["reason", "scope"]


class SuppressionIndexView(snippets.IndexView):
    """A whole address finds its suppression; any other text is looked for in the notes."""

    search_fields = ["note"]

    def search_queryset(self, queryset: QuerySet[Suppression]) -> QuerySet[Suppression]:
        try:
            hashes = keyed_hashes(normalize_any(self.search_query)) if self.is_searching else []
        except ValueError:
            return super().search_queryset(queryset)
        return queryset.filter(address_hash__in=hashes) if hashes else queryset

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        empty = gettext_lazy(
            "Addresses that bounced, complained, left everything or were added by hand get no "
            "mail, and numbers that answered STOP no text messages. They are kept as hashes: "
            "search for a whole address or number to find out about it."
        )
        return {**super().get_context_data(*args, **kwargs), "empty": empty}

    def get_edit_url(self, instance: Suppression) -> None:
        return None

    def get_list_more_buttons(self, instance: Suppression) -> list[Any]:
        buttons = super().get_list_more_buttons(instance)
        for button in buttons:
            if button.url == self.get_delete_url(instance):
                button.label = _("Lift")
        return buttons


class AddView(snippets.CreateView):
    success_message = gettext_lazy("The address is suppressed: %(object)s.")

    def save_instance(self) -> Suppression:
        instance = self.form.save()
        log(
            instance=instance, action="wagtail.create", user=self.request.user, content_changed=True
        )
        return instance

    def get_success_buttons(self) -> list[Any]:
        return []


class LiftView(snippets.DeleteView):
    page_title = gettext_lazy("Lift")
    success_message = gettext_lazy("Lifted: %(object)s.")

    @property
    def confirmation_message(self) -> str:
        return _("The address may get mail again, as far as its owner wants any. Lift it?")


class SuppressionViewSet(snippets.SnippetViewSet):
    model = Suppression
    icon = "cross"
    menu_label = gettext_lazy("Suppressed addresses")
    menu_order = 7
    copy_view_enabled = False
    inspect_view_enabled = True
    inspect_view_fields = ["reason", "scope", "note", "created_at", "address_hash"]
    index_view_class = SuppressionIndexView
    index_results_template_name = "wagtail_drip/admin/index_results.html"
    add_view_class = AddView
    edit_view_class = NoEditView
    delete_view_class = LiftView
    filterset_class = SuppressionFilterSet
    edit_handler = ObjectList(
        [FieldPanel("address"), FieldPanel("scope"), FieldPanel("note")],
        base_form_class=SuppressionForm,
    )
    list_display = [
        "__str__",
        Column("note", label=gettext_lazy("Note"), classname="drip-wide"),
        DateColumn("created_at", label=gettext_lazy("Since"), sort_key="pk"),
    ]
    ordering = ["-pk"]
