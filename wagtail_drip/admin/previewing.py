"""What will happen, as one of the previews of a campaign: its draft, as it stands in the editor."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..engine.foretelling import foretell
from ..engine.foretold import Sample
from ..models import Campaign
from ..models.publishing import unfinished
from ..streams import raw
from .foretelling_forms import starting
from .telling import told


def will_happen(campaign: Campaign) -> dict[str, Any]:
    """For the preview's template: `plan`, or `problems` that keep it from being told."""
    if problems := unfinished(campaign):
        return {"problems": problems}
    start = timezone.now().replace(microsecond=0)
    try:
        event = starting(campaign, start)
        plan = foretell(campaign, Sample(), start=start, what_if=[event], draft=True)
    except ValueError as error:
        return {"problems": [str(error)]}
    return {"plan": told(plan, raw(campaign.flow))}


def connect() -> None:
    Campaign.more_previews["plan"] = (_("What will happen"), will_happen)
