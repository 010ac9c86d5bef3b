"""The forms of campaigns, mails and topics: what editors needn't fill in is filled in here."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.db.models import Model, Q
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.forms.models import WagtailAdminModelForm
from wagtail.admin.widgets import SlugInput
from wagtail.blocks import StreamValue

from .. import chosen, registry
from ..models import Campaign, Topic
from ..models.filling import ascii_slug, free_slug
from ..streams import UNKNOWN
from .raw_html import KeepsHtml
from .sites import OWN, in_reach, sites_of, within

MAIL = "email"  # the channel that steps have unless they say otherwise


class ShortNameInput(SlugInput):
    """Follows the name, which may be longer: cut, where Wagtail would refuse to save."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str | None:
        value = super().value_from_datadict(data, files, name)
        return value and value[: int(self.attrs.get("maxlength", len(value)))].strip("-")


class ColorInput(forms.TextInput):
    """The browser's own color picker."""

    input_type = "color"


class SiteForm(WagtailAdminModelForm):
    """Asks for the site only where there are several, and finds a free short name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "site" not in self.fields:
            return
        allowed = sites_of(self.for_user) if self.for_user else None
        if allowed is not None:
            field = self.fields["site"]
            field.queryset = field.queryset.filter(pk__in=allowed)
        found = self.fields["site"].queryset.order_by("-is_default_site", "pk")
        sites = list(found[:2])
        if len(sites) == 1:
            del self.fields["site"]  # its panel hides itself with the field
        if sites and not self.instance.site_id:
            self.instance.site = sites[0]
            self.initial["site"] = sites[0].pk

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name in self._naming_other_sites(cleaned):
            self.add_error(name, _("It names something of another site's."))
        if "slug" in self.fields and "slug" in cleaned:
            cleaned["slug"] = self._short_name(cleaned["slug"], cleaned.get("name") or "")
        return cleaned

    def _naming_other_sites(self, cleaned: dict[str, Any]) -> list[str]:
        """The streams that newly name what the user was not offered: a forged form's.

        What stood there already may stay: it was put there by somebody of all sites.
        """
        if not self.for_user or sites_of(self.for_user) is None:
            return []
        streams = {name: value for name, value in cleaned.items() if isinstance(value, StreamValue)}
        return [
            name
            for name, value in streams.items()
            if not all(
                in_reach(row, self.for_user)
                for row in _owned(value) - _owned(getattr(self.instance, name))
            )
        ]

    def _short_name(self, given: str, name: str) -> str:
        """`given` or the present one; a free one where there is none or a namesake has it."""
        model, given = self._meta.model, given or self.instance.slug
        taken = model._default_manager.filter(slug=given).exclude(pk=self.instance.pk).exists()
        if given and not (taken and given == ascii_slug(name, len(given))):
            return given
        return free_slug(model, name, str(model._meta.model_name))


def _owned(stream: StreamValue) -> set[Model]:
    """What belongs to sites and is chosen in a stream, however deep."""
    return {
        row for _field, row in chosen.inside(stream.stream_block, stream) if isinstance(row, OWN)
    }


MAIL_ALONE = ("subject", "preheader", "body", "sender_name", "sender_email")


class StepForm(KeepsHtml, SiteForm):
    """Asks for what its channel sends: a mail's parts, or the one block of another channel.

    The channel is chosen with the button that adds it, and stays.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "message" not in self.fields:
            return
        given = self.data.get("channel") if self.is_bound else None
        if given in registry.channels() and not self.instance.pk:
            self.instance.channel = given
        # Panels hide themselves with their fields.
        is_mail = self.instance.channel == MAIL
        for name in ("message",) if is_mail else MAIL_ALONE:
            self.fields.pop(name, None)
        if is_mail:
            return
        self.bound_to_keep = False
        block = self.fields["message"].block
        if not len(self.instance.message) and self.instance.channel in block.child_blocks:
            child = block.child_blocks[self.instance.channel]
            empty = StreamValue(block, [(self.instance.channel, child.get_default())])
            self.initial["message"] = empty

    def clean_message(self) -> Any:
        message = self.cleaned_data["message"]
        if any(child.block_type not in (self.instance.channel, UNKNOWN) for child in message):
            raise forms.ValidationError(_("This block belongs to another channel."))
        return message

    class Media:
        css = {
            "all": [
                "wagtail_drip/campaign.css", "wagtail_drip/picture.css", "wagtail_drip/chips.css",
            ]
        }  # fmt: skip
        js = ["wagtail_drip/saving.js", "wagtail_drip/picker.js", "wagtail_drip/merge_fields.js"]


class TopicForm(SiteForm):
    """What people get by it is said once: their consent is to that and to nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "channel" in self.fields:
            self.fields["channel"].disabled = bool(self.instance.pk)
            self.fields["channel"].required = False

    def clean_channel(self) -> str:
        return self.cleaned_data["channel"] or Topic.Channel.EMAIL


class CampaignForm(SiteForm):
    """Offers what is registered now, and shows what isn't any more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        topics = Topic.objects.all()
        self.topics = within(topics, self.for_user) if self.for_user else topics
        if "topic" in self.fields:
            self.fields["topic"].queryset = self.topics
        if "sms_topic" in self.fields:
            self._offer_sms_topics()
        if "trigger" in self.fields:
            self.fields["trigger"].widget.choices = trigger_choices(self.instance.trigger)
        if "entry_rule" in self.fields:
            rules = Campaign.EntryRule.choices
            self.fields["entry_rule"].choices = [(rule, capfirst(text)) for rule, text in rules]
        others = Campaign.objects.filter(site=self.instance.site_id).exclude(pk=self.instance.pk)
        for name in ("not_while", "takes_over"):
            if name in self.fields:
                self.fields[name].queryset = others
                if not others:
                    del self.fields[name]  # its panel hides itself with the field
        if "time_zone" in self.fields:
            self.fields["time_zone"].widget.choices = zone_choices(self.instance.time_zone)

    def _offer_sms_topics(self) -> None:
        """Topics of text messages, and the one that is chosen; where there are none, no field."""
        of_texts = Q(channel=Topic.Channel.SMS) | Q(pk=self.instance.sms_topic_id)
        self.fields["sms_topic"].queryset = topics = self.topics.filter(of_texts)
        if not topics:
            del self.fields["sms_topic"]  # its panel hides itself with the field

    class Media:
        css = {"all": ["wagtail_drip/campaign.css"]}
        js = ["wagtail_drip/saving.js", "wagtail_drip/campaign.js"]


def trigger_choices(current: str) -> list[tuple[str, str]]:
    """All registered triggers; an unknown `current` stays a choice that says so."""
    known = registry.triggers()
    choices = [("", _("Choose what starts it"))]
    choices += [(slug, _("Somebody %s") % trigger.label) for slug, trigger in known.items()]
    if current and current not in known:
        choices.append((current, trigger_label(current)))
    return choices


def trigger_label(slug: str) -> str:
    """The trigger as editors read it; an unknown one shows itself."""
    trigger = registry.triggers().get(slug)
    if trigger:
        return str(trigger.label)
    return _("unknown event “%s”") % slug if slug else ""


def zone_choices(current: str) -> list[tuple[str, str]]:
    zones = sorted(available_timezones() | ({current} if current else set()))
    default = _("The site's: %s") % settings.TIME_ZONE
    return [("", default), *((zone, zone.replace("_", " ")) for zone in zones)]


STATUSES = [
    ("draft", gettext_lazy("Draft")),
    ("live", gettext_lazy("Live")),
    ("paused", gettext_lazy("Paused")),
    ("stopped", gettext_lazy("Stopped")),
]


def status_label(campaign: Campaign) -> str:
    return str(dict(STATUSES)[campaign.status])
