"""What the content wing needs of a step and its site to make mail: Source and Brand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from wagtail.models import Site

from ..conf import conf
from ..content.compiling import Brand, Source

if TYPE_CHECKING:
    from .campaigns import Campaign
    from .steps import Step


def brand(site: Site) -> Brand:
    """Who mail of this site is from: its name, where links lead, its postal address."""
    return Brand(
        name=site.site_name or getattr(settings, "WAGTAIL_SITE_NAME", "") or site.hostname,
        base_url=conf.BASE_URL or site.root_url,
        postal_address=conf.POSTAL_ADDRESS,
    )


def source(step: Step, brand: Brand, campaign: Campaign | None = None) -> Source:
    """A step's message as compile_message and checking take it."""
    topic = campaign.topic if campaign else None
    return Source(
        subject=step.subject,
        preheader=step.preheader,
        body=step.body,
        language=step.locale.language_code,
        brand=brand,
        topic=topic.name if topic else "",
        because=campaign.transactional_reason if campaign and not topic else "",
    )
