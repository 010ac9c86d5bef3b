"""What is asked before something is done with people by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.widgets import AdminDateTimeInput

from .. import registry
from ..engine.enrolling import open_campaigns
from ..engine.identifying import find
from ..models import Campaign, Contact, Enrollment, Suppression, Tag, Topic
from ..models.tags import tags_named
from .permissions import may
from .record_filters import kept
from .sites import within


class ActionForm(forms.Form):
    """Of one action. `people`: with whom it is done; `user`: who does it, within their sites."""

    def __init__(self, *args: Any, people: Sequence[Contact], user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people, self.user = people, user
        if "topic" in self.fields:
            topics = within(Topic.objects.order_by("name"), user)
            self.fields["topic"].queryset = topics  # type: ignore[attr-defined]


class MomentField(forms.DateTimeField):
    """A moment that is not ahead; now, unless somebody says otherwise."""

    widget = AdminDateTimeInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(initial=lambda: timezone.localtime().replace(second=0), **kwargs)

    def clean(self, value: Any) -> datetime:
        moment = super().clean(value)
        if moment and moment > timezone.now():
            raise forms.ValidationError(_("This lies ahead."))
        if moment and not kept(moment):
            raise forms.ValidationError(_("This lies too far back."))
        return moment


class SeriesField(forms.ModelChoiceField):
    """A campaign by its name and what it is offered for."""

    widget = forms.RadioSelect

    def label_from_instance(self, campaign: Any) -> str:
        note = campaign.by_hand_for if campaign.by_hand else _("not marked for it")
        name = format_html("<bdi>{}</bdi>", campaign.name)
        if not note:
            return name
        # In one piece, since the label is a row of what stands in it.
        return format_html(
            '<span>{} <span class="drip-note"><bdi>{}</bdi></span></span>', name, note
        )


class EnrollForm(ActionForm):
    """The campaigns that may be picked by hand; who edits campaigns may pick any that is live."""

    campaign = SeriesField(
        Campaign.objects.none(),
        label=gettext_lazy("Campaign"),
        empty_label=None,
        help_text=gettext_lazy(
            "Who may enter is asked (consent, suppression, how often), the campaign's “only for "
            "people who” is not."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = within(open_campaigns(), self.user)
        if not may(self.user, "change", Campaign):
            offered = offered.filter(by_hand=True)
        field: Any = self.fields["campaign"]
        field.queryset = offered.order_by("-by_hand", "name")
        if not offered:
            field.help_text = _(
                "No live campaign “may be picked by hand”. Whoever edits a campaign marks it in "
                "its settings."
            )


class TakeOutForm(ActionForm):
    campaign = forms.ModelChoiceField(
        Campaign.objects.none(),
        label=gettext_lazy("Campaign"),
        help_text=gettext_lazy("Mails of it that wait for them are not sent."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inside = Enrollment.objects.filter(
            contact__in=[one.pk for one in self.people], state=Enrollment.State.ACTIVE
        )
        campaigns = Campaign.objects.filter(pk__in=list(inside.values_list("campaign", flat=True)))
        self.fields["campaign"].queryset = within(campaigns, self.user)  # type: ignore[attr-defined]


class EventForm(ActionForm):
    name = forms.ChoiceField(label=gettext_lazy("What they did"))
    at = MomentField(label=gettext_lazy("When"))
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=500,
        required=False,
        widget=forms.Textarea({"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What needs data of its own (an order its number) only the site itself can tell.
        told = {s: t for s, t in registry.triggers().items() if not t.required}
        self.fields["name"].choices = [  # type: ignore[attr-defined]
            ("", "---------"), *((slug, capfirst(str(t.label))) for slug, t in told.items()),
        ]  # fmt: skip


class TagForm(ActionForm):
    names = forms.CharField(
        label=gettext_lazy("Tags"),
        max_length=1000,
        help_text=gettext_lazy("Separated by commas. What is new is made."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = list(Tag.objects.values_list("name", flat=True)[:200])

    def clean_names(self) -> list[Tag]:
        names = [name.strip() for name in self.cleaned_data["names"].split(",") if name.strip()]
        try:
            return list(tags_named(names).values())
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class UntagForm(ActionForm):
    tags = forms.ModelMultipleChoiceField(
        Tag.objects.none(), label=gettext_lazy("Tags"), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        used = Tag.objects.filter(taggings__contact__in=[one.pk for one in self.people])
        self.fields["tags"].queryset = used.distinct()  # type: ignore[attr-defined]


class SubscribeForm(ActionForm):
    topic = forms.ModelChoiceField(Topic.objects.all(), label=gettext_lazy("Mailing topic"))
    source = forms.CharField(
        label=gettext_lazy("How they agreed"),
        max_length=200,
        help_text=gettext_lazy("Kept as proof, such as “signed up on paper at the book fair”."),
    )
    at = MomentField(label=gettext_lazy("When they agreed"))
    wording = forms.CharField(
        label=gettext_lazy("What they agreed to"),
        max_length=1000,
        required=False,
        widget=forms.Textarea({"rows": 2}),
        help_text=gettext_lazy("The words they read, as far as you know them."),
    )


class UnsubscribeForm(ActionForm):
    topic = forms.ModelChoiceField(
        Topic.objects.all(),
        label=gettext_lazy("Mailing topic"),
        required=False,
        empty_label=gettext_lazy("All marketing"),
    )
    source = forms.CharField(
        label=gettext_lazy("How they told"),
        max_length=200,
        help_text=gettext_lazy("Kept as proof, such as “by telephone”."),
    )


class SuppressForm(ActionForm):
    scope = forms.ChoiceField(
        label=gettext_lazy("They get no more"),
        choices=Suppression.Scope.choices,
        initial=Suppression.Scope.MARKETING,
        widget=forms.RadioSelect,
        help_text=gettext_lazy("It outlives imports, and the contact itself."),
    )


class MergeForm(ActionForm):
    """Two who are one person: both are chosen, or the other one is named by address."""

    other = forms.EmailField(label=gettext_lazy("The other address"), max_length=254)
    kept = forms.ModelChoiceField(
        Contact.objects.none(),
        label=gettext_lazy("The contact that stays"),
        widget=forms.RadioSelect,
        empty_label=None,
        help_text=gettext_lazy(
            "Its address gets the mails from now on. The other one's history, tags and consents "
            "come to it, and its address goes on meaning this person. Of what the two wish "
            "(fewer mails, a pause, not to be seen) the stricter holds."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(self.people) == 1:
            del self.fields["kept"]
            self.fields["other"].help_text = _(
                "That contact's history, tags and consents come to this one, which keeps its own "
                "address. Of what the two wish (fewer mails, a pause, not to be seen) the stricter "
                "holds."
            )
        else:
            del self.fields["other"]
            both = Contact.objects.filter(pk__in=[one.pk for one in self.people])
            self.fields["kept"].queryset = both  # type: ignore[attr-defined]

    def clean_other(self) -> Contact:
        try:
            other = find(email=self.cleaned_data["other"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if other is None or other.pk == self.people[0].pk:
            raise forms.ValidationError(_("This is no other contact's address."))
        return other

    def clean(self) -> dict[str, Any]:
        if len(self.people) > 2:
            raise forms.ValidationError(_("Two at a time can be merged."))
        return super().clean() or self.cleaned_data


class EraseForm(ActionForm):
    sure = forms.BooleanField(
        label=gettext_lazy("Yes, erase"),
        help_text=gettext_lazy("This can't be undone. What was counted stays counted."),
    )
