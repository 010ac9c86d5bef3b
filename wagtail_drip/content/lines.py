"""What a person ordered, or has in their cart, as mails show it.

A site says where its orders are by an adapter, named in the setting LINES. The one that comes with
the package reads them out of the events that the site records (models/event_lines.py).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from django.utils.formats import number_format
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ..conf import conf
from .personalizing import Hold, Recipient

Kind = Literal["order", "cart"]
Which = Literal["event", "latest"]  # what made the person enter, or the latest of theirs


@dataclass(frozen=True)
class Line:
    """One thing of an order. `price` of one piece; None: not shown."""

    title: str
    quantity: int = 1
    price: Decimal | None = None
    url: str = ""  # absolute, or relative to the brand's address
    image: Any = None  # a Wagtail image
    ref: Hashable = None  # of the product; then address and image come from there, where not given

    @property
    def sum(self) -> Decimal | None:
        return None if self.price is None else self.price * self.quantity


@dataclass(frozen=True)
class Lines:
    """An order or a cart. `extras`: what is added or taken off before the total, by its name."""

    lines: Sequence[Line]
    total: Decimal | None = None
    currency: str = ""
    extras: Sequence[tuple[str, Decimal]] = ()
    url: str = ""  # where the person sees it on the site
    url_label: str = ""


class LinesAdapter:
    """Where orders and carts are found. Subclass, and name it in WAGTAIL_DRIP_LINES."""

    # Names of the events that are orders: what makes customers of people (models/lifecycle.py).
    order_events: tuple[str, ...] = ("order_placed",)

    def orders(
        self, recipients: Sequence[Recipient], which: Which
    ) -> Mapping[int, Lines | Hold | None]:
        """By `Recipient.id`, in a number of queries that doesn't grow with the recipients.

        `which`: the order that made them enter ("event"), or their latest. None: no row.
        """
        raise NotImplementedError

    def carts(
        self, recipients: Sequence[Recipient], which: Which
    ) -> Mapping[int, Lines | Hold | None]:
        """The same for carts."""
        raise NotImplementedError

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount as people read it; called with the language of the mail active."""
        # Twice 11.5 is 23.0: one decimal is none that anybody writes.
        exact = amount.as_tuple().exponent
        places = 2 if not isinstance(exact, int) or exact < 0 else 0
        number = number_format(amount, places, use_l10n=True, force_grouping=True)
        return f"{number}\u00a0{currency}" if currency else number

    def sample(self, kind: Kind) -> Lines:
        """What previews show."""
        lines = [
            Line(_("Something fine"), 2, Decimal("11.50"), "/"),
            Line(_("Something else"), 1, Decimal("12.00"), "/"),
        ]
        return Lines(lines, Decimal("35.00"), url="/")


def adapter() -> LinesAdapter:
    """The site's adapter, by the setting."""
    return import_string(conf.LINES)()
