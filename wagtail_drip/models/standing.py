"""Standing campaigns: the series of one mail that the package itself needs.

They are campaigns like any other: editors change their words, translate, pause or extend them. What
is missing is made when it is first needed, live, in every language of the site.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from wagtail.models import Locale, Site

from ..flow.triggers import ASKED_FOR_EXPORT, ASKED_FOR_TOPICS
from ..streams import with_ids
from .campaigns import Campaign
from .steps import Step

Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Kind:
    slug: str
    words: Callable[[], Words]  # in the language that is active


def _to_confirm() -> Words:
    return {
        "name": _("Please confirm"),
        "because": _("somebody, most likely you, asked for mail to this address."),
        "subject": _("Please confirm that you want our mail"),
        "preheader": _("One press of a button, and you are in."),
        "heading": _("Is this what you want?"),
        "before": _("With this address somebody, most likely you, asked us to send:"),
        "label": _("Yes, send me that"),
        "after": _("It was not you? Then do nothing: you get nothing more from us."),
    }


def _to_export() -> Words:
    return {
        "name": _("A copy of your data"),
        "because": _("somebody, most likely you, asked for a copy of your data."),
        "subject": _("A copy of your data"),
        "preheader": _("The link works for a day."),
        "heading": _("Here is what we know of you"),
        "before": _("Somebody, most likely you, asked for a copy of all we keep about you."),
        "label": _("Get the copy"),
        "after": _(
            "The button works for a day. It was not you? Then do nothing: without this mail "
            "nobody gets it."
        ),
    }


_KINDS = {
    ASKED_FOR_TOPICS: _Kind("please-confirm", _to_confirm),
    ASKED_FOR_EXPORT: _Kind("copy-of-your-data", _to_export),
}


def standing(trigger: str, site: Site) -> Campaign:
    """The campaign of the site that answers this event, made where there is none.

    One that editors have stopped stays stopped.
    """
    kind = _KINDS[trigger]
    slug = kind.slug if site.is_default_site else f"{kind.slug}-{site.pk}"
    if found := Campaign.objects.filter(slug=slug).first():
        return found
    try:
        with transaction.atomic():
            return _made(kind, trigger, slug, site)
    except IntegrityError:  # somebody else was quicker
        return Campaign.objects.get(slug=slug)


def silent() -> QuerySet[Campaign]:
    """The campaigns that should answer what people ask for, and don't: stopped or paused, with no
    other of their site in their place."""
    answering = Campaign.objects.filter(trigger__in=_KINDS, started_at__isnull=False)
    same = answering.filter(site=OuterRef("site"), trigger=OuterRef("trigger"))
    found = answering.filter(~Exists(same.filter(live=True, paused_at=None)))
    return found.defer("flow", "audience", "goals").order_by("pk")


def what_is_lost(campaign: Campaign) -> str:
    """What people wait for in vain while it is silent."""
    return {
        ASKED_FOR_TOPICS: _("Whoever must confirm a sign-up can't, and gets nothing."),
        ASKED_FOR_EXPORT: _("Whoever asks for a copy of their data doesn't get it."),
    }[campaign.trigger]


def because(campaign: Campaign, language: str) -> str:
    """Why its readers get its mails: in their language, as long as editors left our own words."""
    said, kind = campaign.transactional_reason, _KINDS.get(campaign.trigger)
    if kind is None:
        return said
    codes = {"en", settings.LANGUAGE_CODE, *dict(settings.LANGUAGES)}
    ours = {_words(kind, code)["because"] for code in codes}
    return _words(kind, language)["because"] if said in ours else said


def _words(kind: _Kind, language: str) -> Words:
    with translation.override(language):
        return kind.words()


def _made(kind: _Kind, trigger: str, slug: str, site: Site) -> Campaign:
    locale = site.root_page.locale
    words = _words(kind, locale.language_code)
    campaign = Campaign(
        slug=slug,
        site=site,
        name=words["name"],
        trigger=trigger,
        entry_rule=Campaign.EntryRule.PER_EVENT,
        transactional_reason=words["because"],
        live=False,
    )
    campaign.save()  # first: its short name decides who makes it
    original = _step(kind, locale, site)
    for other in Locale.objects.exclude(pk=locale.pk):
        _step(kind, other, site, translation_of=original)
    flow: Any = json.dumps(with_ids([{"type": "send", "value": {"step": original.pk}}]))
    campaign.flow = flow
    campaign.save_revision().publish()
    campaign.refresh_from_db()
    return campaign


def _step(kind: _Kind, locale: Locale, site: Site, translation_of: Step | None = None) -> Step:
    words = _words(kind, locale.language_code)
    step = Step(
        site=site,
        locale=locale,
        name=words["name"],
        subject=words["subject"],
        preheader=words["preheader"],
        live=False,
    )
    if translation_of:
        step.translation_key = translation_of.translation_key
    body: Any = json.dumps(_body(words))
    step.body = body
    step.save()
    step.save_revision().publish()
    return step


def _body(words: Words) -> list[dict[str, Any]]:
    blocks = [
        ("heading", {"text": words["heading"], "size": "large"}),
        ("text", f"<p>{words['before']}</p>"),
        ("confirm", {"label": words["label"]}),
        ("text", f"<p>{words['after']}</p>"),
    ]
    return [{"type": kind, "value": value, "id": str(uuid4())} for kind, value in blocks]
