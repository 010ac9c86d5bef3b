"""The site's own pages; products, carts and orders are Oscar's."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from oscar.core.loading import get_model
from wagtail.admin.panels import FieldPanel
from wagtail.fields import RichTextField
from wagtail.models import Page


class StorePage(Page):
    """Words of the editors', and below them what is on the shelves."""

    intro = RichTextField(_("introduction"), blank=True, features=["bold", "italic", "link"])

    content_panels = [*Page.content_panels, FieldPanel("intro")]

    class Meta:
        verbose_name = _("page with products")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        products = get_model("catalogue", "Product").objects.browsable().base_queryset()
        categories = get_model("catalogue", "Category").objects.browsable()
        wanted = request.GET.get("category", "")
        if (
            category := categories.filter(pk=wanted).first()
            if wanted.isascii() and wanted.isdecimal() and len(wanted) < 10
            else None
        ):
            products = products.filter(categories=category)
        found = products.order_by("-date_created", "-pk")[:24]
        return {**context, "products": found, "category": category}
