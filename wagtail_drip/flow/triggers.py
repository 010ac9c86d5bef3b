"""Triggers: the kinds of events that site code may record, and that campaigns start on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import registry

SITE = "_site"  # in an event's data: it concerns this site's campaigns alone


@dataclass(frozen=True)
class Trigger:
    """One kind of event, registered by `register_drip_triggers` under its slug.

    `label` completes "Somebody …" and "they …": "signed up", "placed an order". `sample` shows
    what an event's data looks like (previews and tests use it); `required` are the keys that
    `record` insists on; `value` is the key of what it was worth, a number or "18.50".
    """

    slug: str
    label: str | Promise
    sample: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    # Its campaigns must have a mailing topic: mail about such an event is never transactional.
    topic_only: bool = False
    value: str = ""
    # Whether it shows interest: whoever does it and never ordered is a lead, no target.
    interest: bool = True

    def problems(self, data: Mapping[str, Any]) -> list[str]:
        """What is wrong with an event's data, in words for the developer who recorded it."""
        return [
            _("Data of “%(slug)s” lacks “%(key)s”.") % {"slug": self.slug, "key": key}
            for key in self.required
            if data.get(key) in (None, "")
        ]

    def concerns(self, data: Mapping[str, Any], *, site_id: int, topic: str, campaign: str) -> bool:
        """Whether such an event may start this campaign, of this site and topic ("": of none); the
        last two are short names."""
        return data.get(SITE) in (None, site_id)


class OfTopic(Trigger):
    """Starts the campaigns of the topic that the event is about."""

    def concerns(self, data: Mapping[str, Any], *, site_id: int, topic: str, campaign: str) -> bool:
        return data.get("topic") == topic


class OfSite(Trigger):
    """Starts the campaigns of the site that the event happened on."""

    def concerns(self, data: Mapping[str, Any], *, site_id: int, topic: str, campaign: str) -> bool:
        return data.get("site") == site_id


class OfForm(Trigger):
    """Starts the campaign that the form's page names; where it names none, all of them."""

    def concerns(self, data: Mapping[str, Any], *, site_id: int, topic: str, campaign: str) -> bool:
        if data.get("campaign") not in (None, campaign):
            return False
        return super().concerns(data, site_id=site_id, topic=topic, campaign=campaign)


SUBSCRIBED = "subscribed"
LEFT_TOPIC = "left_topic"
CANCELED = "service_canceled"
ASKED_FOR_TOPICS = "asked_for_topics"
CLICKED = "mail_clicked"
LAUNCHED = "launched"
FORM_SUBMITTED = "form_submitted"
ASKED_FOR_EXPORT = "asked_for_export"
TASK_DONE = "task_done"
# What this package alone records; other systems can't (integrations/endpoint.py).
OWN = {SUBSCRIBED, LEFT_TOPIC, ASKED_FOR_TOPICS, CLICKED, LAUNCHED, ASKED_FOR_EXPORT, TASK_DONE}


def event_choices() -> list[tuple[str, Any]]:
    """What somebody may have done, for a block's field."""
    choose = [("", _("choose what they did"))]
    return choose + [(slug, trigger.label) for slug, trigger in registry.triggers().items()]


def keys_of_data() -> list[str]:
    """The names of data that any kind of event carries."""
    return sorted({key for t in registry.triggers().values() for key in (*t.sample, *t.required)})


def same_choices() -> list[tuple[str, str]]:
    return [("", _("no matter what")), *((key, key) for key in keys_of_data())]


def builtin() -> dict[str, Trigger]:
    news = {"topic": "news", "name": "Book news"}
    asked = {"site": 1, "key": "0" * 32, "topics": ["Book news"]}
    done = {"title": "Call Alex", "kind": "call", "campaign": "welcome"}
    clicked = {
        "campaign": "welcome",
        "mail": "Hello",
        "mail_key": "b1f7c1f0-0000-4000-8000-000000000000",
        "url": "https://www.example.com/offer",
    }
    found = [
        Trigger("user_signed_up", gettext_lazy("signed up")),
        OfTopic(SUBSCRIBED, gettext_lazy("subscribed to the mailing topic"), news, ("topic",)),
        Trigger(
            LEFT_TOPIC,
            gettext_lazy("left another mailing topic"),
            news,
            ("topic",),
            True,
            interest=False,
        ),
        Trigger(
            CANCELED,
            gettext_lazy("canceled a service"),
            {"service": "Reading club"},
            interest=False,
        ),
        OfSite(ASKED_FOR_TOPICS, gettext_lazy("asked for mail and must confirm"), asked, ("key",)),
        # Told by engine/reacting.py; programs that follow links don't count.
        Trigger(CLICKED, gettext_lazy("clicked a link in a mail"), clicked),
        OfForm(FORM_SUBMITTED, gettext_lazy("sent in a form of the site")),
        # Recorded by nobody: engine/occurring.py lets them in.
        Trigger(
            LAUNCHED,
            gettext_lazy("is among its people when the campaign goes live"),
            interest=False,
        ),
        Trigger(TASK_DONE, gettext_lazy("had a staff task done for them"), done),
        OfSite(
            ASKED_FOR_EXPORT,
            gettext_lazy("asked for a copy of their data"),
            asked,
            ("key",),
            interest=False,
        ),
    ]
    return {trigger.slug: trigger for trigger in found}
