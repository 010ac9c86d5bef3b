"""How the site plugs into wagtail-drip, beside what the integration of Oscar brings."""

from __future__ import annotations

from wagtail import hooks

from ..shop import conditions
from . import drip


@hooks.register("register_drip_conditions")
def register_conditions():
    return {"order_total_over": conditions.OrderTotalOver()}


@hooks.register("register_drip_merge_fields")
def register_merge_fields():
    return drip.merge_fields()
