"""What is asked before a campaign is tried out: who, from when on, and what if."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.widgets import AdminDateTimeInput

from .. import registry
from ..conf import conf
from ..content.making import SAMPLE_NUMBER
from ..engine.foretold import Sample, WhatIf
from ..flow import clocks
from ..models import Campaign, Contact, Tag, Topic, matching
from ..models.tags import tag_slug
from ..streams import raw
from .contact_editing import OWN, ContactForm
from .forms import trigger_label
from .people_chooser import may_choose_people, people_chooser, people_of
from .record_filters import EARLIEST, LATEST, kept
from .sites import within

MOST_EVENTS = 20
SAMPLE, CONTACT = "sample", "contact"
LIVE, DRAFT = "live", "draft"


class DataField(forms.CharField):
    """What an event tells, as JSON; nothing: the example that the site's developers gave."""

    widget = forms.Textarea({"rows": 2, "spellcheck": "false", "dir": "ltr"})

    def clean(self, value: Any) -> dict[str, Any] | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            data = json.loads(text)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise forms.ValidationError(_('Write it as names and values: {"book": 3}.'))
        return data


def near(moment: datetime) -> None:
    """On either edge of the calendar there is no plan to tell."""
    if not kept(moment):
        raise forms.ValidationError(_("Choose a year from %d to %d.") % (EARLIEST, LATEST))


class TryForm(forms.Form):
    who = forms.ChoiceField(
        label=gettext_lazy("Who"),
        choices=[(SAMPLE, gettext_lazy("Somebody made up")), (CONTACT, gettext_lazy("A contact"))],
        widget=forms.RadioSelect,
        initial=SAMPLE,
    )
    contact = forms.ModelChoiceField(
        Contact.objects.none(), label=gettext_lazy("Contact"), required=False
    )
    version = forms.ChoiceField(label=gettext_lazy("Flow"))
    start = forms.DateTimeField(
        label=gettext_lazy("They enter on"),
        required=False,
        widget=AdminDateTimeInput,
        help_text=gettext_lazy("By the clock where they are. Leave empty for now."),
        validators=[near],
    )
    tells = DataField(
        label=gettext_lazy("What that event tells"),
        required=False,
        help_text=gettext_lazy(
            'Names and values: {"book": 3}. Leave empty for the example that this site gives.'
        ),
    )

    def __init__(self, *args: Any, campaign: Campaign, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        if may_choose_people(user):
            fields["contact"].queryset = people_of(user)
            fields["contact"].widget = people_chooser.widget_class()
        else:
            del fields["who"], fields["contact"]
        fields["version"].choices = versions(campaign)
        fields["version"].initial = fields["version"].choices[0][0]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "contact" in self.errors:
            # The chooser would show whom it names, also to those who may not know them.
            self.data = {**self.data, self.add_prefix("contact"): ""}
        elif cleaned.get("who") == CONTACT and not cleaned.get("contact"):
            self.add_error("contact", _("Choose a contact, or try it with somebody made up."))
        return cleaned

    @property
    def of_contact(self) -> bool:
        return self["who"].value() == CONTACT if "who" in self.fields else False


def versions(campaign: Campaign) -> list[tuple[str, str]]:
    """What there is to try: the draft first, where it differs from what is live."""
    found = []
    if campaign.current_version:
        found.append((LIVE, _("As it is live (version %d)") % campaign.current_version.number))
    if not found or campaign.has_unpublished_changes:
        found.insert(0, (DRAFT, _("The latest draft")))
    return found


class PersonForm(ContactForm):
    """Somebody made up. Asks what a contact's own form asks, and what else conditions look at."""

    topics = forms.ModelMultipleChoiceField(
        Topic.objects.none(),
        label=gettext_lazy("Mailing topics they chose"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        required=False,
        max_length=1000,
        help_text=gettext_lazy("Separated by commas."),
    )
    number = forms.IntegerField(
        label=gettext_lazy("Number of the person"),
        initial=1,
        min_value=1,
        max_value=1_000_000,
        help_text=gettext_lazy("What is left to chance falls out differently for another number."),
    )

    def __init__(self, *args: Any, campaign: Campaign, user: Any, **kwargs: Any) -> None:
        reached = Contact(attributes={conf.SMS_ATTRIBUTE: SAMPLE_NUMBER})
        super().__init__(*args, instance=reached, **kwargs)
        topics = within(Topic.objects.filter(site=campaign.site_id).order_by("name"), user)
        self.fields["topics"].queryset = topics  # type: ignore[attr-defined]
        chosen = (campaign.topic_id, campaign.sms_topic_id)
        self.initial["topics"] = [pk for pk in chosen if pk]
        if not topics:
            del self.fields["topics"]

    @property
    def attribute_fields(self) -> list[Any]:
        return [field for field in self if field.name.startswith(OWN)]

    def clean_tags(self) -> list[int]:
        names = [name.strip() for name in self.cleaned_data["tags"].split(",") if name.strip()]
        found = []
        for name in names:
            try:
                tag = Tag.objects.filter(slug=tag_slug(name)).first()
            except ValueError as error:
                raise forms.ValidationError(str(error)) from None
            if tag is None:
                raise forms.ValidationError(_("There is no tag “%s”.") % name)
            found.append(tag.pk)
        return sorted(set(found))

    def sample(self) -> Sample:
        known = self.cleaned_data
        attributes = {key: value for key, value in self.values.items() if value is not None}
        if conf.SMS_ATTRIBUTE not in self.values:  # where the form doesn't ask for their number
            attributes[conf.SMS_ATTRIBUTE] = SAMPLE_NUMBER
        return Sample(
            language=known["language"],
            time_zone=known["time_zone"],
            attributes=attributes,
            first_name=known["first_name"],
            last_name=known["last_name"],
            tags=known["tags"],
            topics=[topic.pk for topic in known.get("topics", [])],
            number=known["number"],
        )


class WhatIfForm(forms.Form):
    """One event on the way. A row in which nothing was chosen is none."""

    name = forms.ChoiceField(label=gettext_lazy("They …"), required=False)
    day = forms.IntegerField(
        label=gettext_lazy("On day"), min_value=0, max_value=3650, initial=1, required=False
    )
    time = forms.TimeField(
        label=gettext_lazy("At"),
        required=False,
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
    )
    tells = DataField(label=gettext_lazy("What the event tells"), required=False)

    def __init__(self, *args: Any, names: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, capfirst(trigger_label(name))) for name in names]
        self.fields["name"].choices = [("", "–"), *choices]  # type: ignore[attr-defined]

    def what_if(self, start: datetime, zone: ZoneInfo) -> WhatIf | None:
        """By the clock of `zone`; without a time, that of the start. None: nothing was chosen.

        Raises ValidationError for what lies before the start.
        """
        given = self.cleaned_data
        if not given.get("name"):
            return None
        local = start.astimezone(zone)
        time = given.get("time") or local.time()
        day = local.date() + timedelta(days=given.get("day") or 0)
        moment = clocks.moment(datetime.combine(day, time), zone)
        if moment < start:
            raise forms.ValidationError(_("This lies before they enter: choose a later time."))
        return WhatIf(given["name"], moment, data_of(given["name"], given.get("tells")))


WhatIfs = forms.formset_factory(WhatIfForm, extra=1, max_num=MOST_EVENTS, absolute_max=MOST_EVENTS)


def starting(campaign: Campaign, start: datetime, given: Mapping[str, Any] | None = None) -> WhatIf:
    """The event that makes them enter."""
    return WhatIf(campaign.trigger, start, data_of(campaign.trigger, given))


def data_of(event: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """What was typed; else the trigger's example."""
    trigger = registry.triggers().get(event)
    return dict(given if given is not None else trigger.sample if trigger else {})


def events_of(campaign: Campaign) -> list[str]:
    """Those the site knows, and those that the campaign asks for though nobody knows them."""
    asked = (
        raw(campaign.flow),
        matching.raw_conditions(campaign.goals),
        matching.raw_conditions(campaign.audience),
    )
    known = list(registry.triggers())
    named = {name for part in asked for name in _events(part)}
    return [*known, *sorted(named - set(known))]


def _events(value: Any) -> Iterator[str]:
    """Whatever stands under "event" in raw data, however deep."""
    if isinstance(value, Mapping):
        if isinstance(name := value.get("event"), str) and name:
            yield name
        value = value.values()
    elif not isinstance(value, list):
        return
    for inner in value:
        yield from _events(inner)
