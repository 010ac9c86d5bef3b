"""A condition of the bookshop's own: what the order that started the series comes to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Case, DecimalField, Model, Q, Value, When
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan, Regex
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.blocks import IntegerBlock, StructBlock

from wagtail_drip.flow.conditions import ENROLLMENT, Condition
from wagtail_drip.models import Enrollment
from wagtail_drip.models.json_keys import JsonText

MONEY = DecimalField(max_digits=12, decimal_places=2)
NUMBER = r"^[0-9]{1,9}([.][0-9]+)?$"


class OrderTotalBlock(StructBlock):
    amount = IntegerBlock(label=gettext_lazy("Euros"), min_value=0, default=20)

    class Meta:
        label = gettext_lazy("Their order comes to more than")
        label_format = gettext_lazy("their order comes to more than € {amount}")
        icon = "tag"


class OrderTotalOver(Condition):
    """args: amount (whole euros). Asks the data of the event that started the series."""

    slug = "order_total_over"
    label = gettext_lazy("their order comes to more than …")

    def block(self) -> OrderTotalBlock:
        return OrderTotalBlock()

    def sentence(self, args: Mapping[str, Any]) -> str:
        return _("their order comes to more than € %s") % args.get("amount", "…")

    def check(self, args: Mapping[str, Any], subject: str = ENROLLMENT) -> list[str]:
        if subject != ENROLLMENT:
            return [_("an order's total can't be asked before an order started the series")]
        amount = args.get("amount")
        return [] if type(amount) is int and amount >= 0 else [_("it needs an amount in euros")]

    def saw(self, args: Mapping[str, Any], subject: type[Model], now: datetime) -> JsonText:
        return JsonText("data", "total")

    def q(self, args: Mapping[str, Any], subject: type[Model], now: datetime) -> Q:
        if not issubclass(subject, Enrollment):
            raise ValueError("an order's total can be asked of an enrollment only")
        total = JsonText("data", "total")
        # Anything may stand in an event's data, and a database refuses to make a number of it.
        amount = Case(
            When(Regex(total, NUMBER), then=Cast(total, MONEY)),
            default=Value(Decimal(), MONEY),
            output_field=MONEY,
        )
        return Q(GreaterThan(amount, Value(Decimal(args["amount"]), MONEY)))
