"""From a campaign to its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wagtail.blocks import StreamValue
from wagtail.models import Site

from ... import registry
from ...flow.parts import walk
from ...models import Campaign, Step
from .references import convert, outward

FORMAT = 1
PLAIN = {
    Campaign: (
        "slug",
        "name",
        "stage",
        "trigger",
        "leave_audience",
        "entry_rule",
        "entry_days",
        "transactional_reason",
        "sender_name",
        "sender_email",
        "reply_to",
        "time_zone",
        "priority",
        "holds_others",
        "rate",
        "track_clicks",
        "track_opens",
        "utm_source",
        "by_hand",
        "by_hand_for",
    ),
    Step: ("name", "channel", "stage", "subject", "preheader", "sender_name", "sender_email"),
}
TOPICS = ("topic", "sms_topic")
OTHERS = ("not_while", "takes_over")  # lists of campaigns
STREAMS = {Campaign: ("audience", "goals", "flow"), Step: ("body", "message")}


def export_campaign(campaign: Campaign) -> dict[str, Any]:
    """The campaign and its mails as editors see them, unpublished changes included."""
    draft = campaign.get_latest_revision_as_object()
    site = draft.site
    steps = [step_data(step, site) for step in _steps(draft)]
    return {"format": FORMAT, "campaign": campaign_data(draft, site), "steps": steps}


def as_text(data: Mapping[str, Any]) -> str:
    """A file's text: the same campaign gives the same bytes."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def campaign_data(draft: Campaign, site: Site) -> dict[str, Any]:
    topics = {name: getattr(draft, name) for name in TOPICS}
    slugs = {name: topic.slug if topic else None for name, topic in topics.items()}
    others = {name: sorted(one.slug for one in getattr(draft, name).all()) for name in OTHERS}
    return {**_plain(draft), **slugs, **others, **_streams(draft, site)}


def step_data(draft: Step, site: Site) -> dict[str, Any]:
    key = {"key": str(draft.translation_key), "language": draft.locale.language_code}
    return {**key, **_plain(draft), **_streams(draft, site)}


def _plain(row: Campaign | Step) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PLAIN[type(row)]}


def _streams(row: Campaign | Step, site: Site) -> dict[str, Any]:
    return {
        name: convert(
            getattr(row, name).stream_block,
            raw(getattr(row, name)),
            lambda block, value, _path: outward(block, value, site),
            lambda item, _path: item.get("id"),
            "",
        )
        for name in STREAMS[type(row)]
    }


def raw(value: StreamValue) -> list[dict[str, Any]]:
    """Raw data with the ids that saving would give."""
    return value.stream_block.get_prep_value(value)


def _steps(draft: Campaign) -> list[Step]:
    """The drafts of the mails in the flow's order, each followed by its translations."""
    placed = walk(raw(draft.flow), registry.flow_blocks())
    ids = list(dict.fromkeys(pk for one in placed if one.part for pk in one.part.steps(one.value)))
    chosen = Step.objects.in_bulk(ids)
    keys = list(dict.fromkeys(chosen[pk].translation_key for pk in ids if pk in chosen))
    rows = Step.objects.filter(translation_key__in=keys).select_related("locale")
    ordered = sorted(
        rows,
        key=lambda row: (keys.index(row.translation_key), row.pk not in chosen, row.locale_id),
    )
    return [row.get_latest_revision_as_object() for row in ordered]
