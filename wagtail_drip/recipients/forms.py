"""The sign-up form as it stands on a page of the site, and what it carries along.

What was offered, in which words and where, is signed into the form: the proof says what was read
even where the page came out of a cache and the topic has other words by now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.core import signing
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..content import phone
from ..models import Topic
from ..models.addresses import normalize
from ..models.signups import Choice

SALT = "wagtail_drip.sign_up"
TRAP = "website"  # a field that people don't see and robots fill in
SOURCE = 200


@dataclass(frozen=True, slots=True)
class Offer:
    """What one form offers: topics in the words beside their boxes, and the page it is on."""

    choices: tuple[Choice, ...]
    source: str = ""

    @classmethod
    def of(cls, topics: Iterable[Topic], source: str = "") -> Offer:
        """In the words of the language that is active."""
        choices = tuple(Choice(t, t.agreement, t.wording_version) for t in topics)
        return cls(choices, source[:SOURCE])

    @property
    def signed(self) -> str:
        offered = [[c.topic.pk, c.version, c.wording] for c in self.choices]
        return signing.dumps({"t": offered, "s": self.source}, salt=SALT, compress=True)

    @classmethod
    def read(cls, signed: str) -> Offer:
        """Raises signing.BadSignature for any text that isn't one of ours.

        Topics that no longer exist are left out.
        """
        data = signing.loads(signed, salt=SALT)
        topics = Topic.objects.in_bulk([pk for pk, _version, _wording in data["t"]])
        choices = (Choice(topics[pk], text, v) for pk, v, text in data["t"] if pk in topics)
        return cls(tuple(choices), data["s"])


class NumberField(forms.CharField):
    """A phone number, in E.164."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"})
        super().__init__(**{"max_length": phone.LONGEST, "widget": widget, **kwargs})

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        try:
            return phone.normalize(text) if text else ""
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


def goes_to_a_number(topic: Topic) -> bool:
    return topic.channel == Topic.Channel.SMS


class SignUpForm(forms.Form):
    email = forms.CharField(
        label=gettext_lazy("Your e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    topics = forms.MultipleChoiceField(
        required=False, error_messages={"invalid_choice": gettext_lazy("That is not on offer.")}
    )
    number = NumberField(label=gettext_lazy("Your mobile number"), required=False)
    website = forms.CharField(required=False)

    def __init__(self, offer: Offer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer = offer
        if not any(goes_to_a_number(choice.topic) for choice in offer.choices):
            del self.fields["number"]
        self.fields["topics"].choices = [  # type: ignore[attr-defined]
            (str(choice.topic.pk), choice.topic.name) for choice in offer.choices
        ]

    def clean_email(self) -> str:
        try:
            return normalize(self.cleaned_data["email"])
        except ValueError:
            raise forms.ValidationError(_("That is not an e-mail address.")) from None

    def clean(self) -> dict[str, Any]:
        if len(self.offer.choices) > 1 and not self.cleaned_data.get("topics", True):
            self.add_error("topics", _("Choose at least one."))
        to_a_number = any(goes_to_a_number(choice.topic) for choice in self.chosen)
        if to_a_number and not self.cleaned_data.get("number", True):
            self.add_error("number", _("Text messages need your number."))
        return self.cleaned_data

    @property
    def chosen(self) -> list[Choice]:
        """Of one topic there is no box: sending the form chooses it."""
        picked = set(self.cleaned_data.get("topics") or ())
        alone = len(self.offer.choices) == 1
        number = self.cleaned_data.get("number") or ""
        return [
            replace(choice, number=number) if goes_to_a_number(choice.topic) else choice
            for choice in self.offer.choices
            if alone or str(choice.topic.pk) in picked
        ]

    @property
    def boxes(self) -> list[tuple[Choice, bool]]:
        """The topics to choose among, and whether they were chosen when it was last sent."""
        picked = set(self.data.getlist("topics")) if self.is_bound else set()  # type: ignore[attr-defined]
        return [(choice, str(choice.topic.pk) in picked) for choice in self.offer.choices]

    @property
    def is_trapped(self) -> bool:
        return bool(self.cleaned_data.get(TRAP))


def sign_up_context(request: HttpRequest | None, topics: Sequence[Topic]) -> dict[str, Any]:
    """What the template of an embedded form gets (`wagtail_drip/recipients/sign_up_form.html`)."""
    offer = Offer.of(topics, request.path if request else "")
    return {
        "form": SignUpForm(offer, auto_id=f"drip-{'-'.join(str(t.pk) for t in topics)}-%s"),
        "offer": offer,
        "request": request,
        "language": translation.get_language(),
    }
