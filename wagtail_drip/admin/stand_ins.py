"""Whom a preview or a test is made for: a sample person, a real contact, or somebody's event.

Who may not see personal data is offered the sample person alone.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.models import ReferenceIndex

from ..content.personalizing import Recipient
from ..engine.addressing import reader
from ..engine.identifying import find
from ..flow.checking import step_ids
from ..models import Campaign, Contact, Enrollment, Event, Step
from ..streams import raw
from .forms import trigger_label
from .permissions import may_see_people
from .sites import within

SAMPLE, CONTACT, EVENT = "sample", "contact", "event"
KEPT = "drip_stand_in"  # in the session: {"contact": 7} or {"event": 9}
OFFERED = 20  # events, the latest


def campaigns_of(step: Step, user: Any) -> list[Campaign]:
    """The campaigns whose flow names this mail, or whose draft does; live ones first."""
    kind = ContentType.objects.get_for_model(Campaign)
    named = ReferenceIndex.get_references_to(step).filter(base_content_type=kind)
    ids = set(map(int, named.values_list("object_id", flat=True)))
    ids |= {campaign.pk for campaign in (*step.used_in(), *_drafts_with(step))}
    campaigns = within(Campaign.objects.filter(pk__in=ids), user).select_related("site", "topic")
    return sorted(campaigns, key=lambda campaign: (not campaign.live, campaign.name))


def _drafts_with(step: Step) -> list[Campaign]:
    """Those whose latest draft names it; Wagtail's index knows what was saved with the row."""
    drafts = Campaign.objects.filter(
        has_unpublished_changes=True, latest_revision__content__flow__icontains=str(step.pk)
    )
    return [one for one in drafts.select_related("latest_revision") if step.pk in _drafted(one)]


def _drafted(campaign: Campaign) -> set[int]:
    return step_ids(raw(campaign.get_latest_revision_as_object().flow))


class StandInForm(forms.Form):
    who = forms.ChoiceField(label=gettext_lazy("As whom"), widget=forms.RadioSelect, initial=SAMPLE)
    contact = forms.EmailField(
        label=gettext_lazy("Address of the contact"), required=False, max_length=254
    )
    event = forms.ModelChoiceField(
        Event.objects.none(), label=gettext_lazy("What happened"), required=False
    )

    def __init__(self, *args: Any, user: Any, campaigns: list[Campaign], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.campaigns = user, campaigns
        if not may_see_people(user):
            for name in ("who", "contact", "event"):
                del self.fields[name]
            return
        choices = [(SAMPLE, _("A sample person")), (CONTACT, _("A real contact"))]
        events = self._events()
        if events:
            choices.append((EVENT, _("Something that happened")))
            event = self.fields["event"]
            event.queryset = Event.objects.filter(pk__in=[one.pk for one in events])  # type: ignore[attr-defined]
            event.choices = [("", "---------"), *((e.pk, _told(e)) for e in events)]  # type: ignore[attr-defined]
        else:
            del self.fields["event"]
        self.fields["who"].choices = choices  # type: ignore[attr-defined]

    def _events(self) -> list[Event]:
        names = {campaign.trigger for campaign in self.campaigns if campaign.trigger}
        rows = within(Event.objects.filter(name__in=names), self.user)
        return list(rows.select_related("contact").order_by("-at", "-pk")[:OFFERED])

    def clean(self) -> dict[str, Any]:
        """With `contact` the row, and what it takes for the chosen kind filled in."""
        said = super().clean() or self.cleaned_data
        who = said.get("who", SAMPLE)
        if who == CONTACT and "contact" not in self.errors:
            said["contact"] = self._contact(said.get("contact", ""))
        if who == EVENT and not said.get("event") and "event" not in self.errors:
            self.add_error("event", _("Choose what happened."))
        return said

    def _contact(self, address: str) -> Contact | None:
        try:
            found = find(email=address) if address else None
        except ValueError:
            found = None
        if found is None or not within(Contact.objects.filter(pk=found.pk), self.user).exists():
            self.add_error("contact", _("There is no contact with this address."))
            return None
        return found

    def reader(self, campaign: Campaign | None) -> Recipient | None:
        """Who was chosen; None: the sample person. Call it on a valid form."""
        said = self.cleaned_data
        return reader_of(
            contact=said["contact"] if said.get("who") == CONTACT else None,
            event=said["event"] if said.get("who") == EVENT else None,
            campaign=campaign,
        )


def keep(request: HttpRequest, form: StandInForm) -> None:
    """Show this user's previews for whom they chose, until they choose again."""
    said, who = form.cleaned_data, form.cleaned_data.get("who")
    row = said.get(who) if who in (CONTACT, EVENT) else None
    request.session[KEPT] = {who: row.pk} if row else {}


def kept(request: HttpRequest) -> Contact | Event | None:
    """Whom the user's previews are for; None: the sample person. Rights are asked each time."""
    chosen = request.session.get(KEPT) or {}
    if not chosen or not may_see_people(request.user):
        return None
    if CONTACT in chosen:
        rows: Any = Contact.objects.filter(pk=chosen[CONTACT], erased_at=None)
    else:
        rows = Event.objects.filter(pk=chosen[EVENT], contact__erased_at=None)
        rows = rows.select_related("contact")
    return within(rows, request.user).first()


def name_of(chosen: Contact | Event | None) -> str:
    if chosen is None:
        return _("A sample person")
    return _told(chosen) if isinstance(chosen, Event) else str(chosen)


def reader_of_kept(chosen: Contact | Event | None, campaign: Campaign | None) -> Recipient | None:
    if isinstance(chosen, Event):
        return reader_of(contact=None, event=chosen, campaign=campaign)
    return reader_of(contact=chosen, event=None, campaign=campaign)


def reader_of(
    *, contact: Contact | None, event: Event | None, campaign: Campaign | None
) -> Recipient | None:
    """A real contact, with what last led them into the campaign; or whom an event happened to."""
    contact = event.contact if event else contact
    if contact is None:
        return None
    inside = Enrollment.objects.filter(contact=contact, campaign=campaign) if campaign else None
    enrollment = inside.order_by("-entered_at").first() if inside is not None else None
    return reader(
        contact,
        contact.pk,
        data=event.data if event else _last_data(contact, campaign, enrollment),
        campaign=campaign.slug if campaign else "",
        enrollment_id=enrollment.pk if enrollment else None,
    )


def _last_data(
    contact: Contact, campaign: Campaign | None, enrollment: Enrollment | None
) -> dict[str, Any]:
    if enrollment or campaign is None:
        return enrollment.data if enrollment else {}
    events = Event.objects.filter(contact=contact, name=campaign.trigger).order_by("-at")
    event = events.first()
    return event.data if event else {}


def _told(event: Event) -> str:
    moment = date_format(localtime(event.at), "SHORT_DATETIME_FORMAT")
    return f"{event.contact}: {trigger_label(event.name)} ({moment})"
