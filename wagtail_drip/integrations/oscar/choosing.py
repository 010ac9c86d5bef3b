"""Choosing a product in the admin, for a mail that shows the same one to everybody."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from oscar.core.loading import get_model
from wagtail.admin.forms.choosers import BaseFilterForm
from wagtail.admin.views.generic import chooser
from wagtail.admin.viewsets.chooser import ChooserViewSet


class SearchForm(BaseFilterForm):
    q = forms.CharField(label=_("Search term"), required=False)

    def filter(self, objects: QuerySet[Any]) -> QuerySet[Any]:
        if query := self.cleaned_data.get("q"):
            self.is_searching, self.search_query = True, query
            return objects.filter(Q(title__icontains=query) | Q(upc=query))
        return objects


class Listing:
    filter_form_class = SearchForm
    ordering = ["title", "pk"]

    def get_object_list(self) -> QuerySet[Any]:
        """What everybody may see in the shop."""
        return get_model("catalogue", "Product").objects.browsable()


class ChooseProduct(Listing, chooser.ChooseView):
    pass


class ChooseProductResults(Listing, chooser.ChooseResultsView):
    pass


class Chosen(chooser.ChosenView):
    def get_object(self, pk: Any) -> Any:
        return Listing().get_object_list().get(pk=pk)


class ProductChooser(ChooserViewSet):
    model = "catalogue.Product"
    icon = "tag"
    choose_one_text = _("Choose a product")
    choose_another_text = _("Choose another product")
    edit_item_text = _("Look at this product")
    register_widget = False
    choose_view_class = ChooseProduct
    choose_results_view_class = ChooseProductResults
    chosen_view_class = Chosen

    def get_urlpatterns(self) -> list[Any]:
        """None is made here, and one is chosen at a time."""
        offered = ("choose", "choose_results", "chosen")
        return [url for url in super().get_urlpatterns() if url.name in offered]


product_chooser = ProductChooser("drip_oscar_product", url_prefix="drip/choose-product")
