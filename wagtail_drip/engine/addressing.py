"""Addressing: from, reply-to, list and leave link of one delivery, and whom it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from .. import registry
from ..conf import conf
from ..content.links import leave_urls, short_reactions, signing_reactions
from ..content.person_links import preferences_urls
from ..content.personalizing import Envelope, Recipient
from ..models import Campaign, Contact, Step
from .loading import Due, Person
from .planning import message_id


def envelopes(deliveries: Sequence[Due], step: Step, campaign: Campaign) -> dict[int, Envelope]:
    """By delivery. Settings are read live: a sender corrected now is that of what goes next."""
    from_email, list_of, tags = sender(step, campaign), list_id(campaign), (campaign.slug,)
    leave_url, preferences_url, reaction = leave_urls(), preferences_urls(), signing_reactions()
    channel = registry.channels().get(step.channel)
    short = short_reactions() if channel and channel.short_links else None
    reply_to, one_click = campaign.reply_to, not campaign.transactional
    return {
        delivery.pk: Envelope(
            message_id=delivery.message_id or message_id(delivery.token, from_email),
            leave_url=leave_url(delivery.token),
            reaction=short(delivery.pk) if short else reaction(delivery.token),
            from_email=from_email,
            preferences_url=preferences_url(person.hex)
            if (person := delivery.contact.uuid)
            else "",
            reply_to=reply_to,
            list_id=list_of,
            metadata={"drip": delivery.token},
            tags=tags,
            one_click=one_click,
        )
        for delivery in deliveries
    }


def recipient(delivery: Due, campaign: Campaign) -> Recipient:
    return reader(
        delivery.contact,
        delivery.enrollment.contact_id,
        id=delivery.pk,
        data=delivery.enrollment.data,
        campaign=campaign.slug,
        node=delivery.node,
        enrollment_id=delivery.enrollment.pk,
    )


def reader(
    contact: Person | Contact,
    contact_id: int,
    *,
    id: int = 0,
    data: Mapping[str, Any],
    campaign: str = "",
    node: str = "",
    enrollment_id: int | None = None,
) -> Recipient:
    """Somebody as merge fields and blocks know them. `data`: of the event that it is about."""
    return Recipient(
        id=id,
        contact_id=contact_id,
        enrollment_id=enrollment_id,
        email=contact.email,
        first_name=contact.first_name,
        last_name=contact.last_name,
        language=contact.language,
        time_zone=contact.time_zone,
        attributes=contact.attributes,
        user_id=contact.user_id,
        data=data,
        campaign=campaign,
        node=node,
        track_clicks=contact.track_clicks,
        track_opens=contact.track_opens,
    )


def sender(step: Step, campaign: Campaign | None) -> str:
    """`Name <address>`: each part the step's, else the campaign's, else the site's."""
    name, address = _parsed(conf.FROM_EMAIL)
    name = step.sender_name or (campaign.sender_name if campaign else "") or name
    address = step.sender_email or (campaign.sender_email if campaign else "") or address
    if not name:
        return address
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


@lru_cache(maxsize=16)
def _parsed(mailbox: str) -> tuple[str, str]:
    return parseaddr(mailbox)


def list_id(campaign: Campaign) -> str:
    """RFC 2919. By primary key, so that readers' filters outlive every renaming."""
    host = urlsplit(conf.BASE_URL).hostname or "localhost"
    if campaign.topic_id:
        return f"<topic-{campaign.topic_id}.{host}>"
    return f"<campaign-{campaign.pk}.{host}>"
