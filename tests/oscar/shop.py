"""A small shop for tests, and a visitor who uses Oscar's own pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from oscar.core.loading import get_model

PASSWORD = "a-long-pass-word"
ADDRESS = {
    "first_name": "Zoe", "last_name": "Quill", "line1": "1 Harbour Street", "line4": "Bookham",
    "postcode": "10115", "country": "DE",
}  # fmt: skip


def model(label: str) -> Any:
    return get_model(*label.split("."))


def book(title: str = "Swifts", price: str = "18.50", stock: int = 20, **fields: Any) -> Any:
    kind, _new = model("catalogue.ProductClass").objects.get_or_create(
        name="Books", defaults={"track_stock": True}
    )
    row = model("catalogue.Product").objects.create(title=title, product_class=kind, **fields)
    partner, _new = model("partner.Partner").objects.get_or_create(name="Lantern")
    row.stockrecords.create(
        partner=partner, partner_sku=f"sku-{row.pk}", price=Decimal(price), num_in_stock=stock,
        price_currency="EUR",
    )  # fmt: skip
    return row


def offer(name: str = "10 % off", percent: int = 10) -> Any:
    """A voucher offer on whatever the shop sells."""
    everything = model("offer.Range").objects.create(name=name, includes_all_products=True)
    condition = model("offer.Condition").objects.create(range=everything, type="Count", value=1)
    benefit = model("offer.Benefit").objects.create(
        range=everything, type="Percentage", value=percent
    )
    return model("offer.ConditionalOffer").objects.create(
        name=name, offer_type="Voucher", condition=condition, benefit=benefit
    )


class Visitor:
    """By Django's test client; each method is what one form of Oscar's does."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def post(self, path: str, **form: Any) -> Any:
        answer = self.client.post(f"/store/{path}", form)
        assert answer.status_code == 302, (path, answer.status_code, _errors(answer))
        return answer

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(f"/store/{path}", **more)

    def register(self, email: str, **more: Any) -> None:
        form = {f"registration-{n}": PASSWORD for n in ("password1", "password2")}
        form |= {"registration-email": email, "registration-redirect_url": ""}
        self.post("accounts/login/", **form, registration_submit="1", **more)

    def log_in(self, email: str) -> None:
        form = {"login-username": email, "login-password": PASSWORD, "login-redirect_url": ""}
        self.post("accounts/login/", **form, login_submit="1")

    def look(self, product: Any) -> Any:
        return self.client.get(product.get_absolute_url())

    def add(self, product: Any, quantity: int = 1) -> None:
        self.post(f"basket/add/{product.pk}/", quantity=quantity)

    def take_out(self, basket: Any) -> None:
        """All of it."""
        lines = list(basket.lines.order_by("pk"))
        form: dict[str, Any] = {"form-TOTAL_FORMS": len(lines), "form-INITIAL_FORMS": len(lines)}
        for number, line in enumerate(lines):
            prefix = f"form-{number}"
            form |= {f"{prefix}-id": line.pk, f"{prefix}-quantity": line.quantity}
            form |= {f"{prefix}-DELETE": "on"}
        self.post("basket/", **form)

    def enter(self, code: str) -> list[str]:
        """A voucher's code; what the page says then."""
        self.post("basket/vouchers/add/", code=code)
        return [str(one) for one in self.get("basket/").context["messages"]]

    def go_to_checkout(self, email: str = "") -> None:
        if email:
            self.post("checkout/", username=email, options="anonymous")
        else:
            assert self.get("checkout/").status_code == 302

    def order(self, email: str = "", **more: Any) -> Any:
        """From the cart to the order."""
        self.go_to_checkout(email)
        self.post("checkout/shipping-address/", **ADDRESS)
        self.get("checkout/shipping-method/")
        self.get("checkout/payment-method/")
        answer = self.post("checkout/preview/", action="place_order", **more)
        assert answer.url.endswith("/thank-you/"), answer.url
        return model("order.Order").objects.latest("pk")


def _errors(answer: Any) -> Any:
    context = answer.context or {}
    form = context.get("form") or context.get("registration_form")
    return getattr(form, "errors", "")
