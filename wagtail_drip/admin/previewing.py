"""Previews of a campaign beside the editor: all its mails, and what will happen."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from .. import registry
from ..content import making
from ..content.messages import Message
from ..engine.foretelling import foretell
from ..engine.foretold import Sample
from ..flow.parts import walk
from ..models import Campaign, Step
from ..models.previewing import message_page
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


def all_mails(campaign: Campaign) -> dict[str, Any]:
    """For the preview's template: `mails`, each of the flow's as its latest draft has it."""
    placed = walk(raw(campaign.flow), registry.flow_blocks())
    sent = (pk for one in placed if one.part for pk in one.part.steps(one.value))
    ids = list(dict.fromkeys(pk for pk in sent if type(pk) is int))
    rows = Step.objects.select_related("locale", "latest_revision").in_bulk(ids)
    return {"mails": [_mail(rows[pk], campaign) for pk in ids if pk in rows]}


def _mail(row: Step, campaign: Campaign) -> dict[str, Any]:
    step = row.get_latest_revision_as_object()
    shown = {"name": step.name, "live": row.live, "changed": row.has_unpublished_changes}
    try:
        source = step.source(campaign=campaign)
        mail = making.sample(source)
        if isinstance(mail, Message):
            return {**shown, "html": message_page(mail, step, source)}
    except Exception as error:  # a draft may hold anything
        return {**shown, "trouble": _now("This mail can't be shown yet: %s") % error}
    return {**shown, "subject": mail.subject, "html": mail.html}


def connect() -> None:
    Campaign.more_previews[Campaign.approval_preview] = (_("All mails"), all_mails)
    Campaign.more_previews["plan"] = (_("What will happen"), will_happen)
