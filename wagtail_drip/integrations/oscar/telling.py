"""What happens in the shop becomes events, by Oscar's own signals.

Wish lists, alerts and lines that are taken out have none: there it is Django's of their models.
Whatever goes wrong in here is logged; who is buying never notices.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal
from django.utils import timezone
from oscar.apps.basket.signals import basket_addition
from oscar.apps.catalogue.signals import product_viewed
from oscar.apps.checkout.signals import start_checkout
from oscar.apps.customer.signals import user_registered
from oscar.apps.order.signals import order_placed, order_status_changed
from oscar.core.loading import get_model

from ... import api
from ...models import Contact
from .. import auth
from ..picking import sheltered
from . import describing, knowing

logger = logging.getLogger("wagtail_drip")
UID = "wagtail_drip.integrations.oscar"
MOST_BOUGHT = 50  # products of one order that are told one by one, too


def connect() -> None:
    _listen(user_registered, registered)
    _listen(basket_addition, added)
    _listen(start_checkout, began_checkout)
    _listen(order_placed, placed)
    _listen(order_status_changed, changed_status)
    _listen(product_viewed, viewed)
    _listen(post_delete, taken_out, get_model("basket", "Line"))
    _listen(post_save, wished_for, get_model("wishlists", "Line"))
    _listen(post_save, alerted, get_model("customer", "ProductAlert"))


def _listen(signal: Signal, receiver: Callable[..., None], sender: Any = None) -> None:
    uid = f"{UID}.{receiver.__name__}"
    signal.connect(quietly(receiver), sender=sender, weak=False, dispatch_uid=uid)


def quietly(receiver: Callable[..., None]) -> Callable[..., None]:
    """Neither an error nor a query that fails comes out of it."""

    @wraps(receiver)
    def receive(*args: Any, **kwargs: Any) -> None:
        try:
            with sheltered():
                receiver(*args, **kwargs)
        except Exception:
            logger.exception("Oscar: “%s” could not be recorded", receiver.__name__)

    return receive


def tell(
    name: str, who: Mapping[str, Any], data: Mapping[str, Any], key: str = "", **more: Any
) -> Any:
    return api.record(name, **who, data=data, key=key, **more) if who else None


# Accounts and visitors


def registered(*, user: Any, **kwargs: Any) -> None:
    """Saving the account told of it already, unless it had no address then."""
    auth.signed_up(user)


def viewed(*, product: Any, user: Any, request: Any, **kwargs: Any) -> None:
    """Once a day for each product; of a visitor whom we know, and who really looks."""
    who = knowing.visitor(request)
    if not who or request.method != "GET" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return
    me = f"user:{user.pk}" if "user" in who else knowing.digest(who["email"].lower())
    key = f"{me}:{product.pk}:{timezone.now():%Y-%m-%d}"
    tell("product_viewed", who, of_product(product), key)


# Carts


def added(*, request: Any, **kwargs: Any) -> None:
    cart_changed(knowing.visitor(request), request.basket)


def cart_changed(who: Mapping[str, Any], basket: Any) -> None:
    lines = list(basket.lines.select_related("product").order_by("pk"))
    if who and lines:
        tell("cart_changed", who, describing.of_basket(basket, lines))


def taken_out(*, instance: Any, origin: Any = None, **kwargs: Any) -> None:
    """By its owner, from the cart they are filling; not along with a cart that is thrown away."""
    meant = origin if isinstance(origin, Model) else getattr(origin, "model", None)
    if not (isinstance(meant, type(instance)) or meant is type(instance)):
        return
    basket = get_model("basket", "Basket").objects.filter(pk=instance.basket_id).first()
    if basket is None or basket.status != basket.OPEN or not (who := knowing.owner(basket)):
        return
    tell("cart_item_removed", who, describing.of_line(instance))
    cart_changed(who, basket)


def began_checkout(*, request: Any, email: str = "", **kwargs: Any) -> None:
    """Once for each cart and person. From here on we know whose cart a guest's is."""
    basket, user = request.basket, request.user
    if not basket.pk or not (who := knowing.person(user, email)):
        return
    if "email" in who:
        knowing.claim(basket, email)
    me = f"user:{user.pk}" if "user" in who else knowing.digest(email.lower())
    lines = basket.lines.select_related("product").order_by("pk")
    tell("checkout_started", who, describing.of_basket(basket, lines), f"{basket.pk}:{me}")


# Orders


def placed(*, order: Any, user: Any = None, **kwargs: Any) -> None:
    """One event for the order and one for each product: interest is in a product, not a cart."""
    who = knowing.person(order.user, order.email)
    data = describing.of_order(order)
    event = tell("order_placed", who, data, f"order:{order.pk}")
    if event and order.shipping_address and not order.user_id:
        _introduce(event.contact_id, order.shipping_address)
    for item in data["items"][:MOST_BOUGHT]:
        if product := item.get("product"):
            bought = {**item, "order": data["order"], "currency": order.currency}
            tell("product_bought", who, bought, f"order:{order.pk}:{product}")


def _introduce(contact: int, at: Any) -> None:
    """Keep the name a guest gave, unless we know one already: a stranger renames nobody."""
    nameless = Contact.objects.filter(pk=contact, first_name="", last_name="")
    nameless.update(first_name=at.first_name[:150], last_name=at.last_name[:150])


def changed_status(*, order: Any, old_status: str, new_status: str, **kwargs: Any) -> None:
    """Once for each status of an order, however often it comes back to one."""
    data = {**describing.of_order(order), "status": new_status, "before": old_status}
    key = f"order:{order.pk}:{new_status}"
    tell("order_status_changed", knowing.person(order.user, order.email), data, key)


# Wish lists and alerts


def wished_for(*, instance: Any, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if created and not raw and instance.product_id:
        who = knowing.person(instance.wishlist.owner)
        tell("wishlist_added", who, of_product(instance.product), f"line:{instance.pk}")


def alerted(*, instance: Any, raw: bool = False, **kwargs: Any) -> None:
    """A guest counts once they have confirmed their address. Oscar closes an alert when the product
    is back, and not before."""
    if raw:
        return
    told = {instance.ACTIVE: "alert_asked", instance.CLOSED: "back_in_stock"}
    if name := told.get(instance.status):
        who = knowing.person(instance.user, instance.email)
        tell(name, who, of_product(instance.product), f"alert:{instance.pk}")


def of_product(product: Any) -> dict[str, Any]:
    return {"product": product.pk, "title": str(product.get_title() or "")[:200]}
