"""Orders and carts as Oscar has them, not as an event told of them, which may be years old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import OuterRef, Q, Subquery
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from oscar.core.loading import get_model
from oscar.templatetags.currency_filters import currency as written

from ...content.lines import Line, Lines, Which
from ...content.personalizing import Recipient
from ...models.event_lines import EventLines, latest_data
from .describing import price, title


class OscarLines(EventLines):
    # Each is about an order, and the number in it leads there; only the first one is an order.
    told_of = ("order_placed", "order_status_changed")
    cart_events = ("cart_changed", "cart_abandoned", "checkout_started")

    def orders(self, recipients: Sequence[Recipient], which: Which) -> Mapping[int, Any]:
        """By the number in the event's data, else their latest. Six queries.

        A guest's orders are found by our events: Oscar has no index on their address.
        """
        asked = {one.id: number(one.data) if which == "event" else "" for one in recipients}
        rest = [one for one in recipients if not asked[one.id]]
        told = latest_data([one.contact_id for one in rest], self.told_of) if rest else {}
        asked |= {one.id: number(told.get(one.contact_id)) for one in rest}
        of_account = {one.id: one.user_id for one in rest if one.user_id}
        wanted = Q(number__in=set(filter(None, asked.values())))
        if of_account:
            wanted |= Q(pk__in=latest_of(set(of_account.values())))
        orders = get_model("order", "Order").objects.filter(wanted).order_by("date_placed", "pk")
        rows = list(orders.select_related("user").prefetch_related("lines__product__parent"))
        by_number = {order.number: order for order in rows}
        by_user = {order.user_id: order for order in rows}  # the latest of each
        found = {
            one.id: by_user.get(of_account.get(one.id, "")) or by_number.get(asked[one.id])
            for one in recipients
        }
        return {id: of_order(order) if order else None for id, order in found.items()}

    def carts(self, recipients: Sequence[Recipient], which: Which) -> Mapping[int, Any]:
        """The open cart of the account, or the guest's own; as it was, where that is asked."""
        if which == "event":
            return super().carts(recipients, which)
        model = get_model("basket", "Basket")
        contacts = {one.contact_id for one in recipients}
        theirs = Q(owner__drip_contact__in=contacts) | Q(drip_guest__contact__in=contacts)
        rows = model.objects.filter(theirs, status=model.OPEN).order_by("pk")
        rows = rows.select_related("drip_guest", "owner__drip_contact")
        found: dict[int, Any] = {}
        for basket in rows.prefetch_related("lines__product__parent"):
            for contact in _people(basket):
                found[contact] = of_basket(basket) or found.get(contact)
        return {one.id: found.get(one.contact_id) for one in recipients}

    def money(self, amount: Decimal, currency: str) -> str:
        return written(amount, currency or None)


def latest_of(users: set[Any]) -> Any:
    """The primary keys of their latest orders."""
    theirs = get_model("order", "Order").objects.filter(user=OuterRef("pk"))
    latest = theirs.order_by("-date_placed", "-pk").values("pk")[:1]
    accounts = get_user_model().objects.filter(pk__in=users).annotate(latest=Subquery(latest))
    return accounts.filter(latest__isnull=False).order_by().values("latest")


def number(data: Any) -> str:
    value = data.get("order") if isinstance(data, Mapping) else None
    return str(value)[:128] if isinstance(value, str | int) and value else ""


def _people(basket: Any) -> list[int]:
    found = []
    for end, name in ((basket.owner, "drip_contact"), (basket, "drip_guest")):
        try:
            row = getattr(end, name)
        except (ObjectDoesNotExist, AttributeError):
            continue
        found.append(row.pk if name == "drip_contact" else row.contact_id)
    return found


def of_order(order: Any) -> Lines | None:
    lines = [_line(line) for line in order.lines.all()]
    whole = sum((one.sum or Decimal() for one in lines), Decimal())
    shipping = order.shipping_incl_tax
    # Whatever else was added or taken off, by offers, vouchers and surcharges, in one.
    rest = order.total_incl_tax - shipping - whole
    extras = [(_("Discount") if rest < 0 else _("Surcharge"), rest)] if rest else []
    if shipping:
        extras.append((str(order.shipping_method) or _("Shipping"), shipping))
    if not lines:
        return None
    return Lines(lines, order.total_incl_tax, order.currency, extras, url_of(order))


def of_basket(basket: Any) -> Lines | None:
    rows = list(basket.lines.all())
    lines = [_line(line) for line in rows]
    if not lines:
        return None
    sums = [one.sum for one in lines]
    total = None if None in sums else sum(filter(None, sums), Decimal())
    return Lines(lines, total, rows[0].price_currency, url=_address("basket:summary"))


def _line(line: Any) -> Line:
    return Line(title(line), line.quantity, price(line), ref=line.product_id)


def url_of(order: Any) -> str:
    """Where the buyer sees it: in their account, or by a signed address as a guest."""
    if order.user_id:
        return _address("customer:order", order_number=order.number)
    signed = order.verification_hash()
    return _address("customer:anon-order", order_number=order.number, hash=signed)


def _address(name: str, **kwargs: Any) -> str:
    try:
        return reverse(name, kwargs=kwargs)
    except NoReverseMatch:  # a shop without these pages
        return ""
