"""What a flow names, mails and campaigns: what they are called, and what the gate must know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from .. import registry
from ..flow import compiling
from ..flow.compiling import CampaignInfo, StepInfo
from .campaigns import Campaign
from .steps import Step


def names_in(*flows: list[dict[str, Any]]) -> dict[Any, str]:
    """The names of what these flows name, as `flow.parts.Names` has them. Two queries at most."""
    steps = Step.objects.filter(pk__in=set().union(*map(compiling.step_ids, flows)))
    names: dict[Any, str] = dict(steps.values_list("pk", "name"))
    if ids := set().union(*map(compiling.campaign_ids, flows)):
        others = Campaign.objects.filter(pk__in=ids).values_list("pk", "name")
        names |= {("campaign", pk): name for pk, name in others}
    return names


def steps_info(campaign: Campaign, ids: set[int]) -> dict[int, StepInfo]:
    steps = Step.objects.filter(pk__in=ids).select_related("site", "locale")
    foreign = _foreign(campaign, steps)
    return {step.pk: _step_info(step, campaign, foreign) for step in steps}


def _foreign(campaign: Campaign, steps: Iterable[Step]) -> set[Any]:
    """The translation keys of mails that the site's main language lacks.

    Which translation a flow names makes no difference: each reader gets their own, and whoever
    has none the site's.
    """
    main = campaign.site.root_page.locale_id
    keys = {step.translation_key for step in steps if step.locale_id != main}
    if not keys:
        return set()
    own = Step.objects.filter(translation_key__in=keys, locale_id=main, live=True)
    return keys - set(own.values_list("translation_key", flat=True))


def _step_info(step: Step, campaign: Campaign, foreign: set[Any]) -> StepInfo:
    from ..content import checking

    # An unpublished mail's row is no more than where its drafts hang: nothing to check there.
    problems = checking.problems(step.source()) if step.live else []
    if channel := registry.channels().get(step.channel):
        problems += [obstacle] if (obstacle := channel.obstacle()) else []
    else:
        problems.append(_("This site has no channel “%s”.") % step.channel)
    language = step.locale.get_display_name() if step.translation_key in foreign else ""
    return StepInfo(
        step.name,
        step.live,
        step.site_id == campaign.site_id,
        tuple(problems),
        language,
        step.channel,
    )


def campaigns_info(campaign: Campaign, ids: set[int]) -> dict[int, CampaignInfo]:
    if not ids:
        return {}
    rows = Campaign.objects.filter(Q(live=True) | Q(pk__in=ids)).defer("flow")
    known = {row.pk: row for row in rows.select_related("current_version")}
    leads = {pk: _leads_to(row) if row.live else [] for pk, row in known.items()}
    names = {pk: row.name for pk, row in known.items()} | {campaign.pk: campaign.name}
    return {
        pk: CampaignInfo(
            known[pk].name,
            known[pk].live or pk == campaign.pk,
            known[pk].site_id == campaign.site_id,
            tuple(names[stop] for stop in _way(pk, campaign.pk, leads, campaign.pk)),
        )
        for pk in ids & known.keys()
    }


def _leads_to(campaign: Campaign) -> list[int]:
    try:
        program = compiling.load(campaign.current_version.program)  # type: ignore[union-attr]
    except Exception:  # one that can't be read lets nobody on
        return []
    return [action["campaign"] for action in program.actions("enroll")]


def _way(start: Any, end: Any, leads: Mapping[Any, list[Any]], first: Any) -> list[Any]:
    """The campaigns from `first` by `start` to `end`, the shortest way; [] where there is none."""
    ways, seen = [[first, start]], {start}
    for way in ways:  # it grows on the way
        if way[-1] == end:
            return way
        for stop in leads.get(way[-1], []):
            if stop == end or stop not in seen:
                seen.add(stop)
                ways.append([*way, stop])
    return []
