"""The three forms of the shop. Each says in its errors what to do."""

from __future__ import annotations

from django import forms
from django.contrib.auth import password_validation
from django.utils.translation import gettext_lazy as _

from wagtail_drip.models.addresses import normalize

from .models import BookPage, DiscountCode

# What the visitor reads when consenting; kept word for word as the proof.
NEWS_WORDING = _(
    "Send me news from The Paper Lantern: a few letters about books, now and then an offer. "
    "I can leave with one click."
)
INTEREST_WORDING = _(
    "We answer with a few mails about this book, and perhaps a better price. "
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


class BuyForm(PersonForm):
    code = forms.CharField(
        label=_("Discount code"),
        required=False,
        max_length=20,
        help_text=_("If you have one."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args, book: BookPage, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.book = book
        self.discount: DiscountCode | None = None

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if data.get("code") and data.get("email"):
            self.discount = DiscountCode.find(data["code"], email=data["email"], book=self.book)
            if self.discount is None:
                self.add_error("code", CODE_REFUSED)
        return data


CODE_REFUSED = _(
    "This code can't be used: it was used already, or it is for another book or another "
    "e-mail address. Check it, or leave the field empty."
)
