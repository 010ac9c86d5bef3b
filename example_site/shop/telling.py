"""What the shop tells wagtail-drip: who did what. Nothing here can break a checkout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from wagtail_drip import api
from wagtail_drip.models import Consent, Contact, Event
from wagtail_drip.models.addresses import digest, normalize

from .cart import Bill, Cart, Line
from .models import BookPage, Order

NEWS = "news"
ASKED = "books-you-asked-about"
AFTER_ORDER = "after-your-order"
KEY = "person"  # in the session: the address and name that a visitor gave last


def person(request: HttpRequest) -> dict[str, str]:
    """`email` and `first_name` of the visitor, by account or as given before; {}: unknown."""
    user = request.user
    if user.is_authenticated and is_address(user.email):
        return {"email": normalize(user.email), "first_name": user.first_name}
    return request.session.get(KEY, {})


def introduce(request: HttpRequest, *, email: str, first_name: str = "") -> None:
    """The visitor gave an address: from now on we know whose cart it is."""
    before = person(request).get("email")
    request.session[KEY] = {"email": email, "first_name": first_name}
    if person(request).get("email") != before:
        cart_changed(request)


def cart_changed(request: HttpRequest, removed: Line | None = None) -> None:
    """Tell what is in the cart now, and what was just taken out, if we know whose it is."""
    cart = Cart(request.session)
    email = person(request).get("email")
    if not email or not (cart or removed):
        return
    if removed:
        api.record("cart_item_removed", email=email, data=_item(removed))
    lines = cart.lines()
    items = {"items": [_item(line) for line in lines]}
    api.record("cart_changed", email=email, data=_contents(lines) | items)


def interest(page: BookPage, email: str, first_name: str, *, source: str, wording: str) -> None:
    api.subscribe(ASKED, email=email, source=source, wording=wording)
    named(api.record("interest_shown", email=email, data={"book": page.pk}), first_name)


def ordered(order: Order, lines: Sequence[Line]) -> None:
    """One event for the order and one for each of its books: interest is in a book, not a cart."""
    about = {**_contents(lines), "order": order.pk, "total": str(order.total)}
    named(
        api.record("order_placed", email=order.email, data=about, key=str(order.pk)),
        order.first_name,
    )
    for line in lines:
        api.record(
            "book_bought",
            email=order.email,
            data={**_item(line), "order": order.pk},
            key=f"{order.pk}:{line.book.pk}",
        )


def letters_after_order(email: str, *, source: str, wording: str) -> None:
    """The buyer read that letters follow and didn't object; an earlier word of theirs stands."""
    said = Consent.objects.filter(
        contact__email_digest=digest(normalize(email)), topic__slug=AFTER_ORDER
    )
    if not said.exists():
        api.subscribe(AFTER_ORDER, email=email, source=source, wording=wording)


def is_address(text: str) -> bool:
    """An account may have none: `admin` of the demo has not."""
    try:
        return bool(normalize(text))
    except ValueError:
        return False


def named(event: Event | None, first_name: str) -> None:
    """Keep the name somebody gave, unless we know one already: a stranger renames nobody."""
    if event:
        Contact.objects.filter(pk=event.contact_id, first_name="").update(first_name=first_name)


def _item(line: Line) -> dict[str, Any]:
    return {
        "book": line.book.pk,
        "title": line.book.title,
        "price": str(line.book.price),
        "quantity": line.quantity,
    }


def _contents(lines: Sequence[Line]) -> dict[str, Any]:
    """`book`, the first of several, makes it the product of the mails that follow."""
    books = [line.book.pk for line in lines]
    first = {"book": books[0]} if books else {}
    total = str(Bill(tuple(lines)).subtotal)
    return {**first, "books": books, "lines": len(lines), "total": total}
