"""How a site plugs into wagtail-drip, and its own lists in the admin."""

from __future__ import annotations

from wagtail import hooks
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from . import conditions, drip
from .models import DiscountCode, Order


@hooks.register("register_drip_triggers")
def register_triggers():
    return drip.triggers()


@hooks.register("register_drip_conditions")
def register_conditions():
    return {"order_total_over": conditions.OrderTotalOver()}


@hooks.register("register_drip_merge_fields")
def register_merge_fields():
    return drip.merge_fields()


class Orders(SnippetViewSet):
    model = Order
    icon = "tag"
    list_display = ["__str__", "first_name", "total", "created_at"]
    inspect_view_enabled = True
    inspect_view_fields = [
        "contents",
        "total",
        "code",
        "first_name",
        "email",
        "address",
        "created_at",
    ]


class Codes(SnippetViewSet):
    model = DiscountCode
    icon = "key"
    list_display = ["code", "email", "percent", "book", "used_at"]


class Shop(SnippetViewSetGroup):
    menu_label = "Bookshop"
    menu_icon = "clipboard-list"
    items = (Orders, Codes)


register_snippet(Shop)
