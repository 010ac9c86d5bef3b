"""What the shop does when somebody signs up, asks, fills a cart, or buys."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from wagtail_drip import api

from . import ordering, telling
from .cart import MOST, Bill, Cart, Line
from .forms import (
    AFTER_ORDER_WORDING,
    CODE_REFUSED,
    INTEREST_WORDING,
    NEWS_WORDING,
    BuyForm,
    CartForm,
    CheckoutForm,
    InterestForm,
    QuantityForm,
    SignUpForm,
)
from .models import BookPage, Order
from .recommending import recommend

signer = signing.Signer(salt="shop.order")  # nobody reads other people's orders by counting


def signup(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("account")
    form = SignUpForm(request.POST or None, initial=telling.person(request))
    if request.method == "POST" and form.is_valid():
        register(form.cleaned_data, source=request.path)
        # Word for word the same for an address we know: nobody learns who has an account.
        return redirect("signup-thanks")
    return TemplateResponse(request, "shop/signup.html", {"form": form})


def signup_thanks(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, "shop/signup_thanks.html")


@transaction.atomic
def register(data: dict, *, source: str) -> None:
    """The user and the consent in one transaction: either both are kept or neither."""
    users = get_user_model()
    password = make_password(data["password"])  # takes its time for a known address, too
    user, created = users.objects.get_or_create(
        username=data["email"],
        defaults={
            "email": data["email"],
            "first_name": data["first_name"],
            "password": password,
        },
    )
    # A stranger who types a known address must not change what its owner chose.
    if created and data["news"]:
        api.subscribe(telling.NEWS, user=user, source=source, wording=str(NEWS_WORDING))


def book(request: HttpRequest, page: BookPage) -> HttpResponse:
    """The page of one book with its three forms; `form` says which one was sent."""
    sent = request.POST.get("form") if request.method == "POST" else None
    if sent == "cart":
        return add(request, page)
    known = telling.person(request)
    interest = InterestForm(
        request.POST if sent == "interest" else None, auto_id="interest-%s", initial=known
    )
    buy = BuyForm(
        request.POST if sent == "buy" else None,
        books={page.pk},
        auto_id="buy-%s",
        initial=known,
    )
    if sent == "interest" and interest.is_valid():
        ask(request, page, interest.person)
        return redirect(f"{page.get_url(request)}?asked=1#answer")
    if sent == "buy" and buy.is_valid() and (order := place(request, buy, (Line(page),))):
        telling.introduce(request, **buy.person)
        return redirect("order-thanks", signed=signed(order))
    context = {
        **page.get_context(request),
        "interest": interest,
        "buy": buy,
        "copies": QuantityForm(initial={"quantity": 1}, auto_id="cart-%s"),
        "wording": INTEREST_WORDING,
        "after_order": AFTER_ORDER_WORDING,
        "asked": "asked" in request.GET,
    }
    return TemplateResponse(request, "shop/book_page.html", context)


@transaction.atomic
def ask(request: HttpRequest, page: BookPage, person: dict[str, str]) -> None:
    wording = str(INTEREST_WORDING)
    telling.interest(page, **person, source=request.path, wording=wording)
    telling.introduce(request, **person)


def place(
    request: HttpRequest, form: BuyForm, lines: tuple[Line, ...], cart: str = ""
) -> Order | None:
    """The order, or None with an error on the form where its code was used a moment ago."""
    user = request.user if request.user.is_authenticated else None
    bill = Bill(lines, form.discount)
    try:
        with transaction.atomic():
            if not form.cleaned_data["quiet"]:
                wording = str(AFTER_ORDER_WORDING)
                email = form.cleaned_data["email"]
                telling.letters_after_order(email, source=request.path, wording=wording)
            return ordering.place(bill, **form.buyer, user=user, cart=cart)
    except ordering.CodeUsed:
        form.add_error("code", CODE_REFUSED)
        return None


def add(request: HttpRequest, page: BookPage) -> HttpResponse:
    cart = Cart(request.session)
    form = QuantityForm({"quantity": request.POST.get("quantity") or "1"})
    if not form.is_valid():
        messages.error(request, str(form.errors["quantity"][0]))
        return redirect(page.get_url(request))
    change(request, page, cart.quantity(page.pk) + form.cleaned_data["quantity"])
    return redirect("cart")


@never_cache
def cart(request: HttpRequest) -> HttpResponse:
    """GET shows the cart. POST: from now on so many (`quantity`) of the book (`book`)."""
    if request.method == "POST":
        form = CartForm(request.POST)
        if not form.is_valid():
            messages.error(request, str(next(iter(form.errors.values()))[0]))
        elif page := BookPage.objects.filter(pk=form.cleaned_data["book"]).first():
            change(request, page, form.cleaned_data["quantity"])
        return redirect("cart")
    bill = Bill(available(request))
    context = {"bill": bill, "taken_out": Cart(request.session).taken_out()}
    return TemplateResponse(request, "shop/cart.html", context)


def change(request: HttpRequest, page: BookPage, quantity: int) -> None:
    """So many copies of the book from now on; 0 takes it out. Says so, and tells the line."""
    cart = Cart(request.session)
    before = cart.quantity(page.pk)
    if before == 0 and not page.live:
        return
    cart.put(page.pk, quantity)
    after = cart.quantity(page.pk)
    if quantity > after:
        messages.info(request, _("%d copies of a book are the most we can send.") % MOST)
    if after == before:
        return
    telling.cart_changed(request, removed=Line(page, before) if after == 0 else None)
    if after == 0:
        messages.success(request, _("We put “%s” back on its shelf.") % page.title)
    elif before == 0:
        messages.success(request, _("“%s” is in your cart.") % page.title)


def available(request: HttpRequest) -> tuple[Line, ...]:
    """The cart's lines; what is no longer for sale leaves the cart, and the visitor hears it."""
    cart = Cart(request.session)
    lines = cart.lines()
    gone = cart.keep_only(lines)
    for title in BookPage.objects.filter(pk__in=gone).values_list("title", flat=True):
        text = _("“%s” is no longer for sale; we took it out of your cart.") % title
        messages.warning(request, text)
    return tuple(lines)


@never_cache
def checkout(request: HttpRequest) -> HttpResponse:
    """The order of what is in the cart. `apply` in the POST only shows what the code takes off."""
    lines = available(request)
    if not lines:
        return redirect("cart")
    form = CheckoutForm(
        request.POST if request.method == "POST" else None,
        books={line.book.pk for line in lines},
        initial=telling.person(request),
    )
    valid = form.is_valid()
    if valid and "apply" not in request.POST:
        cart = Cart(request.session)
        if order := place(request, form, lines, cart.id):
            cart.clear()
            telling.introduce(request, **form.person)
            return redirect("order-thanks", signed=signed(order))
    if "email" in getattr(form, "cleaned_data", {}):
        first_name = form.cleaned_data.get("first_name", "")
        telling.introduce(request, email=form.cleaned_data["email"], first_name=first_name)
    bill = Bill(lines, form.discount)
    context = {"form": form, "bill": bill, "after_order": AFTER_ORDER_WORDING}
    return TemplateResponse(request, "shop/checkout.html", context)


def signed(order: Order) -> str:
    """The order as its page's address names it."""
    return signer.sign(str(order.pk))


@never_cache
def order_thanks(request: HttpRequest, signed: str) -> HttpResponse:
    orders = Order.objects.select_related("code").prefetch_related("lines")
    try:
        order = get_object_or_404(orders, pk=signer.unsign(signed))
    except signing.BadSignature:
        raise Http404 from None
    recommended = recommend([order.pk]).get(order.pk, [])
    context: dict[str, Any] = {"order": order, "books": recommended}
    return TemplateResponse(request, "shop/order_thanks.html", context)
