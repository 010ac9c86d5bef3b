"""What the content wing needs of a step to make mail: a Source."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .. import registry
from ..conf import conf
from ..content.compiling import Brand, Source
from ..content.messages import Words
from ..content.targets import Tracking

if TYPE_CHECKING:
    from .campaigns import Campaign
    from .steps import Step


def tracking(campaign: Campaign) -> Tracking:
    """What is done to the links of its mails: what site and campaign both want."""
    from .reactions import keys_of, site_settings

    site, host = site_settings(campaign.site), urlsplit(conf.BASE_URL).hostname
    utm = {
        "utm_source": campaign.utm_source,
        "utm_medium": "email",
        "utm_campaign": campaign.slug,
    }
    return Tracking(
        keys=keys_of if site.track_clicks and campaign.track_clicks else None,
        opens=site.track_opens and campaign.track_opens,
        utm=utm if campaign.utm_source else {},
        hosts={name for name in (host, campaign.site.hostname) if name},
    )


def source(step: Step, brand: Brand, campaign: Campaign | None = None) -> Source:
    """A step's message as compile_message and checking take it."""
    from .standing import because

    topic = campaign.topic if campaign else None
    return Source(
        subject=step.subject,
        preheader=step.preheader,
        body=step.body,
        language=step.locale.language_code,
        brand=brand,
        topic=topic.name if topic else "",
        campaign=campaign.name if campaign else "",
        because=because(campaign, step.locale.language_code) if campaign and not topic else "",
        tracking=tracking(campaign) if campaign else Tracking(),
        words=words(step),
    )


def words(step: Step) -> Words | None:
    """What it says by another channel; None: it is a mail."""
    channel = registry.channels().get(step.channel)
    if channel is None:
        # An app that was taken out: nothing is known of its block any more, and nothing goes.
        return Words(step.message) if len(step.message) else None
    return Words(step.message, channel.address_of) if channel.block is not None else None
