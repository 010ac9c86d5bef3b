"""What the shop does when somebody signs up, asks, or buys."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from wagtail_drip import api
from wagtail_drip.models import Contact, Event

from .forms import (
    CODE_REFUSED,
    INTEREST_WORDING,
    NEWS_WORDING,
    BuyForm,
    InterestForm,
    SignUpForm,
)
from .models import BookPage, Order, reduced

NEWS = "news"
ASKED = "books-you-asked-about"
signer = signing.Signer(salt="shop.order")  # nobody reads other people's orders by counting


def signup(request: HttpRequest) -> HttpResponse:
    form = SignUpForm(request.POST or None)
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
        api.subscribe(NEWS, user=user, source=source, wording=str(NEWS_WORDING))


def book(request: HttpRequest, page: BookPage) -> HttpResponse:
    """The page of one book with its two forms; `form` says which one was sent."""
    sent = request.POST.get("form") if request.method == "POST" else None
    interest = InterestForm(request.POST if sent == "interest" else None, auto_id="interest-%s")
    buy = BuyForm(request.POST if sent == "buy" else None, book=page, auto_id="buy-%s")
    if sent == "interest" and interest.is_valid():
        ask(page, interest.cleaned_data, source=request.path)
        return redirect(f"{page.get_url(request)}?asked=1#answer")
    if sent == "buy" and buy.is_valid():
        order = place_order(page, buy)
        if order:
            return redirect("order-thanks", signed=signer.sign(str(order.pk)))
        buy.add_error("code", CODE_REFUSED)
    context = {
        **page.get_context(request),
        "interest": interest,
        "buy": buy,
        "wording": INTEREST_WORDING,
        "asked": "asked" in request.GET,
    }
    return TemplateResponse(request, "shop/book_page.html", context)


@transaction.atomic
def ask(page: BookPage, data: dict, *, source: str) -> None:
    email = data["email"]
    api.subscribe(ASKED, email=email, source=source, wording=str(INTEREST_WORDING))
    told(api.record("interest_shown", email=email, data={"book": page.pk}), data["first_name"])


def told(event: Event | None, first_name: str) -> None:
    """Keep the name somebody gave, unless we know one already: a stranger renames nobody."""
    if event:
        Contact.objects.filter(pk=event.contact_id, first_name="").update(first_name=first_name)


@transaction.atomic
def place_order(page: BookPage, form: BuyForm) -> Order | None:
    """The order, or None where its code was used a moment ago."""
    data, discount = form.cleaned_data, form.discount
    if discount and not discount.use():
        return None
    order = Order.objects.create(
        email=data["email"],
        first_name=data["first_name"],
        book=page,
        title=page.title,
        total=reduced(page.price, discount.percent if discount else 0),
        code=discount,
    )
    event = api.record(
        "order_placed",
        email=order.email,
        data={"book": page.pk, "order": order.pk, "total": str(order.total)},
        key=str(order.pk),
    )
    told(event, order.first_name)
    return order


def order_thanks(request: HttpRequest, signed: str) -> HttpResponse:
    try:
        order = get_object_or_404(Order.objects.select_related("book"), pk=signer.unsign(signed))
    except signing.BadSignature:
        raise Http404 from None
    return TemplateResponse(request, "shop/order_thanks.html", {"order": order})
