"""Choosing a contact in a form: for those who may see who gets mail, among those of their sites."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms.choosers import BaseFilterForm
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic import chooser
from wagtail.admin.viewsets.chooser import ChooserViewSet

from ..models import Contact
from .permissions import may, may_see_people
from .record_search import found
from .record_views import BoundedPaginator
from .sites import within


def may_choose_people(user: Any) -> bool:
    return may(user, "view", Contact) and may_see_people(user)


def people_of(user: Any) -> QuerySet[Contact]:
    """Whom this user may choose: those of their sites, and nobody who was erased."""
    return within(Contact.objects.filter(erased_at=None), user)


class SearchForm(BaseFilterForm):
    q = forms.CharField(
        label=_("Search term"),
        required=False,
        widget=forms.TextInput({"placeholder": _("Address or name")}),
    )

    def filter(self, objects: QuerySet[Contact]) -> QuerySet[Contact]:
        if query := self.cleaned_data.get("q"):
            self.is_searching, self.search_query = True, query
            return found(objects, query)
        return objects


class PeopleOnly:
    request: HttpRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_choose_people(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]


class Listing(PeopleOnly):
    filter_form_class = SearchForm
    paginator_class = BoundedPaginator
    ordering = ["-created_at", "-pk"]

    def get_object_list(self) -> QuerySet[Contact]:
        return people_of(self.request.user)

    @property
    def columns(self) -> list[Column]:
        [address] = super().columns  # type: ignore[misc]
        address.label = _("E-mail address")
        return [address, Column("name", label=_("Name"), accessor=_name)]


def _name(contact: Contact) -> str:
    return f"{contact.first_name} {contact.last_name}".strip()


class ChoosePeople(Listing, chooser.ChooseView):
    pass


class ChoosePeopleResults(Listing, chooser.ChooseResultsView):
    pass


class Chosen(PeopleOnly, chooser.ChosenView):
    def get_object(self, pk: Any) -> Contact:
        return people_of(self.request.user).get(pk=pk)


class PeopleChooser(ChooserViewSet):
    model = Contact
    icon = "user"
    choose_one_text = _("Choose a contact")
    choose_another_text = _("Choose another contact")
    edit_item_text = _("Look at this contact")
    register_widget = False
    choose_view_class = ChoosePeople
    choose_results_view_class = ChoosePeopleResults
    chosen_view_class = Chosen

    def get_urlpatterns(self) -> list[Any]:
        """One at a time, and none is made here: the other views would ask for no right."""
        offered = ("choose", "choose_results", "chosen")
        return [url for url in super().get_urlpatterns() if url.name in offered]


people_chooser = PeopleChooser("drip_people", url_prefix="drip/choose-contact")
