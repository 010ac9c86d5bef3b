"""The forms of the shop. Each says in its errors what to do."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib.auth import authenticate, password_validation
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from wagtail_drip.models.addresses import normalize

from .cart import MOST
from .models import DiscountCode

# What the visitor reads when consenting; kept word for word as the proof.
NEWS_WORDING = _(
    "Send me news from The Paper Lantern: a few letters about books, now and then an offer. "
    "I can leave with one click."
)
INTEREST_WORDING = _(
    "We answer with a few mails about this book, and perhaps a better price. "
    "Each has a link that ends them."
)
AFTER_ORDER_WORDING = _(
    "After a first order we write a thank-you, and perhaps a few tips a week later. "
    "Each has a link that ends them."
)


class PersonForm(forms.Form):
    first_name = forms.CharField(
        label=_("First name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
        error_messages={"required": _("Please tell us your first name.")},
    )
    email = forms.CharField(
        label=_("E-mail address"),
        max_length=150,  # it is the user name, too
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": _("Please give your e-mail address.")},
    )

    @property
    def person(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in ("first_name", "email")}

    def clean_email(self) -> str:
        try:
            return normalize(self.cleaned_data["email"])
        except ValueError:
            raise forms.ValidationError(
                _("This is not an e-mail address. It should look like name@example.com.")
            ) from None


class SignUpForm(PersonForm):
    password = forms.CharField(
        label=_("Password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters."),
        error_messages={"required": _("Please choose a password.")},
    )
    news = forms.BooleanField(label=NEWS_WORDING, required=False)

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        if len(password) < 8:
            raise forms.ValidationError(_("Please choose a password of at least 8 characters."))
        password_validation.validate_password(password)
        return password


class InterestForm(PersonForm):
    """Tell me more about this book."""


class QuantityForm(forms.Form):
    """So many copies; 0 takes a book out of the cart."""

    quantity = forms.IntegerField(
        label=_("Copies"),
        min_value=0,
        max_value=MOST,
        widget=forms.NumberInput(attrs={"autocomplete": "off"}),
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            _("Please give a number of copies from 0 to %d.") % MOST,
        ),
    )


class CartForm(QuantityForm):
    book = forms.IntegerField(  # a primary key
        min_value=1,
        max_value=2**31 - 1,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), _("There is no such book.")
        ),
    )


class BuyForm(PersonForm):
    """What an order needs to know. `books`: primary keys of what is bought."""

    code = forms.CharField(
        label=_("Discount code"),
        required=False,
        max_length=20,
        help_text=_("If you have one."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    quiet = forms.BooleanField(
        label=_("No letters for me, please; only what belongs to this order."), required=False
    )

    def __init__(self, *args: Any, books: Collection[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.books = books
        self.discount: DiscountCode | None = None

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if data.get("code") and data.get("email"):
            self.discount = DiscountCode.find(data["code"], email=data["email"], books=self.books)
            if self.discount is None:
                self.add_error("code", CODE_REFUSED)
        return data

    @property
    def buyer(self) -> dict[str, str]:
        """For ordering.place."""
        return self.person


class CheckoutForm(BuyForm):
    address = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=500,
        help_text=_("Where the parcel goes. Leave it empty to fetch it at the counter."),
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "street-address"}),
    )
    field_order = ["first_name", "email", "address", "code", "quiet"]

    @property
    def buyer(self) -> dict[str, str]:
        return {**self.person, "address": self.cleaned_data["address"]}


CODE_REFUSED = _(
    "This code can't be used: it was used already, or it is for another book or another "
    "e-mail address. Check it, or leave the field empty."
)


class LogInForm(forms.Form):
    """For django.contrib.auth's LoginView."""

    email = forms.CharField(
        label=_("E-mail address"),
        max_length=150,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
        error_messages={"required": _("Please give your e-mail address.")},
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Please give your password.")},
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: Any = None

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if data.get("email") and data.get("password"):
            password = data["password"]
            self.user = authenticate(self.request, username=data["email"], password=password)
            if self.user is None:
                # One sentence for both: nobody learns who has an account.
                self.add_error("password", _("Address and password don't belong together."))
        return data

    def clean_email(self) -> str:
        try:
            return normalize(self.cleaned_data["email"])
        except ValueError:  # staff have plain user names
            return self.cleaned_data["email"]

    def get_user(self) -> Any:
        return self.user
