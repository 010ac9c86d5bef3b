"""Time travel takes the shop along: a cart grows as old as all else (for demos and tests)."""

from __future__ import annotations

from oscar.core.loading import get_model

from ...engine.time_travel import MOMENTS


def connect() -> None:
    MOMENTS[get_model("basket", "Basket")] = ("date_created", "date_merged", "date_submitted")
    MOMENTS[get_model("basket", "Line")] = ("date_created", "date_updated")
    MOMENTS[get_model("order", "Order")] = ("date_placed",)
    MOMENTS[get_model("voucher", "Voucher")] = ("start_datetime", "end_datetime", "date_created")
